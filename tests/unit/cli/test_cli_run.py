"""`parallelrun run` and `rerun`: what was typed becomes a request, how it ended becomes words and an exit code."""

from __future__ import annotations

import io
import json
import os
import pty
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from parallelrun.api.errors import InputError, JobFailed, ManifestError, OutputError
from parallelrun.cli import arguments, commands, live, rerun, run
from parallelrun.local.progress import View
from parallelrun.local.request import NodeView, Outcome, RunRequest, Snapshot

RUNNING = Snapshot("Running", 10, 4, elapsed=1.0)
FAILURE = {
    "miniBatch": 7,
    "node": "node000",
    "tries": 3,
    "files": ["images/7.png"],
    "traceback": "Traceback\n  File s.py\nValueError: bad \x1b[31m",
}


class Engine:
    """An engine that shows these snapshots and ends so."""

    def __init__(self, ending: Outcome | BaseException, *snapshots: Snapshot) -> None:
        self.ending = ending
        self.snapshots = snapshots

    def __call__(self, request: RunRequest, listener) -> Outcome:
        listener.started(Path("runs/x y"))
        for snapshot in self.snapshots:
            listener.progress(snapshot)
        listener.message("a remark")
        if isinstance(self.ending, BaseException):
            raise self.ending
        return self.ending


def outcome(phase: str = "Done", **more) -> Outcome:
    return Outcome(Path("runs/x y"), phase, **more)


def parse(*words: str) -> RunRequest:
    command = commands.find("run")
    return run.request_of(commands.build_parser(command, command.load()).parse_args(list(words)))


def test_everything_typed_is_in_the_request(tmp_path):
    request = parse(
        *("job.yaml", "--set", "spec.nodeCount=4", "--set", "spec.runMaxTry=1", "--output", "out", "--source", "src"),
        *("--map", f"pvc://data={tmp_path}", "--resume"),
    )
    assert request == RunRequest(
        manifest=Path("job.yaml"),
        sets=["spec.nodeCount=4", "spec.runMaxTry=1"],
        output=Path("out"),
        source=Path("src"),
        maps={"pvc://data": str(tmp_path)},
        resume=True,
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "neither was given"),
        (("job.yaml", "-k", "dir"), "both was given"),
        (("job.yaml", "--set", "nodeCount"), "--set nodeCount: this is not FIELD=VALUE"),
        (("job.yaml", "--set", "=4"), "--set =4"),
        (("job.yaml", "--map", "pvc://data"), "this is not URL=DIR"),
        (("job.yaml", "--map", "pvc://data=/no/such"), "there is no folder /no/such"),
        (("job.yaml", "other.yaml"), "unrecognized arguments: other.yaml"),
        (("job.yaml", "--output"), "expected one argument"),
    ],
)
def test_what_cannot_be_meant_is_refused(words, said):
    with pytest.raises(ManifestError, match=said.replace("?", r"\?")):
        parse(*words)


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        (outcome(), 0),
        (outcome("Aborted", reason="ErrorThresholdExceeded"), 1),
        (outcome("Aborted", reason="Cancelled"), 1),
        (outcome("Aborted", reason="Interrupted"), 130),
        (KeyboardInterrupt(), 130),
    ],
)
def test_the_exit_code_says_how_it_ended(capsys, ending, code):
    assert run.run_and_report(RunRequest(manifest=Path("j.yaml")), engine=Engine(ending, RUNNING)) == code


def test_the_folder_is_all_that_stdout_has(capsys):
    run.run_and_report(RunRequest(manifest=Path("j.yaml")), engine=Engine(outcome(), RUNNING))
    assert capsys.readouterr().out == "runs/x y\n"


def test_an_error_before_anything_ran_keeps_its_class():
    with pytest.raises(InputError):
        run.run_and_report(RunRequest(manifest=Path("j.yaml")), engine=Engine(InputError("x"), Snapshot("Planning")))


def test_an_error_after_the_script_ran_is_the_job_failing():
    with pytest.raises(JobFailed, match="full"):
        run.run_and_report(RunRequest(manifest=Path("j.yaml")), engine=Engine(OutputError("full"), RUNNING))


@pytest.mark.parametrize("ending", [outcome("Aborted", reason="Interrupted"), KeyboardInterrupt()])
def test_an_interrupted_run_says_how_to_go_on(capsys, ending):
    request = RunRequest(manifest=Path("my job.yaml"), sets=["a=b c"], maps={"pvc://d": "/d"}, source=Path("s"))
    run.run_and_report(request, engine=Engine(ending, RUNNING))
    said = capsys.readouterr().err.splitlines()[-1].strip()
    assert shlex.split(said)[0] == "parallelrun"
    again = parse_words_without_checking_folders(shlex.split(said)[2:])
    assert (again.manifest, again.sets, again.source) == (request.manifest, request.sets, request.source)
    assert again.resume
    assert again.output == Path("runs/x y")
    assert again.maps == {"pvc://d": "/d"}


def parse_words_without_checking_folders(words: list[str]) -> RunRequest:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arguments.Path, "is_dir", lambda _: True)
        return parse(*words)


def test_an_interrupted_rerun_says_how_to_go_on():
    request = RunRequest(rerun_of=Path("runs/old"), failed_only=True)
    assert run.resume_command(request, Path("n")) == "parallelrun rerun runs/old --failed --output n --resume"


def test_a_failed_job_shows_reason_traceback_files_and_what_to_type(capsys):
    ending = outcome("Aborted", reason="ErrorThresholdExceeded", message="10 items failed", first_failure=FAILURE)
    run.run_and_report(RunRequest(manifest=Path("j.yaml")), engine=Engine(ending, RUNNING))
    said = capsys.readouterr().err
    for text in (
        "ErrorThresholdExceeded: 10 items failed",
        "mini-batch 7 (node000, 3 tries)",
        "images/7.png",
        "ValueError: bad",
        "parallelrun failures 'runs/x y'",
        "parallelrun rerun 'runs/x y' --failed",
    ):
        assert text in said
    assert "\x1b" not in said


def test_a_job_that_is_done_shows_counts_output_and_time(capsys):
    last = Snapshot("Done", 1000, 1000, 3, 2, 9970, 30, elapsed=83.0)
    result = {"output": {"path": "/out/r.txt", "rows": 9970, "bytes": 1 << 20}}
    run.run_and_report(RunRequest(manifest=Path("j.yaml")), engine=Engine(outcome(result=result), last))
    said = capsys.readouterr().err
    assert "1,000, 3 failed, 2 retried" in said
    assert "10,000, 30 failed" in said
    assert "1m23s" in said
    assert "/out/r.txt (9,970 rows, 1.0 MB)" in said
    assert "parallelrun failures" in said


def test_json_is_an_object_a_line_with_the_result_last(capsys):
    code = run.run_and_report(
        RunRequest(manifest=Path("j.yaml")), True, Engine(outcome(first_failure=FAILURE), RUNNING, RUNNING)
    )
    assert code == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["type"] for line in lines] == ["started", "progress", "message", "result"]
    assert lines[1]["completed"] == 4
    assert lines[-1]["first_failure"] == FAILURE
    assert lines[-1]["phase"] == "Done"


def test_plain_lines_do_not_flood(capsys):
    display = live.PlainDisplay()
    for tick in range(400):
        display.progress(Snapshot("Running", 10000, tick, elapsed=tick / 10))
    assert 5 <= len(capsys.readouterr().err.splitlines()) <= 9


def test_a_pause_and_its_end_are_said_at_once(capsys):
    display = live.PlainDisplay()
    for elapsed, stalled in ((0.1, ""), (0.2, "no space: /v"), (0.3, "no space: /v"), (0.4, "")):
        display.progress(Snapshot("Running", 10, 1, elapsed=elapsed, stalled=stalled))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "paused: no space: /v" in lines[0]
    assert "paused" not in lines[1]


TERMINAL = """
import sys
from pathlib import Path
from parallelrun.cli.run import run_and_report
from parallelrun.local.progress import View
from parallelrun.local.request import NodeView, Outcome, RunRequest, Snapshot
def engine(request, listener):
    for tick in range(1, 40):
        nodes = [NodeView(0, "running", tick, 2, ["5", "a\\x1b[2J[bold]"])]
        listener.progress(Snapshot("Running", 40, tick, elapsed=tick / 4, nodes=nodes, first_error="bad \\x1b[2J"))
    listener.message("a remark \\x07")
    return Outcome(Path("r"), "Done")
sys.exit(run_and_report(RunRequest(manifest=Path("j.yaml")), engine=engine))
"""


def test_a_terminal_gets_a_bar_that_is_safe_and_gone_at_the_end(tmp_path):
    output = in_terminal(TERMINAL)
    assert "━" in output
    assert "39 of 40 mini-batches (97%)" in output
    assert "4.0/s" in output
    assert "node 0: running" in output
    assert "[bold]" in output
    assert r"bad \x1b[2J" in output
    assert r"a remark \x07" in output
    assert "\x07" not in output
    assert "\x1b[2J" not in output
    assert output.rindex("\x1b[?25h") > output.rindex("\x1b[?25l"), "the cursor is shown again"


def in_terminal(program: str) -> str:
    """All that ``program`` shows on a terminal of 100 columns."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
    with subprocess.Popen([sys.executable, "-c", program], stdout=theirs, stderr=theirs, env=environment) as child:
        os.close(theirs)
        shown = b""
        while chunk := _read(ours):
            shown += chunk
    os.close(ours)
    assert child.returncode == 0, shown.decode()
    return shown.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # EIO: the other side is closed
        return b""


def test_rerun_asks_for_a_new_run_of_the_old_folder(here, make_run, monkeypatch):
    make_run(here / "runs" / "old")
    asked = []
    monkeypatch.setattr(rerun, "run_and_report", lambda request, as_json: asked.append(request) or 0)
    command = commands.find("rerun")
    words = ["old", "--failed", "--output", "new", "--set", "spec.runMaxTry=9"]
    assert rerun.execute(commands.build_parser(command, rerun).parse_args(words)) == 0
    assert asked == [
        RunRequest(rerun_of=Path("runs/old"), failed_only=True, output=Path("new"), sets=["spec.runMaxTry=9"])
    ]


def test_nodes_that_are_many_are_one_line_on_the_bar():
    nodes = [NodeView(n, "running") for n in range(20)]
    console = Console(width=80, file=io.StringIO())
    console.print(live._render(View(Snapshot("Running", 10, 1, nodes=nodes))))
    assert "20 nodes: 20 running" in console.file.getvalue()
