"""What watches see of a job that goes on: header, leases, pods, the Job; for tests of what the operator decides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from builders import a_job, a_world

from parallelrun.leases import allocator
from parallelrun.leases import header as headers
from parallelrun.leases.allocator import Shard
from parallelrun.leases.header import Header, Phase, Plan
from parallelrun.leases.node import NodeLease
from parallelrun_operator.job import children
from parallelrun_operator.job.policies import Case, manifest
from parallelrun_operator.job.world import World

JOB_UID = "child-1"
TOTAL = 100
PLAN = Plan("p" * 64, TOTAL, "i" * 64)


def a_header(phase: Phase = Phase.RUNNING, **fields: Any) -> Header:
    """Of a job with one shard; planned unless it is in Planning."""
    first = headers.new("uid", 1, "spec", "source")
    return replace(first, phase=phase, **{"plan": None if phase is Phase.PLANNING else PLAN, **fields})


def a_shard(*claims: tuple[str, int]) -> Shard:
    """TOTAL mini-batches, of which each (holder, so many) claimed some."""
    shard = allocator.new(0, TOTAL, 1)
    for holder, want in claims:
        shard, _ = allocator.claim(shard, holder, want)
    return shard


def a_lease(holder: str, beat: int = 1, **progress: Any) -> NodeLease:
    return NodeLease(holder, beat, progress)


def a_pod(uid: str, index: int = 0, *, phase: str = "Running", machine: str = "m1", **fields: Any) -> dict[str, Any]:
    """Its agent runs where the phase is Running. ``fields``: of status, but for ``metadata``."""
    metadata = {
        "name": f"mnist-{index}-{uid}",
        "namespace": "team",
        "uid": uid,
        "labels": {
            "batch.kubernetes.io/job-completion-index": str(index),
            "batch.kubernetes.io/controller-uid": JOB_UID,
        },
        **fields.pop("metadata", {}),
    }
    agent = {"name": "agent", "state": {"running": {}} if phase == "Running" else {}}
    status = {"phase": phase, "containerStatuses": [agent], **fields}
    return {"kind": "Pod", "metadata": metadata, "spec": {"nodeName": machine}, "status": status}


def deleted(pod: dict[str, Any], grace: int = 30) -> dict[str, Any]:
    """``pod`` after somebody deleted it."""
    gone = {"deletionTimestamp": "2026-01-31T12:00:00Z", "deletionGracePeriodSeconds": grace}
    return {**pod, "metadata": {**pod["metadata"], **gone}}


def a_child(world: World, **spec: Any) -> dict[str, Any]:
    """The Job as the operator made it, with these fields of spec changed."""
    resolved = manifest.read(world).resolved
    assert resolved is not None
    made = children.job(world, resolved)
    return {**made, "metadata": {**made["metadata"], "uid": JOB_UID}, "spec": {**made["spec"], **spec}}


def ended(child: dict[str, Any], kind: str = "Complete") -> dict[str, Any]:
    """``child`` after it finished."""
    return {**child, "status": {"conditions": [{"type": kind, "status": "True"}]}}


def running(*, nodes: int = 2, **fields: Any) -> World:
    """A job of ``nodes`` nodes h0, h1, ... that all work, looked at a second ago; ``fields`` of World change that.

    Fields of spec come as a dict, ``spec``.
    """
    job = a_job(nodeCount=nodes, **fields.pop("spec", {}))
    world = a_world(job)
    there = {
        "header": a_header(),
        "shards": {0: a_shard(*((f"h{n}", 5) for n in range(nodes)))},
        "nodes": {n: a_lease(f"h{n}") for n in range(nodes)},
        "pods": [a_pod(f"h{n}", n) for n in range(nodes)],
        "machines": {"m1": True, "m2": True},
        "memory": replace(world.memory, looked=world.now - 1),
        "child": a_child(world),
    }
    return replace(world, **{**there, **fields})


def a_case(world: World) -> Case:
    """For a policy alone."""
    reading = manifest.read(world)
    assert world.header is not None
    return Case(world, world.header, reading.resolved, reading.problem)


def later(world: World, seconds: float, **fields: Any) -> World:
    """``world`` so many seconds later."""
    return replace(world, now=world.now + seconds, **fields)
