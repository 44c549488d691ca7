"""The leases that a node holds, from the claim to the end: what of them is charged, durable, complete; pure.

What processes do with them is the machine's business, see ``machine.py``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import chain, islice

from parallelrun_agent import events as ev
from parallelrun_agent.open_lease import OpenLease
from parallelrun_agent.rules import Rules
from parallelrun_agent.worker_process import Blame

#: Give work back to other nodes only if it would keep this one busy for longer than this.
SHRINK_ABOVE_SECONDS = 4.0
#: Seal early when so many leases wait for nothing else: the allocator's state stays small.
MANY_LEASES = 8


class NodeLeases:
    """Of one node; instructions go to ``emit``."""

    def __init__(self, rules: Rules, emit: Callable[[ev.Instruction], None]) -> None:
        self._rules, self._emit = rules, emit
        self.open: dict[int, OpenLease] = {}  # by start
        self.claiming = False
        self.no_work = False
        self.unclaimed: int | None = None  # by anybody, as far as is known
        self._last_claim = 0
        self.completed = 0  # mini-batches that came to an end here
        self.failures_written = 0
        self.failures_unsealed: deque[tuple[int, OpenLease, int]] = deque()
        self.first_error = ""
        self.first_failure: tuple[int, str] | None = None  # a mini-batch that failed for good, and why
        self.seal_asked = False
        self.drained = False

    @property
    def left(self) -> int:
        """Mini-batches that were not handed out."""
        return sum(lease.left for lease in self.open.values())

    def upcoming(self, count: int) -> list[int]:
        """Up to ``count`` mini-batches that are not handed out, in the order in which they are going to be."""
        suspects = chain.from_iterable(lease.suspects for lease in self.open.values())
        found = list(islice(suspects, count))
        for lease in self.open.values():
            if len(found) >= count:
                break
            found += lease.upcoming(count - len(found))
        return found

    # --- they come ---

    def claim(self, rate: float) -> None:
        """Ask for one more, unless that was asked already, or there is nothing; ``rate``: mini-batches a second."""
        if not self.claiming and not self.no_work:
            self.claiming = True
            self._emit(ev.Claim(self._last_claim, rate))

    def granted(self, event: ev.LeaseGranted) -> None:
        """One came, with what its former holders tell."""
        self.claiming = False
        self.unclaimed = event.unclaimed
        self._last_claim = event.stop - event.start
        lease = OpenLease(event.epoch, event.start, event.stop, event.finished, dict(event.charged))
        (lease.completed, lease.failed, lease.retried, lease.items_succeeded, lease.items_failed) = (
            event.finished_counts
        )
        for mini_batch in event.suspects:
            if event.finished is None or not event.finished[mini_batch - event.start]:
                lease.suspects.append(mini_batch)
                lease.mark(mini_batch)
        self.open[event.start] = lease
        for mini_batch, tries in event.charged.items():
            done = event.finished is not None and event.finished[mini_batch - event.start]
            if tries >= self._rules.run_max_try and not done:  # spent, but the holder died before it could say so
                self._spent_before(lease, mini_batch, event.items.get(mini_batch, 0))

    def nothing_left(self) -> None:
        """None came: all is claimed."""
        self.claiming = False
        self.no_work = True
        self.unclaimed = 0

    def looked(self, unclaimed: int | None) -> None:
        """So many are known to be unclaimed by now; None: nothing new is known."""
        self.seal_asked = False
        if unclaimed is not None:
            self.unclaimed = unclaimed
            self.no_work = self.no_work and not unclaimed

    # --- what becomes of their mini-batches ---

    def charge(self, lease: OpenLease, mini_batch: int, blame: Blame, alone: bool = False, final: bool = False) -> None:
        """A try was spent: it fails for good with the last, or a ``final`` one, and is tried again else."""
        tries = lease.charged[mini_batch] = lease.charged.get(mini_batch, 0) + 1
        self._emit(ev.Charge(mini_batch, lease.epoch, tries, blame.process, blame.kind, blame.text))
        self.first_error = self.first_error or blame.text
        if final or tries >= self._rules.run_max_try:
            self._record_failure(lease, mini_batch, blame)
        elif alone:
            lease.suspects.appendleft(mini_batch)
        else:
            lease.retry.append(mini_batch)

    def _spent_before(self, lease: OpenLease, mini_batch: int, items: int) -> None:
        lease.mark(mini_batch)
        if mini_batch in lease.suspects:
            lease.suspects.remove(mini_batch)
        text = "all tries were spent under a former holder of this mini-batch, whose worker died with it"
        self._record_failure(lease, mini_batch, Blame(ev.AGENT, "died", text, items))

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
        self._emit(ev.RecordFailure(mini_batch, lease.epoch, tries, items, blame))

    def sealed(self, unsealed: deque[tuple[int, OpenLease, int]], records: int) -> None:
        """Of ``unsealed``, (records up to then, lease, mini-batches), the first ``records`` are durable."""
        while unsealed and unsealed[0][0] <= records:
            _, lease, count = unsealed.popleft()
            lease.unsealed -= count
            self.seal_asked = False

    # --- they go ---

    def share(self, seconds: float) -> None:
        """Give back half of what was not started, where nothing is left for others and all takes ``seconds`` here."""
        if self.unclaimed != 0 or self.left <= 2 * self._rules.processes or seconds < SHRINK_ABOVE_SECONDS:
            return
        lease = next(reversed(self.open.values()))
        fresh = lease.stop - lease.cursor
        if fresh >= 2 and lease.finished is None:
            lease.stop -= fresh // 2
            self.unclaimed = fresh // 2
            self._emit(ev.Shrink(lease.start, lease.epoch, lease.stop))

    def settle(self, now: float, is_draining: bool, is_idle: bool) -> None:
        """Complete what is complete, seal what everything waits for, and leave when draining is over.

        ``is_idle``: no process is there any more.
        """
        for lease in [one for one in self.open.values() if one.complete and not self._may_wait(one, now, is_draining)]:
            del self.open[lease.start]
            self._emit(ev.Complete(lease.start, lease.epoch, lease.counts))
        ran = sum(lease.ran for lease in self.open.values())
        last = ran == len(self.open) and (self.no_work or is_draining)
        if ran and (last or ran > MANY_LEASES):
            self._seal_now()
        if is_draining and not self.drained and is_idle:
            if any(lease.unsealed for lease in self.open.values()):
                self._seal_now()
            elif not self.claiming:
                self._leave()

    def _may_wait(self, lease: OpenLease, now: float, is_draining: bool) -> bool:
        """Whether a complete lease goes with a later claim. Not where somebody may wait for it."""
        if lease.complete_since is None:
            lease.complete_since = now
        if self.claiming or self.no_work or not self.unclaimed or is_draining:
            return False
        return now - lease.complete_since < self._rules.complete_within

    def _seal_now(self) -> None:
        if not self.seal_asked:
            self.seal_asked = True
            self._emit(ev.Seal())

    def _leave(self) -> None:
        for lease in self.open.values():
            self._emit(ev.GiveBack(lease.start, lease.epoch, lease.unfinished(), lease.counts))
        self.open.clear()
        self.drained = True
        self._emit(ev.Drained())
