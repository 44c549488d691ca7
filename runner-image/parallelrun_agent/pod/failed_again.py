"""A job in a cluster that runs again only what failed in an earlier one, whose folder is on the same claim.

Before anything is planned: the earlier results are taken along, shards are made in which all that succeeded is
completed, and the header becomes the earlier one's next generation, which must find the same input. All of it can be
done by several pods at once; the first one's shards and header count. That the two manifests fit together, and that the
earlier job is over, the operator made sure of.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path

from parallelrun.api import layout
from parallelrun.api.errors import RunFolderError
from parallelrun.leases.client import Leases
from parallelrun.leases.header import Header, Phase
from parallelrun_agent import earlier_run, plain_files
from parallelrun_agent.output import durable

#: What a header is never larger than, since it was in a ConfigMap.
_HEADER_BYTES = 1 << 20


def is_due(header: Header) -> bool:
    """Whether nobody has done it yet."""
    return header.phase is Phase.PLANNING and header.generation == 1


async def go_on_from(base: Path, folder: Path, leases: Leases) -> None:
    """Make the job in ``folder`` one that goes on from the one in ``base``.

    Raises RunFolderError where it cannot, NoSpace and OutputError where ``folder`` cannot be written.
    """
    from parallelrun_agent.resumption import resumed_shards

    before = await asyncio.to_thread(_take, base, folder)
    own = await leases.header()
    header = _merged(own, before)
    shards = await asyncio.to_thread(resumed_shards, folder, header, header.epoch)
    for number, shard in enumerate(shards):
        await leases.create_shard(number, shard)
    await leases.update_header(lambda h: (_merged(h, before) if is_due(h) else h, None))


def _take(base: Path, folder: Path) -> Header:
    before = _kept_header(base)
    plan = earlier_run.plan_of(base, before)
    with durable.writing(folder):
        earlier_run.take_results(base, folder, plan)
    return before


def _kept_header(base: Path) -> Header:
    """What is there was written by our agents, or by a script that could write there too."""
    try:
        before = Header.from_json(json.loads(plain_files.read(base, layout.HEADER, _HEADER_BYTES)))
        if before.plan is not None and not re.fullmatch("[0-9a-f]+", before.plan.sha256):
            raise ValueError(f"{before.plan.sha256} is no hash")
    except FileNotFoundError:
        raise RunFolderError(
            f"spec.rerunOf: {base} has no {layout.HEADER}: that job was never planned, or its folder is gone.",
            "Run everything again (failedOnly: false).",
        ) from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunFolderError(
            f"spec.rerunOf: {base / layout.HEADER} cannot be read: {error}.",
            "Run everything again (failedOnly: false).",
        ) from None
    return before


def _merged(own: Header, before: Header) -> Header:
    """``before``'s next generation, as this job."""
    again = earlier_run.next_generation(before)
    return replace(
        again, job_uid=own.job_uid, spec_hash=own.spec_hash, source_hash=own.source_hash, shards=own.shards,
        open_shards=own.open_shards,
    )  # fmt: skip
