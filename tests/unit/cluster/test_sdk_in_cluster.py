"""Jobs given to a cluster from Python, against a real API server: what is stored, told, waited for and steered."""

from __future__ import annotations

import asyncio

import pytest

import parallelrun as pr
from parallelrun.client.widget import RunDetails
from parallelrun.client.widget.look import RunLook
from parallelrun.kube.errors import NotFound
from parallelrun.kube.resources import CONFIG_MAPS, PARALLEL_RUN_JOBS


@pytest.fixture
def cluster(call):
    """``call`` makes the kubeconfig of the test's namespace the current one."""


@pytest.fixture
def job(cluster, tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "score.py").write_text("def run(mini_batch):\n    return mini_batch\n")
    return pr.Job("mnist", source="code", entry_script="score.py", inputs=[pr.Files("images")], run_max_try=1)


@pytest.fixture
def becomes(ask, namespace):
    """Says what an operator would of the job."""

    def say(phase, kind=None, reason="", **status):
        condition = {"type": kind, "status": "True", "reason": reason, "message": "so it was"}
        condition["lastTransitionTime"] = "2026-01-31T12:00:00Z"
        value = {"phase": phase, "conditions": [condition] if kind else [], **status}
        ask(lambda kube: kube.patch(PARALLEL_RUN_JOBS, namespace, "mnist", {"status": value}, "status"))

    return say


@pytest.fixture
def stored(ask, namespace):
    return lambda resource, name: ask(lambda kube: kube.get(resource, namespace, name))


def test_a_job_is_submitted_with_its_code(job, stored, namespace):
    run = job.submit()
    assert (run.name, run.where, run.namespace, run.phase) == ("mnist", "cluster", namespace, "Pending")
    spec = stored(PARALLEL_RUN_JOBS, "mnist")["spec"]
    assert (spec["runMaxTry"], spec["inputs"][0]["paths"]) == (1, ["images"])
    assert stored(CONFIG_MAPS, spec["source"]["configMap"]["name"])
    assert pr.Run.get("mnist").phase == "Pending"


def test_a_job_is_waited_for_and_its_outputs_are_told(job, becomes):
    run = job.submit()
    with pytest.raises(TimeoutError, match="mnist still goes on"):
        run.wait(timeout=0.2)
    counts = {"miniBatches": {"total": 4, "completed": 4, "failed": 1}, "items": {"succeeded": 30, "failed": 10}}
    becomes("Done", "Complete", "Done", outputs={"file": "pvc://parallelrun/a.txt"}, **counts)
    assert run.wait(timeout=30) is run
    progress = run.progress()
    assert (progress.phase, progress.total, progress.failed, progress.items_failed) == ("Done", 4, 1, 10)
    assert run.outputs == {"file": "pvc://parallelrun/a.txt"}
    assert run.reused_from is None


def test_a_job_that_failed_says_why(job, becomes):
    run = job.submit()
    first = {"miniBatch": 3, "files": [], "message": "ValueError: no digit"}
    becomes("Aborted", "Failed", "ErrorThresholdExceeded", firstErrors=[first])
    with pytest.raises(pr.JobFailed) as error:
        run.wait()
    assert error.value.message == (
        "mnist failed: ErrorThresholdExceeded: so it was\nThe first failure, mini-batch 3:\nValueError: no digit"
    )
    assert run.wait(check=False).status().reason == "ErrorThresholdExceeded"
    with pytest.raises(pr.ParallelRunError, match="mnist has no output: its phase is Aborted"):
        run.results()


def test_what_failed_is_a_new_job(job, becomes, stored):
    run = job.submit()
    becomes("Aborted", "Failed", "ErrorThresholdExceeded")
    again = run.rerun_failed(wait=False, sets=["spec.runMaxTry=5"])
    spec = stored(PARALLEL_RUN_JOBS, again.name)["spec"]
    assert (again.name, spec["runMaxTry"]) == ("mnist-rerun-1", 5)
    assert spec["rerunOf"] == {"name": "mnist", "failedOnly": True}


def test_a_job_is_suspended_resumed_and_cancelled(job, stored, becomes):
    run = job.submit()
    run.suspend()
    assert stored(PARALLEL_RUN_JOBS, "mnist")["spec"]["suspend"] is True
    run.resume()
    run.cancel()
    spec = stored(PARALLEL_RUN_JOBS, "mnist")["spec"]
    assert (spec["suspend"], spec["cancel"]) == (False, True)
    becomes("Aborted", "Failed", "Cancelled")
    with pytest.raises(pr.ParallelRunError, match="Job mnist is over"):
        run.cancel()


def test_it_works_where_an_event_loop_is_running_as_in_a_notebook(job):
    async def cell():
        return job.submit().phase

    assert asyncio.run(cell()) == "Pending"


def test_errors_say_what_to_do(cluster, job, namespace):
    with pytest.raises(NotFound, match=f'no job "nosuch" in namespace {namespace}'):
        pr.Run.get("nosuch")
    job.spec["nodeCount"] = 0
    with pytest.raises(pr.ManifestError, match=r"spec.nodeCount: 0"):
        job.submit()


def test_the_files_of_a_job_in_a_cluster_are_not_here(job):
    with pytest.raises(pr.ParallelRunError, match=r"run.download\(folder\)"):
        job.submit().folder  # noqa: B018


def test_the_live_view_of_a_job_shows_its_status_and_needs_no_pod_at_the_end(job, becomes, capfd):
    run = job.submit()
    first = {"miniBatch": 3, "files": ["a.png"], "message": "ValueError: no digit"}
    counts = {"miniBatches": {"total": 4, "completed": 3, "failed": 1}, "startTime": "2026-01-31T12:00:00Z"}
    becomes("Running", firstErrors=[first], **counts)
    look = RunLook(run)
    state = look.state()
    assert (state["phase"], state["counts"]["completed"], look.over) == ("Running", 3, False)
    assert [failure["error"] for failure in state["failures"]] == ["ValueError: no digit"]
    becomes("Done", "Complete", "Done", firstErrors=[first], **counts)
    assert (look.state()["phase"], look.over) == ("Done", True)
    RunDetails(run).show()
    assert capfd.readouterr().out.startswith("mnist (cluster): Done\n  mini-batches: 3 of 4 (75%)")
