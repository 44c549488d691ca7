"""What a run has from earlier ones: jobs to compare with, and what succeeded in the run that it goes on from."""

from __future__ import annotations

from typing import Any

import pytest
from pipeline_cluster import Cluster, a_pipeline, a_run, job_step, script

COUNT = {"name": "count", "type": "integer", "default": 5}
CHAIN = (
    script("prepare"),
    job_step("score", "prepare", miniBatchSize="$(params.count)"),
    script("aggregate", "score"),
)


def after(*, failing: str = "", first: dict[str, Any] | None = None, **spec: Any) -> Cluster:
    """A second run, after one that ended; ``failing``: the step that failed in it."""
    cluster = Cluster(a_run(**(first or {})), a_pipeline(*CHAIN, parameters=[COUNT]))
    cluster.settle(lambda step: cluster.end(step, reason="InitFailed" if step == failing else ""))
    later = cluster.become_earlier(a_run("digits-2", "22222222-bbbb", **spec))
    later.earlier = cluster.run if "rerunFailed" in spec else None
    return later


def test_a_job_is_told_the_jobs_of_earlier_runs_that_did_the_same_step() -> None:
    cluster = after()
    cluster.settle(lambda step: cluster.end(step, reused=f"digits-1-{step}" if step == "prepare" else ""))
    assert cluster.job("prepare")["spec"]["reuseOf"] == ["digits-1-prepare"]
    assert cluster.job("score")["spec"]["reuseOf"] == ["digits-1-score"]


def test_a_job_is_told_of_none_where_a_step_that_it_needs_ran_anew() -> None:
    """Of files that it only has paths of, its fingerprint does not know the content."""
    cluster = after()
    cluster.settle()
    assert cluster.step("prepare")["phase"] == "Succeeded"
    assert "reuseOf" not in cluster.job("score")["spec"]


def test_of_jobs_with_the_same_fingerprint_only_the_newest_is_told_and_never_more_than_16() -> None:
    cluster = after()
    origin = next(job for job in cluster.other_jobs if job["metadata"]["name"] == "digits-1-prepare")
    prints = ["a", "a", *map(str, range(20))]
    cluster.other_jobs = [
        {**origin, "metadata": {**origin["metadata"], "name": f"old-{n}"}, "status": {"fingerprint": value}}
        for n, value in enumerate(prints)
    ]
    cluster.look()
    cluster.look()
    told = cluster.job("prepare")["spec"]["reuseOf"]
    assert told[:2] == ["old-0", "old-2"]
    assert len(told) == 16


@pytest.mark.parametrize("said", ["run", "step"])
def test_nothing_is_reused_where_that_is_said(said: str) -> None:
    cluster = after(regenerateOutputs=said == "run")
    if said == "step":
        assert cluster.pipeline is not None
        cluster.pipeline["spec"]["steps"][0] = {**CHAIN[0], "allowReuse": False}
    cluster.look()
    cluster.look()
    assert "reuseOf" not in cluster.job("prepare")["spec"]


def test_a_step_whose_job_took_an_earlier_result_over_is_reused_and_hands_that_on() -> None:
    cluster = after()
    cluster.settle(lambda step: cluster.end(step, reused=f"digits-1-{step}" if step == "prepare" else ""))
    prepare = cluster.step("prepare")
    assert (prepare["phase"], prepare["reusedFrom"]) == ("Reused", "digits-1-prepare")
    (files,) = cluster.job("score")["spec"]["inputs"]
    assert files["paths"] == ["pvc://parallelrun/data/digits-1-prepare"]
    assert "1 of them reused" in cluster.condition("Complete")["message"]


def test_a_run_that_goes_on_from_a_failed_one_runs_only_what_did_not_succeed() -> None:
    cluster = after(failing="score", rerunFailed={"name": "digits-1"})
    cluster.settle()
    assert cluster.made == ["digits-2-score", "digits-2-aggregate"]
    assert cluster.phases() == {"prepare": "Reused", "score": "Succeeded", "aggregate": "Succeeded"}
    assert cluster.step("prepare")["reusedFrom"] == "digits-1-prepare"
    assert cluster.status["phase"] == "Succeeded"


def test_a_job_that_failed_goes_on_from_the_mini_batches_that_succeeded() -> None:
    cluster = after(failing="score", rerunFailed={"name": "digits-1"})
    cluster.settle()
    spec = cluster.job("score")["spec"]
    assert spec["rerunOf"] == {"name": "digits-1-score", "failedOnly": True}
    assert "reuseOf" not in spec


def test_a_script_that_failed_is_run_anew() -> None:
    cluster = after(failing="prepare", rerunFailed={"name": "digits-1"})
    cluster.settle()
    assert "rerunOf" not in cluster.job("prepare")["spec"]


def test_a_step_that_succeeded_runs_anew_where_a_parameter_of_it_is_another() -> None:
    """Its old result would be a wrong one."""
    cluster = after(failing="aggregate", rerunFailed={"name": "digits-1"}, parameters={"count": 7})
    cluster.settle()
    assert cluster.phases() == {"prepare": "Reused", "score": "Succeeded", "aggregate": "Succeeded"}
    assert cluster.made == ["digits-2-score", "digits-2-aggregate"]


def test_a_job_that_failed_and_cuts_its_input_otherwise_now_begins_anew() -> None:
    cluster = after(failing="score", rerunFailed={"name": "digits-1"}, parameters={"count": 7})
    cluster.settle()
    assert "rerunOf" not in cluster.job("score")["spec"]


def test_a_job_that_failed_begins_anew_where_one_that_it_only_depends_on_runs_anew() -> None:
    """What it failed with and what it succeeds with would be of two different results of that step."""
    steps = (script("first", arguments=("$(params.count)",)), {**job_step("second"), "dependsOn": ["first"]})
    cluster = Cluster(a_run(), a_pipeline(*steps, parameters=[COUNT]))
    cluster.settle(lambda step: cluster.end(step, reason="InitFailed" if step == "second" else ""))
    spec = {"rerunFailed": {"name": "digits-1"}, "parameters": {"count": 7}}
    later = cluster.become_earlier(a_run("digits-2", "22222222-bbbb", **spec))
    later.earlier = cluster.run
    later.settle()
    assert "rerunOf" not in later.job("second")["spec"]


def test_a_step_runs_anew_where_one_that_it_only_depends_on_does() -> None:
    steps = (script("first", arguments=("$(params.count)",)), script("second", dependsOn=["first"]), script("third"))
    cluster = Cluster(a_run(), a_pipeline(*steps, parameters=[COUNT]))
    cluster.settle(lambda step: cluster.end(step, reason="InitFailed" if step == "third" else ""))
    spec = {"rerunFailed": {"name": "digits-1"}, "parameters": {"count": 7}}
    later = cluster.become_earlier(a_run("digits-2", "22222222-bbbb", **spec))
    later.earlier = cluster.run
    later.settle()
    assert later.phases() == dict.fromkeys(("first", "second", "third"), "Succeeded")


def test_a_run_waits_for_the_end_of_the_one_that_it_goes_on_from() -> None:
    cluster = after(rerunFailed={"name": "digits-1"})
    done, cluster.earlier = cluster.earlier, {"metadata": {"name": "digits-1"}, "status": {"phase": "Running"}}
    cluster.look()
    running = cluster.condition("Running")
    assert (running["status"], running["reason"]) == ("False", "WaitingForEarlierRun")
    cluster.earlier = done
    cluster.settle()
    assert set(cluster.phases().values()) == {"Reused"}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"rerunFailed": {"name": "gone"}}, "has no run gone"),
        ({"rerunFailed": {"name": "digits-1"}}, "is this run itself"),
        ({"rerunFailed": {"name": "gone"}, "regenerateOutputs": True}, "Leave out one of the two"),
    ],
)
def test_what_cannot_be_gone_on_from_is_refused(spec: dict[str, Any], said: str) -> None:
    cluster = Cluster(a_run(**spec), a_pipeline(*CHAIN, parameters=[COUNT]))
    cluster.look()
    assert said in cluster.condition("Failed")["message"]
