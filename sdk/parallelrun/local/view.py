"""How far a run is, summed up from the lease store: what is shown, and what thresholds are held against."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from parallelrun.api import layout
from parallelrun.leases.allocator import Counts, Shard
from parallelrun.leases.header import Header, Phase
from parallelrun.leases.node import NodeLease
from parallelrun.leases.tally import tally
from parallelrun.local.request import NodeView, Snapshot
from parallelrun_agent.report.overview import NodeProgress, Progress


class View:
    """Updated from whatever is in the store; every count in it was counted once."""

    def __init__(self, node_count: int) -> None:
        self._node_count = node_count
        self._started = time.monotonic()
        self._header: Header | None = None
        self._nodes: dict[int, NodeLease | None] = {}
        self._tally = tally((), {})
        self._first_error = ""
        self.models: dict[str, str] = {}  # versions by name of those that scripts asked for, beside what the job lists

    def update(self, header: Header, shards: Sequence[Shard], nodes: Mapping[int, NodeLease | None]) -> None:
        """Take in the state of the store."""
        self._header, self._nodes = header, dict(nodes)
        self._tally = tally(shards, nodes)
        self.asked(nodes)
        self._first_error = self._first_error or self._tally.first_error  # a new holder forgets its predecessor's

    def asked(self, nodes: Mapping[int, NodeLease | None]) -> None:
        """Take in which models scripts asked for."""
        for lease in nodes.values():
            self.models |= (lease.progress.get("models") if lease else None) or {}

    @property
    def counts(self) -> Counts:
        """Of mini-batches and items; all are done where an earlier run's results were taken over."""
        if self._header is not None and self._header.reused and self._header.plan is not None:
            total, items = self._header.plan.total, self._header.reused["items"]["succeeded"]
            return Counts(completed=total, items_succeeded=items)
        return self._tally.counts

    @property
    def init_failures(self) -> dict[int, int]:
        """How often init() failed, by node."""
        return self._tally.init_failures

    @property
    def first_error(self) -> str:
        """The first failure seen: a traceback or a reason."""
        return self._first_error

    def snapshot(self, suspended: bool) -> Snapshot:
        """As displays show it."""
        header, counts = self._header, self.counts
        return Snapshot(
            phase=(header.phase if header else Phase.PLANNING).value,
            total=header.plan.total if header and header.plan else None,
            completed=counts.completed,
            failed=counts.failed,
            retried=counts.retried,
            items_succeeded=counts.items_succeeded,
            items_failed=counts.items_failed,
            elapsed=time.monotonic() - self._started,
            nodes=[_node_view(n, self._nodes.get(n)) for n in range(self._node_count)],
            stalled=self._tally.stalled,
            first_error=(self._first_error.strip().splitlines() or [""])[-1],
            suspended=suspended,
        )

    def progress(self, shares: Mapping[str, int] | None = None) -> Progress:
        """As ``logs/job_progress_overview.txt`` has it.

        ``shares`` is what each node completed (``job_result.json``), once the job is over: the last heartbeats are of a
        moment before.
        """
        now, counts = self.snapshot(False), self.counts
        nodes = [NodeProgress(n.node, n.state, n.completed, n.processes) for n in now.nodes]
        if shares is not None:
            nodes = [NodeProgress(n.node, "ended", shares.get(layout.node_name(n.node), 0)) for n in now.nodes]
        return Progress(now.phase, now.total, *counts.as_tuple(), now.elapsed, nodes, now.stalled)


def _node_view(node: int, lease: NodeLease | None) -> NodeView:
    progress: dict[str, Any] = lease.progress if lease else {}
    state = progress.get("state", "starting") if lease and lease.holder else "starting"
    return NodeView(
        node, state, progress.get("completed", 0), progress.get("processes", 0), progress.get("running", [])
    )
