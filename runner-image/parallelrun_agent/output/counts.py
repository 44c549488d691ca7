"""What a set of winning records adds up to."""

from __future__ import annotations

import numpy

from parallelrun.leases.allocator import Counts
from parallelrun_agent.output.segments import Records
from parallelrun_worker.segment import SUCCEEDED


def counts_of(records: Records) -> Counts:
    """Of one record a mini-batch: a success's missing elements and all items of a failure are failed items."""
    success = records["status"] == SUCCEEDED
    items = records["items"].astype(numpy.int64)
    succeeded = numpy.where(success, numpy.minimum(items, records["returned"].astype(numpy.int64)), 0)
    return Counts(
        completed=len(records),
        failed=int((~success).sum()),
        retried=int((records["try_number"] > 1).sum()),
        items_succeeded=int(succeeded.sum()),
        items_failed=int((items - succeeded).sum()),
    )
