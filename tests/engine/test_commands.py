"""Commands on live runs and on the folders that runs leave."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_harness import DEADLINE_SECONDS, Finished, RunFolder, Site, opened, wait_for

pytestmark = pytest.mark.engine

#: Waits in every call until the file "go" is there, so that a run can be steered while it lives.
WAITS = """\
    import time

    def run(mini_batch):
        say("run", os.path.basename(mini_batch[0]))
        while not os.path.exists(os.environ["SAID"] + ".go"):
            time.sleep(0.01)
        return [os.path.basename(mini_batch[0])]
"""


def live(site: Site, files: int = 4) -> subprocess.Popen[str]:
    """A run of WAITS that has called run()."""
    site.files(files)
    site.script(WAITS)
    site.environment["PARALLELRUN_DRAIN_SECONDS"] = "0.2"
    process = site.start("run", site.manifest(), "--output", "out")
    wait_for(lambda: site.said("run") or process.poll() is not None, "the first call")
    assert process.poll() is None, process.communicate()
    return process


def end_of(process: subprocess.Popen[str]) -> Finished:
    stdout, stderr = process.communicate(timeout=DEADLINE_SECONDS)
    return Finished(process.returncode, stdout, stderr)


def done(site: Site, *words: str | Path, status: int = 0) -> str:
    """What a command printed to stdout."""
    finished = site.command(*words)
    assert finished.status == status, finished.text
    return finished.stdout


def phase(site: Site) -> str:
    value: str = json.loads(done(site, "get", "out", "-o", "json"))["phase"]
    return value


def test_a_live_run_is_suspended_resumed_and_followed_to_its_end(site: Site) -> None:
    process = live(site)
    assert phase(site) == "Running"
    assert done(site, "wait", "out", "--timeout", "0.1", status=124) == ""
    done(site, "suspend", "out")
    assert phase(site) == "Suspended"
    run = RunFolder(site.folder / "out")
    wait_for(lambda: " leaves with " in run.log("sys/node000.log"), "the agent's end")
    called = len(site.said("run"))
    (site.folder / "said.jsonl.go").touch()
    watching = site.start("watch", "out", "--json")
    assert process.poll() is None
    assert len(site.said("run")) == called, "nothing runs while it is suspended"
    done(site, "resume", "out")
    finished = end_of(process)
    assert finished.status == 0, finished.text
    assert run.lines() == [f"{n}.txt" for n in range(4)]
    watched = end_of(watching)
    assert watched.status == 0, watched.text
    last = json.loads(watched.stdout.splitlines()[-1])
    assert (last["type"], last["phase"]) == ("result", "Done")
    assert done(site, "wait", "out") == "Done\n"


def test_a_cancelled_run_fails_by_that_name_and_can_be_resumed(site: Site) -> None:
    process = live(site)
    done(site, "cancel", "out")
    finished = end_of(process)
    assert finished.status == 1, finished.text
    assert "cancelled" in finished.stderr
    run = RunFolder(site.folder / "out")
    assert run.result()["reason"] == "Cancelled"
    assert done(site, "wait", "out", status=1) == "Aborted\n"
    refused = site.command("cancel", "out")
    assert refused.status == 2, refused.text
    assert "is not running now" in refused.stderr
    (site.folder / "said.jsonl.go").touch()
    finished = site.command("run", "job.yaml", "--output", "out", "--resume")
    assert finished.status == 0, finished.text
    assert run.lines() == [f"{n}.txt" for n in range(4)]


# --- what runs left behind ---

SCRIPT = """\
    import logging

    def run(mini_batch):
        names = [os.path.basename(path) for path in mini_batch]
        print("printed for", names[0])
        logging.getLogger("azureml").info("logged for %s", names[0])
        if names[0] == "2.txt":
            raise KeyError("label")
        if names[0] == "6.txt":
            raise ValueError("no digit")
        with open(os.path.join(os.environ["OWN"], names[0]), "w") as own:
            own.write("own")
        return names
"""


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Two runs below ./runs: one that is done with two failures, and one that failed before it began."""
    with opened(tmp_path_factory.mktemp("past")) as site:
        site.files(8)
        site.script(SCRIPT)
        spec = {
            "miniBatchSize": 2,
            "outputs": [{"name": "own", "path": "own"}],
            "environment": {"env": [{"name": "OWN", "value": "$(outputs.own)"}]},
        }
        job = site.manifest(name="digits", errorThreshold=4, **spec)
        done(site, "run", job)
        failed = site.manifest(name="broken", runMaxTry=1, **spec)
        done(site, "run", failed, "--output", "runs/broken-one", status=1)
        yield site


def digits(site: Site) -> Path:
    """The folder that was made for the run of "digits"."""
    (folder,) = (site.folder / "runs").glob("digits-*")
    return folder


def test_list_has_a_line_a_run_and_names_for_programs(past: Site) -> None:
    text = done(past, "list")
    assert [line.split()[:2] for line in text.splitlines()[1:]] == [
        [digits(past).name, "Done"],
        ["broken-one", "Aborted"],
    ]
    assert done(past, "list", "-o", "name").splitlines() == [f"runs/{digits(past).name}", "runs/broken-one"]


def test_get_finds_a_run_by_the_name_of_its_job(past: Site) -> None:
    text = done(past, "get", "digits")
    assert "Done" in text
    assert "4/4" in text
    value = json.loads(done(past, "get", "digits", "-o", "json"))
    assert value["miniBatches"] == {"total": 4, "completed": 4, "failed": 2, "retried": 0}
    assert value["items"] == {"succeeded": 4, "failed": 4}
    broken = json.loads(done(past, "get", "broken", "-o", "json"))
    assert (broken["phase"], broken["reason"]) == ("Aborted", "ErrorThresholdExceeded")


def test_results_are_printed_or_copied_with_what_the_script_wrote(past: Site) -> None:
    text = "0.txt\n1.txt\n4.txt\n5.txt\n"
    assert done(past, "results", "digits") == text
    done(past, "results", "digits", "--to", "copied")
    assert (past.folder / "copied" / "parallel_run_step.txt").read_text() == text
    assert sorted(path.name for path in (past.folder / "copied" / "own").iterdir()) == ["0.txt", "4.txt"]
    refused = past.command("results", "broken")
    assert refused.status == 2, refused.text
    assert "Aborted" in refused.stderr


def test_failures_are_grouped_or_told_one_by_one_with_their_files(past: Site) -> None:
    text = done(past, "failures", "digits")
    assert "KeyError: 1 mini-batch, 2 items" in text
    assert "ValueError: no digit" in text
    assert f"{past.folder}/in/2.txt" in text
    values = json.loads(done(past, "failures", "digits", "-o", "json"))
    assert [(value["miniBatch"], value["error"]) for value in values] == [
        (1, "KeyError: 'label'"),
        (3, "ValueError: no digit"),
    ]
    assert values[1]["files"] == [f"{past.folder}/in/{n}.txt" for n in (6, 7)]
    assert 'score.py", line' in values[1]["traceback"]
    assert done(past, "failures", "digits", "-o", "name").split() == ["1", "3"]
    only = done(past, "failures", "digits", "--mini-batch", "3")
    assert "no digit" in only
    assert "label" not in only


def test_logs_are_what_was_printed_and_logged(past: Site) -> None:
    text = done(past, "logs", "digits")
    for name in ("0.txt", "2.txt", "4.txt", "6.txt"):
        assert f"printed for {name}" in text
        assert f"logged for {name}" in text
    assert done(past, "logs", "digits", "--failed") == done(past, "logs", "digits", "--mini-batch", "1")
    assert "planned 4 mini-batches" in done(past, "logs", "digits", "--sys")


def test_debug_runs_one_mini_batch_here_and_changes_nothing_of_the_run(past: Site) -> None:
    before = (digits(past) / "parallel_run_step.txt").read_bytes()
    fine = past.command("debug", "digits", "--mini-batch", "2", "--no-pdb")
    assert fine.status == 0, fine.text
    assert "4.txt" in fine.stdout
    bad = past.command("debug", "digits", "--mini-batch", "3", "--no-pdb")
    assert bad.status == 1, bad.text
    assert "ValueError: no digit" in bad.text
    planned = past.command("debug", "job.yaml", "--mini-batch", "1", "--no-pdb")
    assert planned.status == 1, planned.text
    assert "KeyError: 'label'" in planned.text
    beyond = past.command("debug", "digits", "--mini-batch", "4", "--no-pdb")
    assert beyond.status == 2, beyond.text
    assert (digits(past) / "parallel_run_step.txt").read_bytes() == before
    assert not (digits(past) / "own" / "2.txt").exists()


def test_the_overview_tells_how_the_job_ended(past: Site) -> None:
    text = (digits(past) / "logs" / "job_progress_overview.txt").read_text()
    assert "4 of 4 completed (2 failed, 0 retried)" in text
    assert "Done" in text
    shares = json.loads((digits(past) / "job_result.json").read_text())["nodes"]
    assert [line.split()[:3] for line in text.splitlines() if line.startswith("node0")] == [
        [node, "ended", str(count)] for node, count in shares.items()
    ]


def test_a_run_that_is_refused_in_planning_leaves_nothing_behind(site: Site) -> None:
    """It started nothing, and must not be taken for the newest run of its job."""
    site.files(1)
    site.script("def run(mini_batch): return mini_batch")
    site.manifest()
    assert site.command("run", "job.yaml").status == 0
    [run] = (site.folder / "runs").iterdir()
    site.manifest(inputs=[{"name": "files", "type": "File", "paths": ["in/*.png"]}])
    for words in ((), ("--output", "elsewhere")):
        refused = site.command("run", "job.yaml", *words)
        assert refused.status == 2, refused.text
        assert "matches no file" in refused.text
    assert [*(site.folder / "runs").iterdir()] == [run]
    assert not (site.folder / "elsewhere").exists()
    assert json.loads(done(site, "get", "-o", "json"))["phase"] == "Done"


def test_run_with_json_says_what_happened_one_object_a_line(past: Site) -> None:
    finished = past.command("run", "job.yaml", "--set", "spec.errorThreshold=-1", "--output", "as-json", "--json")
    assert finished.status == 0, finished.text
    values = [json.loads(line) for line in finished.stdout.splitlines()]
    assert values[0]["type"] == "started"
    assert (values[-1]["type"], values[-1]["phase"]) == ("result", "Done")
    assert values[-1]["result"]["items"]["failed"] == 4


def test_a_name_that_no_run_has_is_refused_with_what_to_do(past: Site) -> None:
    refused = past.command("get", "nosuch")
    assert refused.status == 2
    assert "There is no run 'nosuch'" in refused.stderr
    assert "parallelrun list" in refused.stderr
