"""A job in a cluster that runs again only what failed in an earlier one, whose folder is on the same claim.

Before anything is planned: the earlier results are taken along, shards are made in which all that succeeded is
completed, and the header becomes the earlier one's next generation, which must find the same input. All of it can be
done by several pods at once; the first one's shards and header count.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from parallelrun.api import layout
from parallelrun.api.errors import InputChanged, RunFolderError
from parallelrun.leases.client import Leases
from parallelrun.leases.header import Header, Phase
from parallelrun_agent import earlier_run
from parallelrun_agent.output import durable

#: Fields of the spec that the plan or the sealed results were made with.
_FIXED = ("inputs", "miniBatchSize", "partitionKeys")
_FIXED_OF_OUTPUT = ("action", "format", "csv")


def is_due(header: Header) -> bool:
    """Whether nobody has done it yet."""
    return header.phase is Phase.PLANNING and header.generation == 1


async def go_on_from(base: Path, folder: Path, spec: Mapping[str, Any], leases: Leases) -> None:
    """Make the job in ``folder`` one that goes on from the one in ``base``.

    Raises RunFolderError and InputChanged where it cannot, NoSpace and OutputError where ``folder`` cannot be written.
    """
    from parallelrun_agent.resumption import resumed_shards

    before = await asyncio.to_thread(_take, base, folder, spec)
    own = await leases.header()
    header = _merged(own, before)
    shards = await asyncio.to_thread(resumed_shards, folder, header, header.epoch)
    for number, shard in enumerate(shards):
        await leases.create_shard(number, shard)
    await leases.update_header(lambda h: (_merged(h, before) if is_due(h) else h, None))


def _take(base: Path, folder: Path, spec: Mapping[str, Any]) -> Header:
    before = _ended(base)
    _refuse_fixed(base, spec)
    plan = earlier_run.plan_of(base, before)
    with durable.writing(folder):
        earlier_run.take_results(base, folder, plan)
    return before


def _ended(base: Path) -> Header:
    try:
        return Header.from_json(json.loads((base / layout.HEADER).read_bytes()))
    except FileNotFoundError:
        raise RunFolderError(
            f"spec.rerunOf: {base} has no {layout.HEADER}: that job did not come to its end, or its folder is gone.",
            "Wait until it has ended, or run everything again (failedOnly: false).",
        ) from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RunFolderError(
            f"spec.rerunOf: {base / layout.HEADER} cannot be read: {error}.",
            "Run everything again (failedOnly: false).",
        ) from None


def _refuse_fixed(base: Path, spec: Mapping[str, Any]) -> None:
    before = yaml.safe_load((base / layout.MANIFEST).read_bytes())["spec"]
    pairs = [(name, before.get(name), spec.get(name)) for name in _FIXED]
    outputs = before.get("output") or {}, spec.get("output") or {}
    pairs += [(f"output.{name}", outputs[0].get(name), outputs[1].get(name)) for name in _FIXED_OF_OUTPUT]
    for name, old, new in pairs:
        if old != new:
            raise InputChanged(
                f"spec.{name} was {json.dumps(old)}, now {json.dumps(new)}: what succeeded is merged with what "
                "succeeds now, and has to be made alike.",
                "Leave it as it was, or run everything again (failedOnly: false).",
            )


def _merged(own: Header, before: Header) -> Header:
    """``before``'s next generation, as this job."""
    again = earlier_run.next_generation(before)
    return replace(
        again, job_uid=own.job_uid, spec_hash=own.spec_hash, source_hash=own.source_hash, shards=own.shards,
        open_shards=own.open_shards,
    )  # fmt: skip
