"""Jobs and pipelines run from Python: in the background, followed, read, run again; whatever becomes of the program."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_harness import SAY, wait_for

import parallelrun as pr
from parallelrun.client import local_pipeline_run
from parallelrun.client.local_run import _PROCESSES
from parallelrun.client.widget import RunDetails
from parallelrun.local import control

pytestmark = pytest.mark.engine

SQUARES = """\
def run(mini_batch):
    found = []
    for path in mini_batch:
        number = int(open(path).read())
        if number == int(os.environ.get("BAD", "-1")):
            raise ValueError(f"{number} is bad")
        found.append(f"{number}:{number * number}")
    return found
"""
#: Does the first mini-batch, and waits in the second for the file "go".
HALF = """\
import time

def run(mini_batch):
    name = os.path.basename(mini_batch[0])
    say("run", name)
    while name != "0.txt" and not os.path.exists(os.environ["SAID"] + ".go"):
        time.sleep(0.01)
    return [name]
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with ten files, which is the working directory; what still runs at the end is cancelled."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAID", str(tmp_path / "said.jsonl"))
    monkeypatch.setenv("PARALLELRUN_DRAIN_SECONDS", "0.2")
    (tmp_path / "queue.py").write_text("raise RuntimeError('a file of the user, for no process of ours')")
    (tmp_path / "in").mkdir()
    for number in range(10):
        (tmp_path / "in" / f"{number}.txt").write_text(str(number))
    yield tmp_path
    for folder in tmp_path.glob("runs/*"):
        with contextlib.suppress(pr.ParallelRunError):
            control.ask(folder, "cancel")
            wait_for(lambda folder=folder: not control.is_live(folder), f"the end of {folder}")


def squares(script: str = SQUARES, **fields: object) -> pr.Job:
    Path("code").mkdir(exist_ok=True)
    Path("code/score.py").write_text(SAY + script)
    defaults = {"inputs": [pr.Files("in/*.txt")], "mini_batch_size": 1, "run_max_try": 1}
    return pr.Job("squares", source="code", entry_script="score.py", **{**defaults, **fields})


def waiting(here: Path) -> pr.Run:
    """A run of HALF whose first mini-batch is done, and whose second one waits."""
    run = squares(HALF).run_local(wait=False)
    wait_for(lambda: run.phase == "Running" and run.progress().completed == 1, "the first mini-batch", lambda: str(run))
    return run


def test_a_job_runs_and_its_output_is_a_table_in_input_order(here, capsys):
    run = squares(mini_batch_size=3).run_local()
    assert (run.phase, run.where, run.name) == ("Done", "local", "squares")
    assert run.folder.parent == here / "runs"
    assert run.results(sep=":", names=["n", "square"])["square"].tolist() == [n * n for n in range(10)]
    assert run.results()["result"].tolist() == [f"{n}:{n * n}" for n in range(10)]
    progress = run.progress()
    assert (progress.phase, progress.total, progress.completed, progress.items_succeeded) == ("Done", 4, 4, 10)
    assert [node.completed for node in progress.nodes] == [4]
    assert run.failures() == []
    assert (run.download("copy") / "parallel_run_step.txt").read_bytes() == run.result_file().read_bytes()
    assert pr.Run.open("squares").folder == run.folder
    RunDetails(run).show()
    assert capsys.readouterr().out.startswith("squares (local): Done\n  mini-batches: 4 of 4 (100%)")


def test_a_run_takes_over_what_an_earlier_one_made(here):
    job = squares(mini_batch_size=3)
    first = job.run_local()
    again = job.run_local(reuse=[first.folder])
    assert (first.reused_from, again.reused_from) == (None, str(first.folder))
    assert again.results().equals(first.results())
    assert again.outputs == first.outputs


def test_what_failed_is_told_and_run_again_with_a_mended_script(here, monkeypatch, capsys):
    monkeypatch.setenv("BAD", "7")
    with pytest.raises(pr.JobFailed) as error:
        squares().run_local(output="first", show=True)
    assert "ValueError: 7 is bad" in str(error.value)
    run = pr.Run.open("first")
    assert (run.phase, run.status().reason) == ("Aborted", "ErrorThresholdExceeded")
    assert "aborted" in capsys.readouterr().out
    (failure,) = run.failures()
    assert (failure.mini_batch, failure.error, failure.files) == (7, "ValueError: 7 is bad", [str(here / "in/7.txt")])
    assert 'raise ValueError(f"{number} is bad")' in failure.traceback
    with pytest.raises(pr.ParallelRunError, match="squares has no output: its phase is Aborted"):
        run.results()
    monkeypatch.delenv("BAD")
    again = run.rerun_failed()
    assert again.results(sep=":", names=["n", "square"])["square"].tolist() == [n * n for n in range(10)]


@pytest.mark.parametrize(
    ("fields", "kind", "said"),
    [
        ({"inputs": [pr.Files("nosuch/*.txt")]}, pr.InputError, "nosuch"),
        ({"node_count": 0}, pr.ManifestError, "spec.nodeCount: 0"),
        ({"entry_script": "nosuch.py"}, pr.ParallelRunError, "nosuch.py"),
    ],
)
def test_what_is_wrong_before_the_start_is_raised_and_leaves_nothing(here, fields, kind, said):
    job = squares(**{key: value for key, value in fields.items() if key != "entry_script"})
    job.spec |= {"entryScript": fields["entry_script"]} if "entry_script" in fields else {}
    with pytest.raises(kind, match=said):
        job.run_local()
    assert list(here.glob("runs/*")) == []


def test_what_was_wrong_is_known_of_a_run_that_nobody_waited_for(here):
    run = squares(inputs=[pr.Files("nosuch/*.txt")]).run_local(wait=False)
    assert run.wait(check=False).phase == "Aborted"
    assert run.status().reason == "InputError"
    assert "nosuch" in run.progress().first_error
    assert "nosuch/*.txt does not exist" in RunDetails(run).text
    with pytest.raises(pr.InputError, match="nosuch"):
        run.wait()


def test_a_run_is_suspended_resumed_and_cancelled(here):
    run = waiting(here)
    with pytest.raises(TimeoutError, match="squares still goes on"):
        run.wait(timeout=0.01)
    run.suspend()
    assert run.phase == "Suspended"
    run.resume()
    assert run.phase == "Running"
    run.cancel()
    with pytest.raises(pr.JobFailed, match="squares failed: Cancelled"):
        run.wait()
    with pytest.raises(pr.ParallelRunError, match="squares is over: its phase is Aborted"):
        run.cancel()


def test_a_run_whose_process_was_killed_goes_on_where_it_was(here):
    run = waiting(here)
    os.kill(_PROCESSES[run.folder].pid, signal.SIGKILL)
    run.wait(check=False)
    other = pr.Run.open(run.folder)
    assert (run.phase, other.phase) == ("Interrupted", "Interrupted")
    with pytest.raises(
        pr.JobFailed, match=r"squares was interrupted: nothing runs it\. The process of the run was ended by signal 9"
    ):
        run.wait()
    (here / "said.jsonl.go").touch()
    run.resume()
    assert run.wait().results()["result"].tolist() == [f"{n}.txt" for n in range(10)]
    first = [line for line in (here / "said.jsonl").read_text().splitlines() if '"0.txt"' in line]
    assert len(first) == 1, "what was done was done again"


def test_a_run_survives_the_program_that_began_it_and_can_be_followed_by_others(here):
    squares(HALF)
    program = """\
        import parallelrun as pr
        job = pr.Job("squares", source="code", entry_script="score.py", inputs=[pr.Files("in/*.txt")],
                     mini_batch_size=1)
        job.run_local(output="out")
        """
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", textwrap.dedent(program)], stderr=subprocess.PIPE, start_new_session=True
    )
    wait_for(lambda: (here / "out/control.json").exists(), "the run")
    run = pr.Run.open("out")
    wait_for(lambda: run.progress().completed == 1, "the first mini-batch", lambda: str(run))
    os.killpg(process.pid, signal.SIGINT)  # as the stop button of a notebook does
    assert b"KeyboardInterrupt" in process.communicate()[1]
    assert run.phase == "Running"
    (here / "said.jsonl.go").touch()
    assert len(run.wait().results()) == 10


def test_what_the_script_prints_is_read_from_python(here):
    run = squares('def init():\n    print("up")\n\n' + SQUARES).run_local()
    assert run.logs() == "up\n"
    assert run.logs("stderr") == ""
    assert "node" in run.logs("sys")


PREPARE = """\
import shutil, sys
folder, source, count = sys.argv[1:]
for number in range(int(count)):
    shutil.copy(f"{source}/{number}.txt", folder)
"""


def pipeline(here: Path, script: str) -> pr.Pipeline:
    (here / "prepare").mkdir()
    (here / "prepare" / "prepare.py").write_text(PREPARE)
    count = pr.Parameter("count", 3)
    prepare = pr.ScriptStep(
        "prepare", source="prepare", entry_script="prepare.py", outputs=["numbers"], side_inputs={"in": "in"},
        arguments=["$(outputs.numbers)", "$(sideInputs.in)", count],
    )  # fmt: skip
    score = pr.Step("score", squares(script, inputs=[pr.Files(prepare.outputs["numbers"])]))
    return pr.Pipeline("squares-of-many", parameters=[count], steps=[prepare, score])


def test_a_pipeline_runs_and_what_failed_of_it_is_run_again(here, monkeypatch, capsys):
    made = pipeline(here, SQUARES)
    monkeypatch.setenv("BAD", "2")
    with pytest.raises(pr.JobFailed, match="step score failed: ") as error:
        made.run_local(show=True)
    assert "ValueError: 2 is bad" in str(error.value)
    assert "prepare: Succeeded\nscore: Running\nscore: Failed" in capsys.readouterr().out
    run = pr.PipelineRun.open(next((here / "runs").iterdir()))
    assert pr.PipelineRun.open("squares-of-many").folder == run.folder
    with pytest.raises(pr.ParallelRunError, match="is the run of a pipeline"):
        pr.Run.open(run.folder)
    assert (run.phase, run.pipeline, run.parameters) == ("Failed", "squares-of-many", {"count": 3})
    assert [failure.error for failure in run.step("score").run.failures()] == ["ValueError: 2 is bad"]
    monkeypatch.delenv("BAD")
    again = run.rerun_failed()
    assert [step.phase for step in again.steps] == ["Reused", "Succeeded"]
    assert again.step("prepare").reused_from
    assert again.step("score").run.results()["result"].tolist() == ["0:0", "1:1", "2:4"]
    assert Path(again.step("score").outputs["file"]).read_text() == "0:0\n1:1\n2:4\n"


def test_a_pipeline_whose_process_was_killed_goes_on_where_it_was(here):
    run = pipeline(here, HALF).run_local(wait=False)
    wait_for(
        lambda: run.steps and run.steps[-1].run and run.steps[-1].run.progress().completed, "a result", run.__repr__
    )
    os.kill(local_pipeline_run._PROCESSES[run.folder].pid, signal.SIGKILL)
    assert run.wait(check=False).phase == "Interrupted"
    (here / "said.jsonl.go").touch()
    run.resume()
    assert run.wait().step("score").run.results()["result"].tolist() == ["0.txt", "1.txt", "2.txt"]


def test_a_pipeline_is_cancelled(here):
    run = pipeline(here, HALF).run_local(wait=False)
    wait_for(lambda: run.steps and run.steps[-1].phase == "Running", "the step", run.__repr__)
    run.cancel()
    assert run.wait(check=False).phase == "Cancelled"


def test_what_is_wrong_with_a_pipeline_is_raised_and_leaves_nothing(here):
    made = pipeline(here, SQUARES)
    with pytest.raises(pr.ManifestError, match="nosuch"):
        made.run_local(parameters={"nosuch": 1})
    assert list(here.glob("runs/*")) == []
