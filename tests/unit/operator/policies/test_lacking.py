"""A job that names what nobody has registered yet waits for that, and says for what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from builders import a_job, a_world
from seen import running

from parallelrun_operator.job.actions import Abort, Create, SetStatus
from parallelrun_operator.job.decide import decide
from parallelrun_operator.job.world import World

Json = dict[str, Any]

IMAGES: Json = {
    "apiVersion": "parallelrun.dev/v1alpha1",
    "kind": "Dataset",
    "metadata": {"name": "mnist"},
    "spec": {"type": "File", "paths": ["images/*.png"]},
}


def world(*registered: Json, **spec: Any) -> World:
    job = a_job(inputs=[{"name": "images", "dataset": "mnist"}], **spec)
    return a_world(job, registered=registered)


def status(world: World) -> Json:
    [written] = [action.status for action in decide(world).actions if isinstance(action, SetStatus)]
    return written


def conditions(world: World) -> dict[str, tuple[str, str]]:
    return {one["type"]: (one["status"], one["reason"]) for one in status(world)["conditions"]}


def test_it_is_stalled_by_the_kind_and_makes_nothing() -> None:
    decision = decide(world())
    assert not [action for action in decision.actions if isinstance(action, Create)]
    assert conditions(world()) == {"Running": ("False", "MissingDataset"), "Stalled": ("True", "MissingDataset")}
    (stalled,) = [one for one in status(world())["conditions"] if one["type"] == "Stalled"]
    assert 'spec.inputs[0].dataset: there is no Dataset registered as "mnist"' in stalled["message"]
    assert status(world())["phase"] == "Pending"


def test_nothing_tells_when_it_is_there_so_it_is_looked_for_soon() -> None:
    again = decide(world()).look_again
    assert again is not None
    assert again <= 5


def test_once_it_is_there_the_job_begins() -> None:
    before = world()
    after = replace(before, registered=[IMAGES], job={**before.job, "status": status(before)})
    assert [action for action in decide(after).actions if isinstance(action, Create)]
    assert conditions(after)["Stalled"][0] == "False"


def test_while_it_waits_its_status_is_written_once() -> None:
    before = world()
    later = replace(before, job={**before.job, "status": status(before)}, now=before.now + 60)
    assert decide(later).actions == ()


def test_a_job_cancelled_while_it_waits_has_failed_for_that() -> None:
    cancelled = conditions(world(cancel=True))
    assert cancelled["Failed"] == ("True", "Cancelled")


def test_a_job_that_has_begun_is_not_ended_by_what_is_registered_no_more() -> None:
    begun = replace(running(), job=world(nodeCount=2).job)
    assert not [action for action in decide(begun).actions if isinstance(action, Abort)]
