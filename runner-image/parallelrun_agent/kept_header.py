"""The header as a file of the job's folder, for jobs that run again what failed in this one.

In a cluster the header itself goes with its job, or may be deleted by hand. So it is kept as soon as there is a plan,
and once more at the job's end. On one machine the lease store keeps it.
"""

from __future__ import annotations

import json

from parallelrun.api import layout
from parallelrun.leases.header import Header
from parallelrun_agent.job import Job
from parallelrun_agent.output.durable import write_file
from parallelrun_agent.stall import Stall


async def keep_planned(job: Job, stall: Stall, header: Header) -> None:
    """Keep the header of a job that was just planned, unless another agent has. Raises OutputError."""
    if not (job.folder / layout.HEADER).exists():
        await keep(job, stall, header)


async def keep(job: Job, stall: Stall, header: Header) -> None:
    """Keep ``header``. Raises OutputError."""
    if job.settings.in_pod:
        content = json.dumps(header.to_json(), indent=1).encode()
        await stall.run(write_file, job.folder / layout.HEADER, content)
