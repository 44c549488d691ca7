"""Makes what a job stands on, once, and notices where it was deleted by hand.

The header is the job's memory. A job whose status says that there was one never gets a new one in Planning, which would
forget all that was counted: it is over, and says so (StateLost). All shards are made before the header, so one that
is missing beside a header was deleted. Both must be missed for a while, since silence may also be a late watch.
"""

from __future__ import annotations

import json
from dataclasses import replace

from parallelrun.api.conditions import STATE_LOST
from parallelrun.kube.resources import CONFIG_MAPS
from parallelrun.leases.header import Header, Phase
from parallelrun_operator.job import children
from parallelrun_operator.job.actions import Abort, Action, Create, Patch
from parallelrun_operator.job.policies.case import Case, Json, Step
from parallelrun_operator.job.settings import Resolved
from parallelrun_operator.job.status.places import job_folder_url
from parallelrun_operator.job.world import World

LOST_SECONDS = 10.0


def never_started(world: World) -> bool:
    """Whether the job never had a header, as far as its status tells."""
    return (world.job.get("status") or {}).get("phase", "") in ("", "Pending")


def standing(case: Case) -> Step:
    """What a job that goes on needs and does not have any more, or not yet since it was scaled."""
    return Step() if case.resolved is None else Step(children.standing(case.world, case.resolved))


def shards(case: Case) -> Step:
    """Abort a job of which a shard is missing while shards are read: later the table of winners says all."""
    missing = [k for k in range(case.header.shards) if k not in case.world.shards]
    if not missing or case.header.phase not in (Phase.PLANNING, Phase.RUNNING, Phase.FINALIZING):
        return Step((), {"lost_since": None})
    waited, step = _missed(case.world)
    if waited:
        message = _message(case.world, case.world.names.shard(missing[0]))
        return replace(step, actions=(Abort(STATE_LOST, message),))
    return step


def lost_header(world: World, resolved: Resolved) -> Step:
    """A header that ends the job, where the job's own is gone."""
    waited, step = _missed(world)
    if not waited:
        return step
    name = world.names.header
    *_, last = children.first(world, resolved)
    assert isinstance(last, Create), "the header is made last"
    state = _lost_state(last.obj, _message(world, name))
    action: Action = Create({**last.obj, "data": state})
    if ("ConfigMap", name) in world.children:  # it is there, and empty
        action = Patch(CONFIG_MAPS, name, {"data": state})
    return replace(step, actions=(action,))


def _missed(world: World) -> tuple[bool, Step]:
    """Whether a part of the state was missed for long enough, and what to remember of it."""
    since = world.now if world.memory.lost_since is None else world.memory.lost_since
    left = since + LOST_SECONDS - world.now
    return left <= 0, Step((), {"lost_since": since}, max(left, 0.5))


def _lost_state(obj: Json, message: str) -> Json:
    fresh = Header.from_json(json.loads(obj["data"]["state"]))
    lost = replace(fresh, phase=Phase.ABORTED, reason=STATE_LOST, message=message, reported=True)
    return {"state": json.dumps(lost.to_json())}


def _message(world: World, name: str) -> str:
    return (
        f"ConfigMap {name}, which held a part of the job's state, was deleted or emptied by hand. What was finished is "
        f"in {job_folder_url(world.job)}.\nRun `parallelrun rerun {world.name} --failed -n {world.namespace}` to go on "
        "from there, or delete the job and apply it again to start anew."
    )
