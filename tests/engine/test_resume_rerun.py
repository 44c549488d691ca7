"""A run that was interrupted goes on, and one with failures is run again, without doing twice what was done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from engine_harness import Finished, RunFolder, Site, wait_for

pytestmark = pytest.mark.engine

#: Does the first half and then waits for the file "go", so that a run can be interrupted in its middle.
HALF = """\
    import time

    def run(mini_batch):
        name = os.path.basename(mini_batch[0])
        say("run", name)
        while int(name[:-4]) >= 10 and not os.path.exists(os.environ["SAID"] + ".go"):
            time.sleep(0.01)
        return [name]
"""
NAMES = [f"{n}.txt" for n in range(20)]


def calls(site: Site) -> Counter[str]:
    """How often run was called, by file."""
    return Counter(name for _, _, name in site.said("run"))


def interrupted(site: Site, **spec: Any) -> tuple[RunFolder, Finished]:
    """A run of HALF over 20 files, by Ctrl-C once everything of the first half was done and something of the second
    was begun; what runs then is not waited for."""
    site.files(20)
    site.script(HALF)
    site.environment["PARALLELRUN_DRAIN_SECONDS"] = "0.2"
    process = site.start("run", site.manifest(**{"processCountPerNode": 2, **spec}), "--output", "out")
    run = RunFolder(site.folder / "out")
    wait_for(lambda: run.recorded() == 10 or process.poll() is not None, "the first half", lambda: str(site.said()))
    wait_for(lambda: len(calls(site)) > 10 or process.poll() is not None, "the second half", lambda: str(site.said()))
    assert process.poll() is None, process.communicate()
    process.send_signal(signal.SIGINT)
    return run, ended(process)


def ended(process: subprocess.Popen[str]) -> Finished:
    """A run that is on its way out."""
    stdout, stderr = process.communicate(timeout=50)
    return Finished(process.returncode, stdout, stderr)


def go_on(site: Site) -> None:
    (site.folder / "said.jsonl.go").touch()


def resumed(site: Site, *words: str | Path) -> Finished:
    return site.command("run", site.folder / "job.yaml", "--output", "out", "--resume", *words)


def test_ctrl_c_seals_says_how_to_go_on_and_resume_runs_only_what_is_left(site: Site) -> None:
    run, first = interrupted(site)
    assert first.status == 130, first.text
    assert "--resume" in first.stderr
    assert not (run.folder / "_SUCCESS").exists()
    before = calls(site)
    go_on(site)
    second = resumed(site)
    assert second.status == 0, second.text
    assert run.lines() == NAMES
    again = calls(site) - before
    assert all(again[name] == 0 for name in NAMES[:10]), "what was done is not run again"
    assert all(again[name] == 1 for name in NAMES[10:])
    assert run.counts() == {"total": 20, "completed": 20, "failed": 0, "retried": 0, "items_failed": 0}
    third = resumed(site)
    assert third.status == 0, third.text
    assert "done already" in third.stderr
    assert calls(site) - before == again


def test_a_second_ctrl_c_stops_at_once_and_what_was_sealed_is_kept(site: Site) -> None:
    site.files(4)
    site.script("""\
        import time

        def run(mini_batch):
            say("run", os.path.basename(mini_batch[0]))
            time.sleep(1000)
    """)
    process = site.start("run", site.manifest(), "--output", "out")
    wait_for(lambda: site.said("run") or process.poll() is not None, "the first call")
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    lines: list[str] = []
    while "Ctrl-C again" not in "".join(lines[-1:]):
        lines.append(process.stderr.readline())
        assert lines[-1], lines
    process.send_signal(signal.SIGINT)
    finished = ended(process)
    assert finished.status == 130, finished.text
    assert "Stopped at once" in finished.stderr
    site.script("def run(mini_batch):\n    return [1]\n")
    changed = resumed(site)
    assert changed.status == 2, changed.text
    assert "score.py has changed" in changed.stderr


def write_input(site: Site) -> None:
    (site.folder / "in" / "7.txt").write_text("longer than it was")


def remove_input(site: Site) -> None:
    (site.folder / "in" / "7.txt").unlink()


def write_script(site: Site) -> None:
    site.script(HALF + "    # changed\n")


def write_manifest(site: Site) -> None:
    site.manifest(processCountPerNode=2, errorThreshold=7)


CHANGES: dict[str, tuple[Callable[[Site], None], str]] = {
    "input": (write_input, "7.txt changed: 18 bytes, was 1"),
    "input-gone": (remove_input, "7.txt is gone"),
    "script": (write_script, "score.py has changed"),
    "manifest": (write_manifest, "spec.errorThreshold was 0, now 7"),
}


def test_a_changed_input_script_or_manifest_is_refused_by_name_and_undone_goes_on(site: Site) -> None:
    run, _ = interrupted(site)
    before = calls(site)
    go_on(site)
    kept = {path: (path.read_bytes(), path.stat()) for path in (*site.folder.glob("in/*"), site.folder / "job.yaml")}
    for change, words in CHANGES.values():
        change(site)
        refused = resumed(site)
        assert refused.status == 2, refused.text
        assert words in refused.stderr
        assert "Traceback" not in refused.stderr
        site.script(HALF)
        for path, (data, stat) in kept.items():
            path.write_bytes(data)
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert calls(site) == before, "nothing was run"
    finished = resumed(site)
    assert finished.status == 0, finished.text
    assert run.lines() == NAMES


def test_more_nodes_may_go_on_with_what_fewer_began(site: Site) -> None:
    run, _ = interrupted(site)
    go_on(site)
    finished = resumed(site, "--set", "spec.nodeCount=2")
    assert finished.status == 0, finished.text
    assert run.lines() == NAMES
    assert json.loads((run.folder / "settings.json").read_text())["node_count"] == 2


#: Two files a mini-batch: those that begin with 2, 6 and 10 fail while there is no file "mended"; 4 returns too little.
MENDABLE = """\
    MENDED = False

    def run(mini_batch):
        names = [os.path.basename(path) for path in mini_batch]
        say("run", names[0])
        mended = MENDED or os.path.exists(os.environ["SAID"] + ".mended")
        if int(names[0][:-4]) % 4 == 2 and not mended:
            raise ValueError("not mended")
        return [f"{name} {mended}" for name in names][: 1 if names[0] == "4.txt" else 2]
"""
FAILING = {"2.txt": 1, "6.txt": 1, "10.txt": 1}
MERGED = [f"{n}.txt {n % 4 in (2, 3)}" for n in range(12) if n != 5]


def with_failures(site: Site) -> RunFolder:
    """A run that tolerated its failures."""
    site.files(12)
    site.script(MENDABLE)
    run = site.run(output="first", miniBatchSize=2, errorThreshold=7, runMaxTry=2, processCountPerNode=2)
    assert run.counts() == {"total": 6, "completed": 6, "failed": 3, "retried": 3, "items_failed": 7}
    assert calls(site)["2.txt"] == 2
    site.forget()
    return run


def rerun(site: Site, base: str, output: str, *words: str | Path, status: int = 0) -> RunFolder:
    finished = site.command("rerun", base, "--output", output, *words)
    assert finished.status == status, finished.text
    return RunFolder(site.folder / output)


def test_rerun_of_what_failed_runs_only_that_and_merges_it_with_what_succeeded(site: Site) -> None:
    """A short return is a success: its mini-batch is not run again."""
    first = with_failures(site)
    before = first.output()
    again = rerun(site, "first", "still-failing", "--failed", "--set", "spec.runMaxTry=1")
    assert calls(site) == FAILING
    assert again.output() == before
    site.forget()
    (site.folder / "said.jsonl.mended").touch()
    second = rerun(site, "still-failing", "second", "--failed", "--set", "spec.nodeCount=2")
    assert calls(site) == FAILING
    assert second.lines() == MERGED
    assert second.counts() == {"total": 6, "completed": 6, "failed": 0, "retried": 0, "items_failed": 1}
    assert first.output() == before, "the first run is left as it was"
    site.forget()
    third = rerun(site, "second", "third", "--failed")
    assert third.output() == second.output()
    assert not site.said(), "nothing was left to run"


def test_a_mended_script_runs_what_failed_when_it_is_named(site: Site) -> None:
    with_failures(site)
    site.script(MENDABLE.replace("MENDED = False", "MENDED = True"))
    second = rerun(site, "first", "second", "--failed", "--source", site.folder / "code")
    assert calls(site) == FAILING
    assert second.lines() == MERGED


def test_an_aborted_run_is_rerun_with_all_that_has_no_success(site: Site) -> None:
    site.files(12)
    site.script(MENDABLE)
    first, said = site.failing(miniBatchSize=2, output="first")
    assert f"parallelrun rerun {first.folder} --failed" in said
    done = {line["mini-batch"] for line in first.mini_batches() if line["status"] == "succeeded"}
    (site.folder / "said.jsonl.mended").touch()
    site.forget()
    second = rerun(site, "first", "second", "--failed", "--set", "spec.errorThreshold=1")
    assert {name: 1 for n, name in enumerate(NAMES[:12:2]) if str(n) not in done} == calls(site)
    assert [line.split()[0] for line in second.lines()] == [line.split()[0] for line in MERGED]


def test_a_rerun_over_a_changed_input_is_refused_and_a_whole_rerun_is_not(site: Site) -> None:
    with_failures(site)
    (site.folder / "said.jsonl.mended").touch()
    (site.folder / "in" / "0.txt").write_text("changed since")
    refused = site.command("rerun", "first", "--failed", "--output", "second")
    assert refused.status == 2, refused.text
    assert "0.txt changed: 13 bytes, was 1" in refused.stderr
    assert "rerun without --failed" in refused.stderr
    whole = rerun(site, "first", "whole", "--set", "spec.errorThreshold=1")
    assert set(calls(site).values()) == {1}
    assert len(calls(site)) == 6
    assert whole.lines() == [f"{n}.txt True" for n in range(12) if n != 5]
