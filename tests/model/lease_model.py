"""An executable model of the lease protocol: leases, seals, finalizing. It explores every interleaving of a small job.

    python tests/model/lease_model.py                check it: 2 nodes, 3 mini-batches, any 2 faults
    python tests/model/lease_model.py --break RULE   drop one rule: the shortest history that then breaks a promise

A fault is a crash, a freeze, an expiry or a superseded finalizer. Time is adversarial: a lease may expire at any
moment, a pod that was replaced may act at any later moment (a freeze), a finalizer may be superseded at any moment.
What holds here holds for every clock. Before you change the protocol, change and run this model.

Not modelled: planning (the same compare-and-swap as finalizing), tries and thresholds, several shards; the tests of
``parallelrun.leases`` drive the real header and allocator through those.
"""

from __future__ import annotations

import argparse
import collections
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

#: What the protocol rests on; `--break` drops one.
RULES = {
    "owner": "completing a range needs the same holder and epoch in the allocator",
    "seal": "only sealed mini-batches are reported completed",
    "frozen": "the merge reads the winner table that was frozen in the header, not the segments as they are now",
    "grant": "publishing the winner table needs the current finalizing grant",
    "return": "an expired range goes back to the unclaimed ones",
}

CLAIM_SIZES = (1, 2)

#: A record in a segment: mini-batch, epoch, pod.
Record = tuple[int, int, int]
#: A lease in the allocator: pod, epoch, mini-batches.
Lease = tuple[int, int, tuple[int, ...]]
#: The winning record of each mini-batch, None where there is none.
Table = tuple[Record | None, ...]


class Pod(NamedTuple):
    """What one pod knows, current or not."""

    node: int
    alive: bool = True
    epoch: int = 0  # of its own copy of a lease; 0: none
    todo: tuple[int, ...] = ()
    unsealed: tuple[Record, ...] = ()
    grant: int = 0  # its own copy of a finalizing grant; 0: none
    winners: Table = ()  # computed, not yet published


class State(NamedTuple):
    """The whole world: allocator, header, pods and the volume."""

    unclaimed: frozenset[int]
    pods: tuple[Pod, ...]
    epoch: int = 0
    leases: frozenset[Lease] = frozenset()
    completed: frozenset[int] = frozenset()
    phase: str = "Running"
    grant: int = 0  # the current finalizing grant
    frozen: Table = ()  # the published winner table
    sealed: frozenset[Record] = frozenset()
    output: Table = ()
    faults: int = 0


#: Something that happens, and the world after it.
Step = tuple[str, State]


@dataclass(frozen=True)
class Job:
    """What is explored: how large a job, how many faults, under which rules."""

    nodes: int = 2
    mini_batches: int = 3
    max_faults: int = 2
    rules: frozenset[str] = frozenset(RULES)

    def start(self) -> State:
        """Everything unclaimed, one pod a node."""
        return State(frozenset(range(self.mini_batches)), tuple(Pod(n) for n in range(self.nodes)))

    def winners(self, sealed: frozenset[Record]) -> Table:
        """The record with the highest epoch of each mini-batch."""
        return tuple(
            max((r for r in sealed if r[0] == m), key=lambda r: (r[1], r[2]), default=None)
            for m in range(self.mini_batches)
        )

    def steps(self, s: State) -> Iterator[Step]:
        """Everything that can happen next."""
        for i, pod in enumerate(s.pods):
            if pod.alive:
                yield from self._work(s, i, pod)
                yield from self._finalize(s, i, pod)
        if s.faults < self.max_faults and s.phase != "Done":
            yield from self._faults(s)
        yield from self._way_back(s)

    def _work(self, s: State, i: int, pod: Pod) -> Iterator[Step]:
        """Claim, run, seal, complete."""
        if s.phase == "Running" and not pod.epoch:
            for size in CLAIM_SIZES:
                if size <= len(s.unclaimed):
                    yield self._claim(s, i, size)
        if pod.todo:
            record = (pod.todo[0], pod.epoch, i)
            yield (
                f"pod{i} runs {pod.todo[0]}",
                _with_pod(s, i, todo=pod.todo[1:], unsealed=(*pod.unsealed, record)),
            )
        if pod.unsealed:
            yield f"pod{i} seals", _with_pod(s, i, unsealed=())._replace(sealed=s.sealed | set(pod.unsealed))
        if pod.epoch and not pod.todo and (not pod.unsealed or "seal" not in self.rules):
            yield self._complete(s, i, pod)

    def _claim(self, s: State, i: int, size: int) -> Step:
        """What is sealed already is not run again."""
        got = tuple(sorted(s.unclaimed))[:size]
        epoch = s.epoch + 1
        todo = tuple(m for m in got if not any(r[0] == m for r in s.sealed))
        after = _with_pod(s, i, epoch=epoch, todo=todo)
        return f"pod{i} claims {got} epoch {epoch}", after._replace(
            epoch=epoch, unclaimed=s.unclaimed - set(got), leases=s.leases | {(i, epoch, got)}
        )

    def _complete(self, s: State, i: int, pod: Pod) -> Step:
        mine = frozenset(lease for lease in s.leases if lease[0] == i and lease[1] == pod.epoch)
        after = _with_pod(s, i, epoch=0)
        if mine or "owner" in self.rules:
            done = {m for lease in mine for m in lease[2]}
            name = f"pod{i} completes epoch {pod.epoch}" + ("" if mine else " (refused)")
            return name, after._replace(leases=s.leases - mine, completed=s.completed | done)
        # without the rule, a stale pod completes what it once held
        did = {r[0] for r in s.sealed if r[1] == pod.epoch and r[2] == i}
        return f"pod{i} completes epoch {pod.epoch} though stale", after._replace(completed=s.completed | did)

    def _finalize(self, s: State, i: int, pod: Pod) -> Iterator[Step]:
        """Be granted finalizing, compute the winners, publish them, merge, say Done."""
        if s.phase == "Running" and len(s.completed) == self.mini_batches:
            yield f"pod{i} is granted finalizing", _granted(s, i)._replace(phase="Finalizing")
        if pod.grant and not pod.winners and s.phase == "Finalizing":
            yield f"pod{i} computes winners", _with_pod(s, i, winners=self.winners(s.sealed))
        if pod.winners and self._may_publish(s, pod):
            after = _with_pod(s, i, winners=())._replace(phase="Committing", frozen=pod.winners)
            yield f"pod{i} publishes winners", after
        if pod.grant and s.phase in ("Committing", "Done"):
            output = s.frozen if "frozen" in self.rules else self.winners(s.sealed)
            yield f"pod{i} merges and renames", s._replace(output=output)
        if pod.grant and pod.grant == s.grant and s.phase == "Committing" and s.output:
            yield f"pod{i} says Done", s._replace(phase="Done")

    def _may_publish(self, s: State, pod: Pod) -> bool:
        if "grant" not in self.rules:
            return s.phase in ("Finalizing", "Committing")
        return s.phase == "Finalizing" and pod.grant == s.grant

    def _faults(self, s: State) -> Iterator[Step]:
        faulty = s._replace(faults=s.faults + 1)
        for lease in s.leases:
            yield f"lease {lease} expires", self._expired(faulty, lease)
        for i, pod in enumerate(s.pods):
            if pod.alive and not any(other.node == pod.node for other in s.pods[i + 1 :]):
                replaced = faulty._replace(pods=(*s.pods, Pod(pod.node)))
                crashed = _with_pod(replaced, i, alive=False, unsealed=(), todo=())
                yield f"pod{i} crashes, pod{len(s.pods)} replaces it", crashed
                yield f"pod{i} freezes, pod{len(s.pods)} replaces it", replaced
        if s.phase in ("Finalizing", "Committing"):
            for i, pod in enumerate(s.pods):
                if pod.alive:
                    yield f"pod{i} supersedes the finalizer", _granted(faulty, i)

    def _way_back(self, s: State) -> Iterator[Step]:
        """A dead holder's lease always expires in the end, a dead finalizer is always superseded: no fault."""
        for lease in s.leases:
            holder = s.pods[lease[0]]
            if not holder.alive or holder.epoch != lease[1]:
                yield f"dead lease {lease} expires", self._expired(s, lease)
        if s.phase in ("Finalizing", "Committing") and not any(p.alive and p.grant == s.grant for p in s.pods):
            for i, pod in enumerate(s.pods):
                if pod.alive:
                    yield f"pod{i} takes over finalizing", _granted(s, i)

    def _expired(self, s: State, lease: Lease) -> State:
        back = frozenset(lease[2]) if "return" in self.rules else frozenset[int]()
        return s._replace(leases=s.leases - {lease}, unclaimed=s.unclaimed | back)

    def broken(self, s: State, previous: State) -> str | None:
        """The promise that ``s``, after ``previous``, breaks."""
        places = [s.unclaimed, s.completed, *(lease[2] for lease in s.leases)]
        for m in range(self.mini_batches):
            n = sum(m in place for place in places)
            if n != 1:
                return f"mini-batch {m} is in {n} places"
        unsealed = s.completed - {r[0] for r in s.sealed}
        if unsealed:
            return f"{set(unsealed)} completed but not sealed"
        if s.output and [r and r[0] for r in s.output] != list(range(self.mini_batches)):
            return f"output {s.output} is not every mini-batch once"
        if previous.output and s.output != previous.output:
            return "the output changed after it was written"
        return "Done without output" if s.phase == "Done" and not s.output else None


def _with_pod(s: State, i: int, **changes: object) -> State:
    return s._replace(pods=(*s.pods[:i], s.pods[i]._replace(**changes), *s.pods[i + 1 :]))  # type: ignore[arg-type]


def _granted(s: State, i: int) -> State:
    """Pod ``i`` has the finalizing grant, under a new epoch; what it computed under an older one is gone."""
    epoch = s.epoch + 1
    return _with_pod(s, i, grant=epoch, winners=())._replace(grant=epoch, epoch=epoch)


class Verdict(NamedTuple):
    """How many states there are; what broke ("" if nothing did), and the shortest history of it."""

    states: int
    broken: str
    history: list[str]


def explore(job: Job) -> Verdict:
    """Breadth first through every state; then backwards from Done, for states that cannot reach it."""
    start = job.start()
    came: dict[State, tuple[State, str] | None] = {start: None}
    before: dict[State, list[State]] = collections.defaultdict(list)
    queue = collections.deque([start])
    while queue:
        s = queue.popleft()
        for name, after in job.steps(s):
            if why := job.broken(after, s):
                return Verdict(len(came), why, [*_history(came, s), name])
            before[after].append(s)
            if after not in came:
                came[after] = (s, name)
                queue.append(after)
    stuck = _stuck(came, before)
    if stuck is None:
        return Verdict(len(came), "", [])
    return Verdict(len(came), "a state from which the job can never be Done", _history(came, stuck))


def _stuck(came: dict[State, tuple[State, str] | None], before: dict[State, list[State]]) -> State | None:
    queue = collections.deque(s for s in came if s.phase == "Done")
    live = set(queue)
    while queue:
        for s in before[queue.popleft()]:
            if s not in live:
                live.add(s)
                queue.append(s)
    return next((s for s in came if s not in live), None)


def _history(came: dict[State, tuple[State, str] | None], s: State) -> list[str]:
    names: list[str] = []
    while step := came[s]:
        s, name = step
        names.append(name)
    return names[::-1]


def main() -> int:
    """The command line above; exit status 1 where a promise is broken."""
    parser = argparse.ArgumentParser(description="Explore every interleaving of a small job.")
    parser.add_argument("--break", dest="rule", choices=RULES)
    parser.add_argument("--faults", type=int, default=2)
    parser.add_argument("--mini-batches", type=int, default=3)
    arguments = parser.parse_args()
    rules = frozenset(RULES) - {arguments.rule}
    verdict = explore(Job(mini_batches=arguments.mini_batches, max_faults=arguments.faults, rules=rules))
    if verdict.broken:
        print(f"{verdict.states} states; broken: {verdict.broken}")
        print("\n".join(f"  {i}. {step}" for i, step in enumerate(verdict.history, 1)))
        return 1
    print(f"{verdict.states} states, every promise holds, Done can be reached from each")
    return 0


if __name__ == "__main__":
    sys.exit(main())
