"""What the operator makes of a run of a pipeline, step by step."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pipeline_cluster import CLOCK, Cluster, a_pipeline, a_run, job_step, script

CHAIN = (script("prepare"), job_step("score", "prepare"), script("aggregate", "score"))


def begun(*steps: dict[str, Any], run: dict[str, Any] | None = None, **spec: Any) -> Cluster:
    """A run that has begun, its first steps started."""
    cluster = Cluster(run or a_run(), a_pipeline(*steps, **spec))
    cluster.look()
    cluster.look()
    return cluster


def test_a_run_keeps_its_own_copy_of_the_pipeline_and_its_parameters() -> None:
    count = {"name": "count", "type": "integer", "default": 5}
    cluster = begun(job_step("score", miniBatchSize="$(params.count)"), parameters=[count], run=a_run(parameters={}))
    assert cluster.status["parameters"] == {"count": 5}
    cluster.pipeline = a_pipeline(script("other"))
    cluster.settle()
    assert cluster.made == ["digits-1-score"]
    assert cluster.job("score")["spec"]["miniBatchSize"] == 5


def test_a_step_starts_when_what_it_needs_has_succeeded_and_reads_what_that_wrote() -> None:
    cluster = begun(*CHAIN)
    assert cluster.made == ["digits-1-prepare"]
    assert cluster.phases() == {"prepare": "Running", "score": "Waiting", "aggregate": "Waiting"}
    cluster.end("prepare")
    cluster.look()
    assert cluster.made == ["digits-1-prepare", "digits-1-score"]
    (files,) = cluster.job("score")["spec"]["inputs"]
    assert files["paths"] == ["pvc://parallelrun/data/digits-1-prepare"]


def test_a_run_succeeds_with_its_last_step() -> None:
    cluster = begun(*CHAIN)
    cluster.settle()
    assert cluster.status["phase"] == "Succeeded"
    assert cluster.status["progress"] == "3/3"
    assert cluster.condition("Complete")["status"] == "True"
    assert cluster.condition("Running")["status"] == "False"
    assert cluster.status["completionTime"]


def test_a_step_s_job_belongs_to_the_run_and_says_which_step_it_is() -> None:
    meta = begun(*CHAIN).job("prepare")["metadata"]
    assert meta["labels"] == {
        "parallelrun.dev/pipeline": "digits",
        "parallelrun.dev/pipeline-run": "digits-1",
        "parallelrun.dev/step": "prepare",
    }
    (owner,) = meta["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("ParallelRunPipelineRun", "digits-1", "11111111-aaaa")


def test_an_output_without_a_path_gets_a_folder_of_the_run_s_own() -> None:
    cluster = begun(script("prepare"), volume={"claimName": "data"})
    (output,) = cluster.job("prepare")["spec"]["outputs"]
    assert output["path"] == "pvc://data/pipelines/team/digits-1-11111111/prepare/data"


def test_independent_steps_run_side_by_side() -> None:
    assert sorted(begun(script("one"), script("two")).made) == ["digits-1-one", "digits-1-two"]


def test_what_needs_a_failed_step_is_skipped_and_the_run_has_failed() -> None:
    cluster = begun(*CHAIN)
    cluster.settle(lambda step: cluster.end(step, reason="InitFailed"))
    assert cluster.phases() == {"prepare": "Failed", "score": "Skipped", "aggregate": "Skipped"}
    failed = cluster.condition("Failed")
    assert (failed["status"], failed["reason"]) == ("True", "StepFailed")
    assert "step prepare: InitFailed: because" in failed["message"]
    assert cluster.condition("Stalled")["status"] == "True"  # what kstatus takes for a failure


@pytest.mark.parametrize(("goes_on", "made"), [(False, ["bad", "long"]), (True, ["bad", "long", "after"])])
def test_after_a_failure_other_steps_start_only_where_that_is_wanted(goes_on: bool, made: list[str]) -> None:
    steps = (script("bad"), script("long"), script("after", "long"))
    cluster = begun(*steps, run=a_run(continueOnStepFailure=goes_on))
    cluster.end("bad", reason="InitFailed")
    cluster.look()
    cluster.end("long")
    cluster.settle()
    assert cluster.made == [f"digits-1-{name}" for name in made]
    assert cluster.status["phase"] == "Failed"


def test_a_run_waits_for_its_pipeline_and_goes_on_when_that_is_there() -> None:
    cluster = Cluster(a_run(), None)
    decision = cluster.look()
    assert decision.look_again is not None
    assert decision.look_again <= 30
    stalled = cluster.condition("Stalled")
    assert (stalled["reason"], stalled["status"]) == ("MissingPipeline", "True")
    assert "no ParallelRunPipeline digits" in stalled["message"]
    cluster.pipeline = a_pipeline(*CHAIN)
    cluster.settle()
    assert cluster.status["phase"] == "Succeeded"
    assert cluster.condition("Stalled")["status"] == "False"


def test_a_mistake_in_a_later_step_is_said_before_the_first_one_runs() -> None:
    wrong = job_step("score", "prepare", processCountPerNode=0)
    cluster = Cluster(a_run(), a_pipeline(script("prepare"), wrong))
    cluster.look()
    assert cluster.made == []
    failed = cluster.condition("Failed")
    assert failed["reason"] == "ManifestError"
    assert "step score: job.processCountPerNode" in failed["message"]


def test_a_folder_of_somebody_s_machine_is_refused_before_the_first_step_runs() -> None:
    local = job_step("score", "prepare", source={"directory": "code"})
    cluster = Cluster(a_run(), a_pipeline(script("prepare"), local))
    cluster.look()
    assert cluster.made == []
    assert "step score: job.source.directory" in cluster.condition("Failed")["message"]


def test_a_parameter_of_a_wrong_type_is_said_by_name() -> None:
    count = {"name": "count", "type": "integer", "default": 5}
    cluster = Cluster(a_run(parameters={"count": "many"}), a_pipeline(script("prepare"), parameters=[count]))
    cluster.look()
    assert "parameters.count: 'many' is not an integer" in cluster.condition("Failed")["message"]


def test_a_step_that_is_wrong_only_with_what_it_is_given_has_failed_and_names_the_field() -> None:
    cluster = begun(script("prepare"), job_step("score", "prepare"))
    cluster.end("prepare", outputs={"other": "pvc://parallelrun/x"})
    cluster.look()
    assert cluster.phases()["score"] == "Failed"
    assert "step score: inputs[0].paths[0]" in cluster.step("score")["message"]


def test_a_job_that_the_api_server_refuses_is_a_failed_step() -> None:
    cluster = Cluster(a_run(), a_pipeline(script("prepare")))
    cluster.look()
    cluster.refused = {"prepare": "spec.source: no"}
    cluster.look()
    assert cluster.phases() == {"prepare": "Failed"}
    assert cluster.step("prepare")["message"] == "the API server refuses its job: spec.source: no"


def test_a_job_that_a_quota_leaves_no_room_for_stalls_the_run_until_there_is_room() -> None:
    cluster = Cluster(a_run(), a_pipeline(script("prepare"), script("other")))
    cluster.look()
    cluster.hindered = {"prepare": "exceeded quota: jobs"}
    decision = cluster.look()
    assert decision.look_again is not None
    assert cluster.made == ["digits-1-other"]
    stalled = cluster.condition("Stalled")
    assert (stalled["reason"], stalled["message"]) == ("FailedCreate", "step prepare: exceeded quota: jobs")
    cluster.hindered = {}
    cluster.settle()
    assert cluster.status["phase"] == "Succeeded"


def test_a_foreign_job_of_a_step_s_name_fails_the_step_and_one_that_goes_by_itself_is_waited_for() -> None:
    meta = {"name": "digits-1-prepare", "labels": {}}
    cluster = Cluster(a_run(), a_pipeline(script("prepare")))
    cluster.look()
    owner = {"kind": "ParallelRunPipelineRun", "name": "digits-1", "uid": "of an earlier one"}
    cluster.others = {"prepare": {"metadata": {**meta, "ownerReferences": [owner]}}}
    cluster.look()
    assert (cluster.phases(), cluster.made) == ({"prepare": "Waiting"}, [])
    assert "earlier job digits-1-prepare is gone" in cluster.condition("Running")["message"]
    cluster.others = {"prepare": {"metadata": meta}}
    cluster.look()
    assert cluster.phases() == {"prepare": "Failed"}
    assert "not of this run" in cluster.step("prepare")["message"]


def test_suspending_a_run_suspends_its_jobs_and_resuming_lets_them_go_on() -> None:
    cluster = begun(script("one"), script("two"), script("three", "one"))
    cluster.run["spec"]["suspend"] = True
    cluster.look()
    assert cluster.running() == []
    assert cluster.condition("Running")["reason"] == "Suspending"
    cluster.suspend_where_wanted()
    cluster.end("one")
    cluster.look()
    assert cluster.status["phase"] == "Suspended"
    assert cluster.condition("Suspended")["status"] == "True"
    assert cluster.phases() == {"one": "Succeeded", "two": "Suspended", "three": "Waiting"}
    cluster.run["spec"]["suspend"] = False
    cluster.settle()
    assert cluster.status["phase"] == "Succeeded"


def test_a_job_that_was_suspended_by_itself_stays_so_when_the_run_goes_on() -> None:
    cluster = begun(script("one"), script("two"))
    cluster.job("one")["spec"]["suspend"] = True
    cluster.run["spec"]["suspend"] = True
    cluster.look()
    cluster.run["spec"]["suspend"] = False
    cluster.look()
    assert cluster.running() == ["two"]


def test_cancelling_a_run_cancels_its_jobs_and_starts_no_more() -> None:
    cluster = begun(*CHAIN)
    cluster.run["spec"]["cancel"] = True
    cluster.look()
    assert cluster.job("prepare")["spec"]["cancel"] is True
    cluster.settle()
    assert cluster.status["phase"] == "Cancelled"
    assert cluster.phases() == dict.fromkeys(("prepare", "score", "aggregate"), "Cancelled")
    assert cluster.condition("Failed")["reason"] == "Cancelled"


def test_a_run_that_is_cancelled_before_it_began_makes_nothing() -> None:
    cluster = Cluster(a_run(cancel=True), None)
    cluster.look()
    assert (cluster.status["phase"], cluster.made) == ("Cancelled", [])


def test_a_step_whose_job_is_stalled_says_so_of_the_run() -> None:
    cluster = begun(*CHAIN)
    told = {"type": "Stalled", "status": "True", "reason": "ImagePullBackOff", "message": "no such image"}
    cluster.job("prepare")["status"] = {"phase": "Pending", "conditions": [told]}
    cluster.look()
    stalled = cluster.condition("Stalled")
    assert (stalled["reason"], stalled["message"]) == ("ImagePullBackOff", "step prepare: no such image")


def test_what_has_ended_stays_so_when_its_job_is_deleted() -> None:
    cluster = begun(*CHAIN)
    cluster.end("prepare")
    cluster.look()
    del cluster.jobs["digits-1-prepare"]
    cluster.settle()
    assert cluster.status["phase"] == "Succeeded"
    assert cluster.made.count("digits-1-prepare") == 1


def test_a_job_that_is_deleted_while_it_runs_is_made_again() -> None:
    cluster = begun(*CHAIN)
    del cluster.jobs["digits-1-prepare"]
    cluster.settle()
    assert cluster.status["phase"] == "Succeeded"
    assert cluster.made.count("digits-1-prepare") == 2


def test_once_all_is_said_nothing_is_written() -> None:
    cluster = begun(*CHAIN)
    cluster.suspend_where_wanted()
    cluster.look()
    before = cluster.written
    for _ in range(3):
        cluster.clock += timedelta(seconds=15)
        cluster.look()
    assert cluster.written == before


def test_the_status_of_a_run_that_is_over_follows_its_generation_alone() -> None:
    cluster = begun(script("one"))
    cluster.settle()
    cluster.run["metadata"]["generation"] = 2
    cluster.look()
    assert cluster.status["observedGeneration"] == 2
    assert cluster.look().actions == ()


def test_a_run_is_deleted_some_time_after_its_end() -> None:
    cluster = begun(script("one"), run=a_run(ttlSecondsAfterFinished=60))
    cluster.settle()
    decision = cluster.look()
    assert decision.look_again is not None
    assert 0 < decision.look_again <= 60
    assert not cluster.deleted
    cluster.clock += timedelta(seconds=61)
    cluster.look()
    assert cluster.deleted


def test_a_name_that_would_be_too_long_for_a_job_is_cut_and_still_its_own() -> None:
    run = a_run(name="r" * 60)
    cluster = begun(script("prepare"), script("present"), run=run)
    assert len({*cluster.made}) == 2
    assert all(len(name) <= 63 for name in cluster.made)


def test_labels_of_a_queue_reach_the_jobs_and_others_do_not() -> None:
    run = a_run()
    run["metadata"]["labels"] = {"kueue.x-k8s.io/queue-name": "gpu", "app.kubernetes.io/instance": "argo"}
    labels = begun(script("one"), run=run).job("one")["metadata"]["labels"]
    assert labels["kueue.x-k8s.io/queue-name"] == "gpu"
    assert "app.kubernetes.io/instance" not in labels


def test_a_run_that_is_being_deleted_is_left_alone() -> None:
    cluster = begun(*CHAIN)
    cluster.end("prepare")
    cluster.run["metadata"]["deletionTimestamp"] = "now"
    assert cluster.look().actions == ()


def test_time_stamps_are_those_of_the_clock() -> None:
    assert begun(*CHAIN).status["startTime"] == CLOCK.strftime("%Y-%m-%dT%H:%M:%SZ")
