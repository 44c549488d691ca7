"""What policies decide on: the World, and what several of them draw from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from parallelrun.leases import allocator, pace
from parallelrun.leases.header import Header, Phase
from parallelrun.leases.tally import Tally, tally
from parallelrun_operator.job.actions import Action
from parallelrun_operator.job.memory import Memory
from parallelrun_operator.job.policies import pods
from parallelrun_operator.job.settings import QUEUE_LABEL, Resolved
from parallelrun_operator.job.world import World

Json = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """What one policy asks for: actions, fields of Memory to set, and in how many seconds it wants to look again."""

    actions: tuple[Action, ...] = ()
    remember: Mapping[str, Any] = field(default_factory=dict)
    again: float | None = None


@dataclass(frozen=True)
class Case:
    """A job with a header. ``resolved`` is None where its manifest is refused; ``problem`` says why."""

    world: World
    header: Header
    resolved: Resolved | None
    problem: str = ""

    @property
    def spec(self) -> Json:
        """As it was applied."""
        return dict(self.world.job["spec"])

    @property
    def memory(self) -> Memory:
        """Of earlier looks."""
        return self.world.memory

    @property
    def node_count(self) -> int:
        """Nodes that are wanted, when the job is not suspended."""
        return int(self.spec.get("nodeCount", 1)) if self.resolved is None else self.resolved.settings.node_count

    @property
    def suspended(self) -> bool:
        """Whether people want the job to pause."""
        return bool(self.spec.get("suspend"))

    @property
    def cancelled(self) -> bool:
        """Whether people want the job to stop for good."""
        return bool(self.spec.get("cancel"))

    @property
    def queue(self) -> str:
        """The Kueue queue that the job waits in; "" where it is in none."""
        if self.resolved is not None:
            return self.resolved.queue
        return str((self.world.job["metadata"].get("labels") or {}).get(QUEUE_LABEL, ""))

    @property
    def over(self) -> bool:
        """Whether nothing is left to be done but to clean up."""
        return self.header.phase is Phase.DONE or (self.header.phase is Phase.ABORTED and self.header.reported)

    @property
    def lease_seconds(self) -> float:
        """How long a lease may stay as it is. Nodes beat at the pace of when they started: Leases are never fewer."""
        return pace.lease_seconds(max(self.node_count, len(self.world.nodes)))

    @cached_property
    def tally(self) -> Tally:
        """The job's counts."""
        return tally(self.world.shards.values(), self.world.nodes)

    @cached_property
    def holders(self) -> dict[str, int]:
        """Who acts for which node."""
        return {lease.holder: node for node, lease in self.world.nodes.items() if lease is not None and lease.holder}

    @cached_property
    def claimants(self) -> frozenset[str]:
        """Who has ranges or the grant."""
        shards = (shard for shard in self.world.shards.values() if shard is not None)
        found = frozenset(holder for shard in shards for holder in allocator.holders(shard))
        return found if self.header.grant is None else found | {self.header.grant.holder}

    @cached_property
    def pods(self) -> dict[str, Json]:
        """Every pod, by uid."""
        return {pods.uid(pod): pod for pod in self.world.pods}

    @cached_property
    def living(self) -> dict[int, list[Json]]:
        """By index, the pods that are or may become an agent: not finished, and not lost with their machine."""
        found: dict[int, list[Json]] = {}
        for pod in self.world.pods:
            index = pods.index(pod)
            if index is not None and not pods.finished(pod) and not pods.forced(pod):
                found.setdefault(index, []).append(pod)
        return found

    @property
    def has_agents(self) -> bool:
        """Whether an agent runs, as far as machines could tell."""
        return any(pods.agent_running(pod) for found in self.living.values() for pod in found)

    @cached_property
    def failed(self) -> dict[int, list[Json]]:
        """By index, the pods that failed, in the order in which they were made."""
        found: dict[int, list[Json]] = {}
        for pod in sorted(self.world.pods, key=pods.created):
            index = pods.index(pod)
            if index is not None and pods.phase(pod) == "Failed":
                found.setdefault(index, []).append(pod)
        return found

    def machine_dead(self, pod: Json) -> bool:
        """Whether its machine is gone or not Ready; False where nothing is known of machines."""
        machine = pods.machine(pod)
        if not machine or not self.world.watching or not self.world.machines:
            return False
        return not self.world.machines.get(machine, False)
