"""What a node's machine keeps about its leases: tries that were spent, and mini-batches that failed for good; pure."""

from __future__ import annotations

from collections import deque

from parallelrun_agent import events as ev
from parallelrun_agent.open_lease import OpenLease
from parallelrun_agent.rules import Rules
from parallelrun_agent.worker_process import Blame


class Ledger:
    """The machine's part that charges; instructions go to ``_out``."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.leases: dict[int, OpenLease] = {}  # by start
        self.completed = 0  # mini-batches that came to an end here
        self.failures_written = 0
        self.failures_unsealed: deque[tuple[int, OpenLease, int]] = deque()
        self.first_error = ""
        self.first_failure: tuple[int, str] | None = None  # a mini-batch that failed for good, and why
        self._out: list[ev.Instruction] = []

    def _spent_before(self, lease: OpenLease, mini_batch: int, items: int) -> None:
        lease.mark(mini_batch)
        if mini_batch in lease.suspects:
            lease.suspects.remove(mini_batch)
        text = "all tries were spent under a former holder of this mini-batch, whose worker died with it"
        self._record_failure(lease, mini_batch, Blame(ev.AGENT, "died", text, items))

    def _charge(
        self, lease: OpenLease, mini_batch: int, blame: Blame, alone: bool = False, final: bool = False
    ) -> None:
        tries = lease.charged[mini_batch] = lease.charged.get(mini_batch, 0) + 1
        self._out.append(ev.Charge(mini_batch, lease.epoch, tries, blame.process, blame.kind, blame.text))
        self.first_error = self.first_error or blame.text
        if final or tries >= self.rules.run_max_try:
            self._record_failure(lease, mini_batch, blame)
        elif alone:
            lease.suspects.appendleft(mini_batch)
        else:
            lease.retry.append(mini_batch)

    def _record_failure(self, lease: OpenLease, mini_batch: int, blame: Blame) -> None:
        tries = lease.charged[mini_batch]
        self.first_failure = self.first_failure or (mini_batch, blame.text)
        items = max(blame.items, 1)
        lease.completed += 1
        lease.failed += 1
        lease.retried += tries > 1
        lease.items_failed += items
        lease.unsealed += 1
        self.completed += 1
        self.failures_written += 1
        self.failures_unsealed.append((self.failures_written, lease, 1))
        self._out.append(ev.RecordFailure(mini_batch, lease.epoch, tries, items, blame))
