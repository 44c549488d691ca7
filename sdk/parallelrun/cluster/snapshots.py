"""A job's status and its nodes' Leases as the snapshot that displays of local runs show. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from parallelrun.cluster.jobs import Job, unix_time
from parallelrun.kube.client import Json
from parallelrun.kube.lease_store import LEASE_ANNOTATION
from parallelrun.local.request import NodeView, Snapshot

_NODES_SHOWN = 1000
#: Lines, and characters, of the reason for a pause.
_LINES_KEPT, _LONGEST = 4, 500


def snapshot(job: Job, leases: Iterable[Json], now: float) -> Snapshot:
    """``now``: Unix time."""
    status = job.status
    batches, items = status.get("miniBatches") or {}, status.get("items") or {}
    start = unix_time(status.get("startTime"))
    end = unix_time(status.get("completionTime")) or now
    suspended = job.phase == "Suspended"
    return Snapshot(
        phase="Running" if suspended else job.phase,
        total=batches.get("total"),
        completed=batches.get("completed") or 0,
        failed=batches.get("failed") or 0,
        retried=batches.get("retried") or 0,
        items_succeeded=items.get("succeeded") or 0,
        items_failed=items.get("failed") or 0,
        elapsed=max(0.0, end - start) if start is not None else 0.0,
        nodes=nodes(leases, int(job.spec.get("nodeCount") or 1)),
        stalled=_brief(job.stalled),
        first_error=_first_error(status.get("firstErrors") or []),
        suspended=suspended,
        preparing=job.preparing,
    )


def nodes(leases: Iterable[Json], count: int) -> list[NodeView]:
    """The first ``count`` nodes as their Leases tell; one that nobody holds is starting."""
    found = {}
    for lease in leases:
        meta = lease["metadata"]
        number = str(meta["name"]).rpartition("-node-")[2]
        if number.isdecimal() and int(number) < count:
            found[int(number)] = _node(int(number), (meta.get("annotations") or {}).get(LEASE_ANNOTATION))
    return [found[number] for number in sorted(found)][:_NODES_SHOWN]


def _node(number: int, text: str | None) -> NodeView:
    try:
        value: Any = json.loads(text) if text else {}
    except ValueError:
        value = {}
    progress = value.get("progress") or {} if value.get("holder") else {}
    return NodeView(
        number,
        str(progress.get("state") or "starting"),
        int(progress.get("completed") or 0),
        int(progress.get("processes") or 0),
        [str(one) for one in progress.get("running") or []],
    )


def _brief(text: str) -> str:
    """A message on one line: of one with a traceback in it, its begin and the exception."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    kept = lines if len(lines) < _LINES_KEPT else [lines[0], "...", lines[-2], lines[-1]]
    return " ".join(kept)[-_LONGEST:]


def _first_error(found: list[Json]) -> str:
    lines = str(found[0].get("message") or "").strip().splitlines() if found else []
    return lines[-1] if lines else ""
