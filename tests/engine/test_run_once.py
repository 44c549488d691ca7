"""A job whose script is a program, from the manifest to what it leaves."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
from engine_harness import RunFolder, Site, wait_for

pytestmark = pytest.mark.engine

PREPARE = """\
    import sys
    from pathlib import Path

    say("run", os.getppid(), *sys.argv[1:])
    Path(sys.argv[1], "rows.txt").write_text("rows")
"""


def fields(**more: Any) -> dict[str, Any]:
    """Of spec."""
    return {
        "runOnce": True,
        "inputs": None,
        "miniBatchSize": None,
        "arguments": ["$(outputs.prepared)", "$(job.name)"],
        "outputs": [{"name": "prepared", "path": "prepared"}],
        **more,
    }


def test_a_program_is_run_once_with_its_arguments_and_its_outputs_are_told(site: Site) -> None:
    site.script(PREPARE)
    run = site.run(**fields())
    prepared = run.folder / "prepared"
    assert [words[3:] for words in site.said("run")] == [[str(prepared), "job"]]
    assert (prepared / "rows.txt").read_text() == "rows"
    assert run.result()["outputs"] == {"output": str(run.folder), "prepared": str(prepared)}
    assert run.counts() == {"total": 1, "completed": 1, "failed": 0, "retried": 0, "items_failed": 0}
    assert (run.folder / "_SUCCESS").exists()


def test_a_program_that_fails_fails_the_job_in_its_own_words_and_can_be_run_again(site: Site) -> None:
    site.script("raise ValueError('no rows')\n")
    run, said = site.failing(**fields())
    assert "ProgramFailed" in said
    assert "ValueError: no rows" in said
    assert not (run.folder / "_SUCCESS").exists()
    site.script(PREPARE)
    again = site.command("rerun", "out", "--failed", "--source", "code", "--output", "again")
    assert again.status == 0, again.text
    assert RunFolder(site.folder / "again").counts()["completed"] == 1
    assert RunFolder(site.folder / "again").result()["fingerprint"] == ""


def test_a_script_without_run_is_refused_only_where_it_is_no_program(site: Site) -> None:
    site.script("pass\n")
    assert site.run(**fields()).counts()["completed"] == 1
    site.files(1)
    _, said = site.failing(status=2, output="other")
    assert "does not define run(mini_batch)" in said


def test_a_program_that_takes_too_long_is_killed_with_all_that_it_started(site: Site) -> None:
    site.script("""\
        import subprocess, time

        say("child", subprocess.Popen(["sleep", "1000"]).pid)
        time.sleep(1000)
    """)
    _, said = site.failing(**fields(runInvocationTimeoutSeconds=1))
    assert "took longer than runInvocationTimeoutSeconds" in said
    ((_, _, child),) = site.said("child")
    wait_for(lambda: not os.path.exists(f"/proc/{child}"), "the end of what the program had started")


def test_a_program_whose_process_is_killed_is_tried_again(site: Site) -> None:
    """Not the program alone: the worker process that waits for it."""
    site.script("""\
        import time

        say("run", os.getppid())
        while not os.path.exists(os.environ["SAID"] + ".go"):
            time.sleep(0.01)
    """)
    process = site.start("run", site.manifest(**fields(runMaxTry=2)), "--output", "out")
    wait_for(lambda: site.said("run") or process.poll() is not None, "the program")
    os.kill(site.said("run")[0][2], signal.SIGKILL)
    (site.folder / "said.jsonl.go").touch()
    assert process.wait(50) == 0, process.communicate()
    assert len(site.said("run")) == 2
    assert RunFolder(site.folder / "out").counts()["retried"] == 1


def test_a_run_that_was_killed_with_its_program_begins_it_again(site: Site) -> None:
    """Though it has one try: nobody can tell that the program was to blame."""
    site.script("""\
        import time

        say("run")
        while not os.path.exists(os.environ["SAID"] + ".go"):
            time.sleep(0.01)
    """)
    process = site.start("run", site.manifest(**fields()), "--output", "out")
    wait_for(lambda: site.said("run") or process.poll() is not None, "the program")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (site.folder / "said.jsonl.go").touch()
    wait_for(lambda: not os.path.exists(f"/proc/{site.said('run')[0][0]}"), "the end of the first one")
    resumed = site.command("run", "job.yaml", "--output", "out", "--resume")
    assert resumed.status == 0, resumed.text
    assert len(site.said("run")) == 2
