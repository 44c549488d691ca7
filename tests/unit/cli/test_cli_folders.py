"""Finding runs, and what list, get and results say of them."""

from __future__ import annotations

import json
import os
import shutil

import pytest
import yaml

from parallelrun.api import layout
from parallelrun.api.settings import OutputSettings


def test_a_folder_that_is_not_there(call, here):
    answer = call("get", "nosuch")
    assert answer.code == 2
    assert "There is no run 'nosuch'" in answer.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], "is empty"),
        (["notes.txt"], "not the folder of a run"),
        ([layout.LOCK, ".preparing"], "never started"),
    ],
)
def test_a_folder_that_is_not_a_runs(call, here, content, said):
    (here / "d").mkdir()
    for name in content:
        (here / "d" / name).touch()
    answer = call("get", "d")
    assert answer.code == 2
    assert said in answer.err


def test_a_file_is_not_a_run(call, here):
    (here / "f").touch()
    assert "is a file" in call("get", "f").err


def test_damaged_settings_are_named(call, here, make_run):
    folder = make_run(here / "r")
    (folder / layout.SETTINGS).write_text("{")
    answer = call("get", "r")
    assert answer.code == 2
    assert layout.SETTINGS in answer.err


def test_a_run_is_found_by_folder_name_job_or_as_the_newest(call, here, make_run, settings):
    old = make_run(here / "runs" / "mnist-1")
    make_run(here / "runs" / "iris-1", job=settings("iris"))
    new = make_run(here / "runs" / "mnist-2")
    for age, folder in enumerate((new, here / "runs" / "iris-1", old)):
        os.utime(folder / layout.SETTINGS, (1e9 - age, 1e9 - age))
    assert call("get", "runs/mnist-1", "-o", "name").out == "runs/mnist-1\n"
    assert call("get", "mnist-1", "-o", "name").out == "runs/mnist-1\n"
    assert call("get", "mnist", "-o", "name").out == "runs/mnist-2\n"
    newest = call("get", "-o", "name")
    assert newest.out == "runs/mnist-2\n"
    assert "run: runs/mnist-2" in newest.err


def test_list_has_a_line_a_run_the_newest_last(call, here, make_run):
    make_run(here / "runs" / "b")
    make_run(here / "runs" / "a", "Running")
    make_run(here / "runs" / "c", "Aborted", reason="ErrorThresholdExceeded")
    (here / "runs" / "not-a-run").mkdir()
    for age, name in enumerate("cab"):
        os.utime(here / "runs" / name / layout.SETTINGS, (1e9 - age, 1e9 - age))
    lines = [line.split() for line in call("list").out.splitlines()]
    assert [line[:4] for line in lines[1:]] == [
        ["b", "Done", "10/10", "1"],
        ["a", "Interrupted", "?/10", "-"],
        ["c", "Aborted", "?/10", "-"],
    ]
    assert call("list", "-o", "name").out.split() == ["runs/b", "runs/a", "runs/c"]


def test_list_without_runs_says_so(call, here):
    answer = call("list")
    assert answer.code == 0
    assert "There is no run under" in answer.err


def test_list_leaves_a_damaged_run_out_and_says_so(call, here, make_run):
    make_run(here / "runs" / "good")
    (make_run(here / "runs" / "bad") / layout.HEADER).write_text("nonsense")
    answer = call("list", "-o", "name")
    assert answer.out.split() == ["runs/good"]
    assert "header.json is damaged" in answer.err


def test_get_shows_a_message_of_several_lines_as_lines(call, here, make_run):
    make_run(here / "r", "Aborted", reason="InitFailed", message="init() failed\nTraceback ...\nKeyError: 'x'")
    lines = call("get", "r").out.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("message"))
    texts = [line[len("items succeeded") :].strip() for line in lines[start : start + 3]]
    assert texts == ["init() failed", "Traceback ...", "KeyError: 'x'"]


def test_get_in_json_and_yaml_is_the_same(call, here, make_run):
    make_run(here / "r")
    value = json.loads(call("get", "r", "-o", "json").out)
    assert value == yaml.safe_load(call("get", "r", "-o", "yaml").out)
    assert value["phase"] == "Done"
    assert value["miniBatches"] == {"total": 10, "completed": 10, "failed": 1, "retried": 2}


def test_an_aborted_run_tells_why(call, here, make_run):
    make_run(here / "r", "Aborted", reason="InitFailed", message="init() raised \x1b[2J")
    out = call("get", "r").out
    assert "InitFailed" in out
    assert r"init() raised \x1b[2J" in out


def test_a_run_that_ctrl_c_ended_is_interrupted(call, here, make_run):
    make_run(here / "r", "Aborted", reason="Interrupted")
    assert json.loads(call("get", "r", "-o", "json").out)["phase"] == "Interrupted"


def test_a_run_killed_before_it_was_planned_is_interrupted(call, here, make_run):
    folder = make_run(here / "r", "Planning", plan=None)
    (folder / layout.HEADER).unlink()
    assert "Interrupted" in call("get", "r").out


def test_results_prints_the_output_as_it_is(call, here, make_run):
    folder = make_run(here / "r")
    (folder / "parallel_run_step.txt").write_bytes(b"\xff\x1b[2J\nlast line without end")
    done = call("results", "r")
    assert done.code == 0
    assert done.out.encode("utf-8", "surrogateescape").endswith(b"[2J\nlast line without end")


def test_results_of_a_copy_are_the_copys(call, here, make_run):
    shutil.copytree(make_run(here / "r"), here / "copy")
    (here / "copy" / "parallel_run_step.txt").write_text("copied\n")
    shutil.rmtree(here / "r")
    assert call("results", "copy").out == "copied\n"


def test_results_are_copied_with_what_the_script_wrote(call, here, make_run, settings):
    folder = make_run(here / "r", job=settings(outputs={"models": "/gone/outputs/models"}))
    (folder / "outputs" / "models").mkdir(parents=True)
    (folder / "outputs" / "models" / "m.bin").write_text("m")
    answer = call("results", "r", "--to", "new/place")
    assert answer.out.split() == ["new/place/parallel_run_step.txt", "new/place/models"]
    assert (here / "new/place/parallel_run_step.txt").read_text() == "a\nb\n"
    assert (here / "new/place/models/m.bin").read_text() == "m"


def test_results_are_found_where_the_manifest_put_them(call, here, make_run, settings):
    (here / "out").mkdir()
    (here / "out" / "parallel_run_step.txt").write_text("elsewhere\n")
    make_run(here / "r", job=settings(output=OutputSettings(path=str(here / "out"))))
    assert call("results", "r").out == "elsewhere\n"


@pytest.mark.parametrize("phase", ["Running", "Aborted"])
def test_a_run_that_is_not_done_has_no_results(call, here, make_run, phase):
    make_run(here / "r", phase)
    answer = call("results", "r")
    assert answer.code == 2
    assert "has no output" in answer.err


def test_results_that_were_removed_are_named(call, here, make_run):
    (make_run(here / "r") / "parallel_run_step.txt").unlink()
    answer = call("results", "r")
    assert answer.code == 2
    assert "parallel_run_step.txt is no longer there" in answer.err


def test_summary_only_has_no_output_file(call, here, make_run, settings):
    make_run(here / "r", job=settings(output=OutputSettings(action="SummaryOnly")))
    answer = call("results", "r")
    assert (answer.code, answer.out) == (0, "")
    assert "SummaryOnly" in answer.err


@pytest.mark.parametrize("name", ["with space", "käse", "new\nline", "esc\x1b[2J"])
def test_odd_names_of_folders_are_found_and_shown_safely(call, here, make_run, name):
    make_run(here / "runs" / name)
    assert call("get", name).code == 0
    shown = call("list").out
    assert "\x1b" not in shown
    assert len(shown.splitlines()) == 2
