"""A job that runs again what failed in an earlier one: when it begins, what it is told of that, what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import restricted
from builders import UID, a_job, a_world
from seen import a_header, running

from parallelrun.leases.header import Phase
from parallelrun_operator.job.actions import Abort, Create, SetStatus
from parallelrun_operator.job.decide import decide
from parallelrun_operator.job.world import World

Json = dict[str, Any]
EARLIER = f"{UID[:-1]}0"
FOLDER = f"/parallelrun/claims/parallelrun/team/first-{EARLIER}"


def ended(kind: str = "Complete", **spec: Any) -> Json:
    condition = {"type": kind, "status": "True", "reason": "x"}
    return a_job(name="first", uid=EARLIER, status={"phase": "Done", "conditions": [condition]}, **spec)


def world(earlier: Json | None, **spec: Any) -> World:
    return a_world(a_job(**{"rerunOf": {"name": "first"}, **spec}), earlier=earlier)


def status(world: World) -> Json:
    [written] = [action.status for action in decide(world).actions if isinstance(action, SetStatus)]
    return written


def made(world: World, kind: str) -> list[Json]:
    return [action.obj for action in decide(world).actions if isinstance(action, Create) and action.obj["kind"] == kind]


def prepare(world: World) -> list[str]:
    (job,) = made(world, "Job")
    containers = restricted.containers(job["spec"]["template"]["spec"])
    return next(list(one["command"]) for one in containers if one["name"] == "prepare")


def planning(world: World, generation: int = 1) -> World:
    return replace(world, header=a_header(Phase.PLANNING, generation=generation), shards={0: None})


@pytest.mark.parametrize("kind", ["Complete", "Failed"])
def test_it_begins_when_the_earlier_job_is_over_however_that_ended(kind: str) -> None:
    assert made(world(ended(kind)), "ConfigMap")


def test_until_then_it_waits_and_says_for_what() -> None:
    waiting = world(a_job(name="first", uid=EARLIER, status={"phase": "Running"}))
    decision = decide(waiting)
    assert [type(action) for action in decision.actions] == [SetStatus]
    assert decision.look_again is not None
    found = status(waiting)
    (condition,) = found["conditions"]
    assert (found["phase"], condition["status"], condition["reason"]) == ("Pending", "False", "WaitingForEarlierJob")
    assert "waits for the end of job first" in condition["message"]


def test_while_it_waits_its_status_is_written_once() -> None:
    waiting = world(a_job(name="first", uid=EARLIER))
    later = replace(waiting, job={**waiting.job, "status": status(waiting)}, now=waiting.now + 60)
    later = replace(later, clock=later.clock.replace(hour=13))
    assert decide(later).actions == ()


def test_a_job_cancelled_while_it_waits_gets_the_header_that_is_aborted_then() -> None:
    waiting = world(a_job(name="first", uid=EARLIER), cancel=True)
    assert made(waiting, "ConfigMap")
    (abort,) = [action for action in decide(planning(waiting)).actions if isinstance(action, Abort)]
    assert abort.reason == "Cancelled"


@pytest.mark.parametrize(
    ("earlier", "spec", "said"),
    [
        (None, {}, "the namespace team has no job first"),
        (ended(), {"rerunOf": {"name": "mnist"}}, "mnist is this job itself"),
        (ended(entryScript="../x.py"), {}, "the manifest of first was refused"),
        (
            ended(),
            {"miniBatchSize": 5},
            "spec.miniBatchSize was nothing, now 5: rerun --failed keeps the earlier run's plan",
        ),
        (ended(), {"output": {"format": "CSV"}}, 'spec.output.format was "Text", now "CSV"'),
        (ended(), {"volume": {"claimName": "x"}}, 'spec.volume.claimName was "parallelrun", now "x"'),
    ],
)
def test_what_cannot_be_merged_fails_at_once_with_what_to_do(earlier: Json | None, spec: Json, said: str) -> None:
    found = status(world(earlier, **spec))
    assert found["phase"] == "Aborted"
    (failed,) = [one for one in found["conditions"] if one["type"] == "Failed"]
    assert failed["reason"] == "ManifestError"
    assert said in failed["message"]
    assert "\n" in failed["message"]


def of_dataset(version: str) -> Json:
    """The registered dataset that both jobs read by its name alone."""
    spec = {"name": "digits", "version": version, "type": "File", "paths": ["images/"]}
    return {"apiVersion": "parallelrun.dev/v1alpha1", "kind": "Dataset", "metadata": {"name": "digits"}, "spec": spec}


@pytest.mark.parametrize(("version", "begins"), [("1", True), ("2", False)])
def test_a_dataset_has_to_be_of_the_version_that_the_earlier_job_read(version: str, begins: bool) -> None:
    inputs = [{"name": "images", "dataset": "digits"}]
    earlier = ended(inputs=inputs)
    earlier["status"]["resolved"] = {"datasets": {"digits": "1"}, "claim": "parallelrun"}
    again = replace(world(earlier, inputs=inputs), registered=[of_dataset(version)])
    assert bool(made(again, "ConfigMap")) is begins
    if not begins:
        (failed,) = [one for one in status(again)["conditions"] if one["type"] == "Failed"]
        assert 'digits was "1", now "2"' in failed["message"]


def test_the_earlier_job_s_claim_is_the_one_that_its_compute_target_named() -> None:
    earlier = ended()
    earlier["status"]["resolved"] = {"claim": "fast"}
    assert made(world(earlier, volume={"claimName": "fast"}), "ConfigMap")
    (failed,) = [one for one in status(world(earlier))["conditions"] if one["type"] == "Failed"]
    assert 'spec.volume.claimName was "fast", now "parallelrun"' in failed["message"]


def test_defaults_written_out_are_no_difference() -> None:
    assert made(world(ended(), output={"format": "Text"}, runMaxTry=9), "ConfigMap")


def test_prepare_takes_the_earlier_job_s_results_and_its_copy_of_the_same_source() -> None:
    command = prepare(planning(world(ended())))
    assert command[command.index("--failed-of") + 1] == FOLDER
    assert command[command.index("--code") + 1] == f"{FOLDER}/source"


def test_another_source_is_a_mended_script_and_is_run() -> None:
    command = prepare(planning(world(ended(), source={"configMap": {"name": "mended"}})))
    assert command[command.index("--failed-of") + 1] == FOLDER
    assert command[command.index("--code") + 1] == "/parallelrun/code"


def test_once_the_results_are_taken_the_earlier_job_may_go() -> None:
    assert "--failed-of" not in prepare(planning(world(None), generation=2))


def test_a_job_that_is_deleted_before_its_results_are_taken_fails_who_needs_them() -> None:
    gone = planning(world(None))
    (abort,) = [action for action in decide(gone).actions if isinstance(action, Abort)]
    assert (abort.reason, made(gone, "Job")) == ("ManifestError", [])
    assert "has no job first" in abort.message


def test_pods_that_were_made_before_the_earlier_job_went_keep_their_job() -> None:
    gone = running(header=a_header(Phase.PLANNING), spec={"rerunOf": {"name": "first"}})
    assert not [action for action in decide(gone).actions if isinstance(action, Abort)]


def test_everything_again_needs_nothing_of_the_earlier_job() -> None:
    assert made(a_world(a_job(rerunOf={"name": "first", "failedOnly": False})), "ConfigMap")
