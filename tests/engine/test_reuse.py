"""A run that would make what an earlier one made takes that over and runs nothing; else it runs."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chaos import Job, Run, kill_what_is_left, make_job
from engine_harness import RunFolder, Site

pytestmark = pytest.mark.engine

SCORE = """\
    def run(mini_batch):
        say("run")
        return [open(path).read() for path in mini_batch]
"""


@pytest.fixture
def site(site: Site) -> Site:
    site.files(3)
    site.script(SCORE)
    return site


def again(site: Site, *earlier: str, folder: str = "again", **spec: object) -> RunFolder:
    """Another run of the same job, which may take over ``earlier`` ones."""
    site.forget()
    reuse = [word for name in earlier for word in ("--reuse", name)]
    finished = site.command("run", site.manifest(**spec), "--output", folder, *reuse)
    assert finished.status == 0, finished.text
    return RunFolder(site.folder / folder)


def test_the_same_again_runs_nothing_and_says_whose_results_these_are(site: Site) -> None:
    site.run()
    run = again(site, "out", nodeCount=2, runMaxTry=5)
    assert site.said() == []
    assert (run.folder / "_SUCCESS").exists()
    result, origin = run.result(), str(site.folder / "out")
    assert (result["phase"], result["reason"], result["reusedFrom"]) == ("Done", "Reused", origin)
    assert result["outputs"] == {"output": origin, "file": f"{origin}/parallel_run_step.txt"}
    assert run.counts() == {"total": 3, "completed": 3, "failed": 0, "retried": 0, "items_failed": 0}
    assert site.command("results", "again").stdout == "0\n1\n2\n"


def test_whoever_takes_over_what_was_taken_over_points_at_the_run_that_made_it(site: Site) -> None:
    site.run()
    again(site, "out")
    run = again(site, "again", folder="third")
    assert run.result()["reusedFrom"] == str(site.folder / "out")
    assert site.said() == []


def change_script(site: Site) -> None:
    site.script(SCORE.replace(".read()", ".read() + '!'"))


def change_input(site: Site) -> None:
    (site.folder / "in" / "1.txt").write_text("changed")


def add_input(site: Site) -> None:
    (site.folder / "in" / "3.txt").write_text("3")


def remove_output(site: Site) -> None:
    (site.folder / "out" / "parallel_run_step.txt").unlink()


def remove_success(site: Site) -> None:
    (site.folder / "out" / "_SUCCESS").unlink()


def shorten_output(site: Site) -> None:
    (site.folder / "out" / "parallel_run_step.txt").write_text("0\n")


def change_output_at_the_same_length(site: Site) -> None:
    (site.folder / "out" / "parallel_run_step.txt").write_text("0\n7\n2\n")


def put_another_input_in_the_place_of_one(site: Site) -> None:
    """As `rsync -a` and `tar x` do it: of the same length, and of the same time."""
    old = site.folder / "in" / "1.txt"
    new = site.write("new.txt", "7")
    os.utime(new, ns=(0, old.stat().st_mtime_ns))
    new.replace(old)


@pytest.mark.parametrize(
    "change",
    [
        *(change_script, change_input, add_input, put_another_input_in_the_place_of_one),
        *(remove_output, remove_success, shorten_output, change_output_at_the_same_length),
    ],
)
def test_after_a_change_all_is_run_again(site: Site, change: Callable[[Site], None]) -> None:
    site.run()
    change(site)
    run = again(site, "out")
    assert "reusedFrom" not in run.result()
    assert len(site.said("run")) == len(run.lines()) == len(list((site.folder / "in").iterdir()))


def test_a_side_input_and_an_argument_that_changed_count_too(site: Site) -> None:
    site.write("labels.txt", "one")
    spec = {"sideInputs": [{"name": "labels", "path": "labels.txt"}], "arguments": ["$(sideInputs.labels)"]}
    site.run(**spec)
    assert "reusedFrom" in again(site, "out", **spec).result()
    site.write("labels.txt", "another")
    assert "reusedFrom" not in again(site, "out", folder="second", **spec).result()
    assert "reusedFrom" not in again(site, "out", folder="third", **spec | {"arguments": []}).result()


def test_a_run_with_a_failed_item_is_not_taken_over(site: Site) -> None:
    site.script("def run(mini_batch):\n    assert '1' not in mini_batch[0][-5:]\n    return mini_batch\n")
    site.run(errorThreshold=-1)
    assert "reusedFrom" not in again(site, "out", errorThreshold=-1).result()


def test_an_output_folder_that_runs_share_is_taken_over_only_while_it_holds_what_that_run_wrote(site: Site) -> None:
    """A later run wrote something else of the same length over it."""
    shared = {"output": {"path": "shared"}}
    again(site, folder="out", **shared)
    assert "reusedFrom" in again(site, "out", folder="second", **shared).result()
    assert (site.folder / "shared" / "_SUCCESS").exists()
    site.script(SCORE.replace(".read()", ".read().replace('1', '7')"))
    again(site, "out", folder="other", **shared)
    site.script(SCORE)
    run = again(site, "out", folder="third", **shared)
    assert "reusedFrom" not in run.result()
    assert (site.folder / "shared" / "parallel_run_step.txt").read_text() == "0\n1\n2\n"


def test_what_a_program_wrote_is_taken_over_while_it_is_as_it_was(site: Site) -> None:
    site.script("""\
        import sys

        say("run")
        open(sys.argv[1] + "/rows.txt", "w").write("rows")
    """)
    spec = {
        "runOnce": True, "inputs": [], "miniBatchSize": None, "outputs": [{"name": "prepared", "path": "prepared"}],
        "arguments": ["$(outputs.prepared)"],
    }  # fmt: skip
    site.run(**spec)
    run = again(site, "out", **spec)
    assert run.result()["outputs"]["prepared"] == str(site.folder / "out" / "prepared")
    assert site.said() == []
    site.write("out/prepared/rows.txt", "changed")
    assert "reusedFrom" not in again(site, "again", "out", folder="third", **spec).result()
    assert len(site.said("run")) == 1


# --- killed while it is decided ---


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A small one that has run once."""
    made = make_job(tmp_path_factory.mktemp("reuse"), "file", nodes=2, processes=1, mini_batches=20)
    first = Run(made, made.folder / "first", 0.0)
    assert first.end() == 0, first.text()
    return made


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    yield
    kill_what_is_left()


@pytest.mark.parametrize("phase", ["Planning", "Committing"])
@pytest.mark.parametrize("kind", ["agent", "run"])
def test_whatever_dies_while_results_are_taken_over_the_end_is_the_same(job: Job, kind: str, phase: str) -> None:
    reuse = ("--reuse", job.folder / "first")
    run = Run(job, job.folder / f"{kind}-{phase}", 0.0, more=reuse)
    # A folder whose preparation has not ended is no run yet: --resume begins it anew, as it is asked then.
    run.wait_for(lambda: run.phase() == phase and not (run.output / ".preparing").exists(), phase)
    if kind == "agent":
        for pid in run.pids("agent"):
            os.kill(pid, signal.SIGKILL)
    else:
        run.kill_everything()
        run = Run(job, run.output, 0.0, resume=True)
    assert run.end() == 0, run.text()
    result = RunFolder(run.output).result()
    assert (run.output / "_SUCCESS").exists(), run.text()
    assert result["reusedFrom"] == str(job.folder / "first")
    assert run.called() == []
    assert not (Path(run.output) / "parallel_run_step.txt").exists()
