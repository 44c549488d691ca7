"""A cluster in a few hundred lines: one job, its objects, a Job controller, kubelets, and agents that hand on the work.

Agents and the operator's actions change the job's state by the functions that the real ones use. Time passes in rounds;
in each of them controller, machines and agents do one thing each.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from builders import CLOCK, a_job

from parallelrun.kube.names import Names
from parallelrun.kube.resources import JOBS, PARALLEL_RUN_JOBS, PODS
from parallelrun.leases import allocator
from parallelrun.leases import header as headers
from parallelrun.leases import node as nodes
from parallelrun.leases.allocator import Counts, Lease, Shard
from parallelrun.leases.header import Header, Phase, Plan
from parallelrun.leases.node import NodeLease
from parallelrun_operator.config import Config
from parallelrun_operator.job import actions as act
from parallelrun_operator.job.memory import Memory
from parallelrun_operator.job.policies import pods as podlike
from parallelrun_operator.job.world import World

Json = dict[str, Any]
TOTAL = 60
CLAIM = 3
#: A Job waits so long before it makes an index's next pod, doubled each time.
BACKOFF_SECONDS = 10.0


class NotFound(Exception):
    """What is to be changed is not there any more: those who look at a late picture get that now and then."""


#: What it takes over.
REUSED: Json = {"reusedFrom": "first", "outputs": {"output": "pvc://parallelrun/team/first-1"}}


@dataclass
class Agent:
    """What is in a pod's memory."""

    node: int
    started: bool = False
    frozen: bool = False
    lease: Lease | None = None
    beaten: float = 0.0  # when it last renewed its node's lease


@dataclass
class Cluster:
    """See the module. Everything that an API server would hold, and what agents remember."""

    job: Json = field(default_factory=lambda: a_job(nodeCount=2, maxNodeCount=4))
    now: float = 1000.0
    header: Header | None = None
    shards: dict[int, Shard | None] = field(default_factory=dict)
    leases: dict[int, NodeLease | None] = field(default_factory=dict)
    children: set[tuple[str, str]] = field(default_factory=set)
    child: Json | None = None
    pods: dict[str, Json] = field(default_factory=dict)
    machines: dict[str, bool] = field(default_factory=lambda: {"m1": True, "m2": True})
    agents: dict[str, Agent] = field(default_factory=dict)
    deaths: dict[int, int] = field(default_factory=dict)  # of an index's pods, for this Job
    next_pod: dict[int, float] = field(default_factory=dict)
    serial: int = 0
    deleted: bool = False
    takes_over: bool = False  # whoever plans finds that an earlier job made the same

    # --- what the operator sees and does ---

    def world(self, memory: Memory) -> World:
        """All of it, now."""
        return World(
            config=Config(),
            now=self.now,
            clock=CLOCK + timedelta(seconds=self.now - 1000),
            job=copy.deepcopy(self.job),
            memory=memory,
            header=self.header,
            shards=dict(self.shards),
            nodes=dict(self.leases),
            child=copy.deepcopy(self.child),
            children=frozenset(self.children),
            pods=tuple(copy.deepcopy(list(self.pods.values()))),
            machines=dict(self.machines),
        )

    def carry_out(self, action: act.Action) -> None:
        """One action; raises NotFound."""
        match action:
            case act.Apply(obj):
                self.children.add((obj["kind"], obj["metadata"]["name"]))
            case act.Create(obj):
                self._create(obj)
            case act.Patch(_, _, patch):
                if self.child is None:
                    raise NotFound("there is no such Job")
                self.child["spec"].update(patch["spec"])
            case act.Delete(resource, _, uid, grace):
                self._delete(resource.kind, uid, grace)
            case act.Expire(node, holder):
                if lease := self.leases.get(node):
                    self.leases[node] = nodes.expire(lease, holder)
                self._release(holder)
            case act.Release(holder):
                self._release(holder)
            case act.Abort(reason, message):
                self.header = headers.abort(self._header(), reason, message)
            case act.MarkReported():
                self.header = replace(self._header(), grant=None, reported=True)
            case act.SetStatus(status):
                self.job = {**self.job, "status": copy.deepcopy(status)}
            case act.Announce():
                pass

    def _create(self, obj: Json) -> None:
        name, names = obj["metadata"]["name"], Names.of("mnist", self.job["metadata"]["uid"])
        if obj["kind"] == "Job" and self.child is None:
            self.serial += 1
            self.child = {**copy.deepcopy(obj), "status": {}}
            self.child["metadata"]["uid"] = f"job-{self.serial}"
            self.deaths, self.next_pod = {}, {}
        elif obj["kind"] == "Lease":
            self.leases.setdefault(int(name.rpartition("-")[2]), None)
        elif name == names.header and self.header is None:
            self.header = Header.from_json(json.loads(obj["data"]["state"]))
        elif obj["kind"] == "ConfigMap" and name != names.header:
            self.shards.setdefault(int(name.rpartition("-")[2]), None)

    def _delete(self, kind: str, uid: str, grace: int | None) -> None:
        if kind == PARALLEL_RUN_JOBS.kind:
            self.deleted = True
        if kind == JOBS.kind and self.child is not None and self.child["metadata"]["uid"] == uid:
            self.child = None
            for pod in list(self.pods.values()):
                self.delete_pod(podlike.uid(pod), None)
        if kind == PODS.kind:
            self.delete_pod(uid, grace)

    def delete_pod(self, uid: str, grace: int | None) -> None:
        """By anybody. A Job that still counts a pod keeps its object until the pod is known to have ended."""
        pod = self.pods.get(uid)
        if pod is None:
            return
        meta = pod["metadata"]
        meta.update(deletionTimestamp="now", deletionGracePeriodSeconds=30 if grace is None else grace)

    def _release(self, holder: str) -> None:
        self.shards = {k: s and allocator.expire(s, holder) for k, s in self.shards.items()}
        self.header = headers.revoke(self._header(), holder)

    def _header(self) -> Header:
        assert self.header is not None, "an action on a header that is not there"
        return self.header

    # --- a round ---

    def round(self, seconds: float) -> None:
        """Time passes, and everybody but the operator does something."""
        self.now += seconds
        self._control_job()
        for uid, pod in list(self.pods.items()):
            self._run_pod(uid, pod)
        for uid, agent in list(self.agents.items()):
            if self._acts(uid, agent):
                self._act(uid, agent)

    def healthy(self, uid: str) -> bool:
        """Whether an agent does what it should: nobody may take its work."""
        agent = self.agents.get(uid)
        return agent is not None and self._acts(uid, agent) and agent.started and self.now - agent.beaten < 20

    def _acts(self, uid: str, agent: Agent) -> bool:
        pod = self.pods.get(uid)
        return pod is not None and podlike.agent_running(pod) and not agent.frozen and self._up(pod)

    def _up(self, pod: Json) -> bool:
        return self.machines[pod["spec"]["nodeName"]]

    def _control_job(self) -> None:
        child = self.child
        mine = [pod for pod in self.pods.values() if child and podlike.job_uid(pod) == child["metadata"]["uid"]]
        if child is None or child["status"]:
            return
        if any(podlike.phase(pod) == "Succeeded" for pod in mine):
            child["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}
        wanted = 0 if child["spec"].get("suspend") or child["status"] else child["spec"]["completions"]
        active = {podlike.index(pod): pod for pod in mine if podlike.phase(pod) in ("Pending", "Running")}
        for index, pod in active.items():
            if index is not None and index >= wanted and not podlike.terminating(pod):
                self.delete_pod(podlike.uid(pod), None)
        for index in range(wanted):
            if index not in active and self.now >= self.next_pod.get(index, 0.0):
                self._make_pod(index, child["metadata"]["uid"])

    def _make_pod(self, index: int, job: str) -> None:
        self.serial += 1
        up = [name for name, ready in self.machines.items() if ready]
        labels = {"batch.kubernetes.io/job-completion-index": str(index), "batch.kubernetes.io/controller-uid": job}
        uid = f"pod-{self.serial}"
        meta = {
            "name": uid,
            "namespace": "team",
            "uid": uid,
            "labels": labels,
            "creationTimestamp": f"{self.serial:06}",
        }
        spec = {"nodeName": up[self.serial % len(up)]}
        self.pods[uid] = {"kind": "Pod", "metadata": meta, "spec": spec, "status": {"phase": "Pending"}}
        self.agents[uid] = Agent(index)

    def _run_pod(self, uid: str, pod: Json) -> None:
        """What a kubelet does, and what becomes of the object."""
        counted = self.child is not None and podlike.job_uid(pod) == self.child["metadata"]["uid"]
        if podlike.terminating(pod) and not counted and (podlike.finished(pod) or podlike.forced(pod)):
            del self.pods[uid]
        elif self._up(pod) and podlike.terminating(pod) and not podlike.finished(pod):
            if not self.agents[uid].frozen and podlike.agent_running(pod):
                self._drain(uid)
            self.end(uid, 81)
        elif self._up(pod) and podlike.phase(pod) == "Pending":
            pod["status"] = {"phase": "Running", "containerStatuses": [{"name": "agent", "state": {"running": {}}}]}

    def end(self, uid: str, code: int) -> None:
        """An agent's process ends; its pod does."""
        pod = self.pods[uid]
        if podlike.finished(pod):
            return
        index = self.agents[uid].node
        self.deaths[index] = self.deaths.get(index, 0) + 1
        self.next_pod[index] = self.now + BACKOFF_SECONDS * 2 ** (self.deaths[index] - 1)
        state = {"terminated": {"exitCode": code}}
        phase = "Failed" if code else "Succeeded"
        pod["status"] = {"phase": phase, "containerStatuses": [{"name": "agent", "state": state}]}

    # --- agents ---

    def _drain(self, uid: str) -> None:
        agent = self.agents[uid]
        if agent.lease is not None and (shard := self.shards[0]) is not None:
            rest = ((agent.lease.start, agent.lease.stop),)
            self.shards[0], _ = allocator.give_back(shard, uid, agent.lease.epoch, rest, Counts())
        if self.header is not None:
            self.header = headers.revoke(self.header, uid)

    def _act(self, uid: str, agent: Agent) -> None:
        if agent.node not in self.leases or self.header is None:
            self.end(uid, 83)
            return
        lease = self.leases[agent.node]
        if not agent.started:
            self.leases[agent.node], agent.started = nodes.take(lease, uid), True
        elif lease is None or lease.holder != uid:
            self.end(uid, 82)
            return
        else:
            self.leases[agent.node], _ = nodes.renew(lease, uid, {"state": "running"})
        agent.beaten = self.now
        self._work(uid, agent, self.header)

    def _work(self, uid: str, agent: Agent, header: Header) -> None:
        if header.phase is Phase.DONE or (header.phase is Phase.ABORTED and header.reported):
            self.end(uid, 0)
        elif header.phase is Phase.PLANNING:
            self.header, grant = headers.grant_planning(header, uid)
            if grant is not None and self.header is header and self.takes_over:
                self.header, _ = headers.take_over(header, grant, Plan("p" * 64, TOTAL, "i" * 64), "f" * 64, REUSED)
            elif grant is not None and self.header is header:  # it planned for a round
                self.header, _ = headers.publish_plan(header, grant, Plan("p" * 64, TOTAL, "i" * 64))
        elif header.phase is Phase.RUNNING and header.open_shards:
            self._run_mini_batches(uid, agent, header)
        else:
            self._finalize(uid, header)

    def _run_mini_batches(self, uid: str, agent: Agent, header: Header) -> None:
        shard = self.shards[0] or allocator.new(0, TOTAL, header.generation)
        if agent.lease is not None:
            size = agent.lease.stop - agent.lease.start
            shard, _ = allocator.complete(shard, uid, agent.lease.epoch, Counts(size, items_succeeded=size))
            agent.lease = None
        else:
            shard, agent.lease = allocator.claim(shard, uid, CLAIM)
        self.shards[0] = shard
        if allocator.done(shard):
            self.header = headers.shard_completed(header, 0, header.epoch)

    def _finalize(self, uid: str, header: Header) -> None:
        self.header, grant = headers.grant_finalizing(header, uid)
        if grant is None or self.header is not header:
            return
        if header.phase is Phase.FINALIZING:
            self.header, _ = headers.publish_winners(header, grant, "w" * 64)
        else:
            result = {"miniBatches": {"total": TOTAL, "completed": TOTAL}, "outputs": header.reused.get("outputs", {})}
            self.header, _ = headers.finish(header, grant, result)
