"""What a job is told of earlier ones whose results it may take over, and what its status says once it has."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from builders import UID, a_job, a_world
from seen import a_header, running

from parallelrun.leases.header import Phase
from parallelrun_operator.job.actions import Apply, SetStatus
from parallelrun_operator.job.decide import decide
from parallelrun_operator.job.world import World

Json = dict[str, Any]
EARLIER = f"{UID[:-1]}0"
STATUS: Json = {
    "phase": "Done",
    "fingerprint": "f" * 64,
    "items": {"succeeded": 5, "failed": 0},
    "outputs": {"output": "pvc://parallelrun/team/first"},
}


def first(spec: Json | None = None, **status: Any) -> Json:
    return a_job(name="first", uid=EARLIER, status={**STATUS, **status}, **(spec or {}))


def settings(earlier: Json, **fields: Any) -> Json:
    """What the agents of a job that names ``earlier`` read."""
    world = a_world(a_job(reuseOf=["first"]), reusable=[earlier], **fields)
    applied = [action.obj for action in decide(world).actions if isinstance(action, Apply)]
    (found,) = [one for one in applied if one["kind"] == "ConfigMap" and "settings.json" in one["data"]]
    made: Json = json.loads(found["data"]["settings.json"])
    return made


def test_an_earlier_job_that_succeeded_is_told_with_its_folder_fingerprint_and_outputs() -> None:
    found = settings(first())
    assert found["result_hash"]
    assert found["reuse_of"] == [
        {
            "name": "first",
            "uid": EARLIER,
            "folder": f"/parallelrun/claims/parallelrun/team/first-{EARLIER}",
            "fingerprint": "f" * 64,
            "outputs": STATUS["outputs"],
        }
    ]


@pytest.mark.parametrize(
    "earlier",
    [
        first(phase="Running"),
        first(phase="Aborted"),
        first(items={"succeeded": 4, "failed": 1}),
        first(fingerprint=""),
        first(spec={"volume": {"claimName": "other"}}),
        first(resolved={"models": {"mnist": "1"}}),
    ],
    ids=["runs", "failed", "failed item", "no fingerprint", "another claim", "asked for a model"],
)
def test_any_other_is_not(earlier: Json) -> None:
    assert settings(earlier)["reuse_of"] == []


def model(version: str) -> Json:
    spec = {"name": "mnist", "version": version, "path": "model/"}
    meta = {"name": f"mnist-{version}"}
    return {"apiVersion": "parallelrun.dev/v1alpha1", "kind": "Model", "metadata": meta, "spec": spec}


@pytest.mark.parametrize(("versions", "same"), [(["1"], True), (["1", "2"], False), ([], False)])
def test_a_model_that_its_script_asked_for_has_to_be_the_one_that_it_would_get_now(
    versions: list[str], same: bool
) -> None:
    earlier = first(resolved={"models": {"mnist": "1"}})
    found = settings(earlier, registered=[model(version) for version in versions])
    assert bool(found["reuse_of"]) is same


def test_what_was_taken_over_is_complete_with_that_reason_and_tells_whose_it_is() -> None:
    message = "its results were taken over"
    reused = {"reusedFrom": "first", "items": STATUS["items"]}
    result = {"outputs": STATUS["outputs"], "message": message, "items": STATUS["items"]}
    header = a_header(Phase.DONE, reported=True, reused=reused, result=result, fingerprint="f" * 64)
    world: World = replace(running(), header=header)
    [status] = [action.status for action in decide(world).actions if isinstance(action, SetStatus)]
    (complete,) = [one for one in status["conditions"] if one["type"] == "Complete"]
    assert (complete["status"], complete["reason"], complete["message"]) == ("True", "Reused", message)
    assert status["reusedFrom"] == "first"
    assert status["outputs"] == STATUS["outputs"]
    assert status["fingerprint"] == "f" * 64
