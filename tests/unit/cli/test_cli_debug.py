"""`parallelrun debug`: one mini-batch by the job's own code, in a child process as in a terminal."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from web_server import WebServer

from parallelrun.api import layout
from parallelrun.api.settings import InputSettings, ModelSettings, StoreSettings
from parallelrun.local.run_folder import read_settings

SCRIPT = """
import logging, os, sys
import helper

def init():
    logging.getLogger("azureml").warning("arguments %s", sys.argv[1:])

def run(mini_batch):
    values = [helper.read(name) for name in mini_batch]
    with open("scratch.txt", "w") as file:
        file.write("mine")
    with open(os.path.join(sys.argv[2], "model.bin"), "w") as file:
        file.write("new")
    if "poison" in values:
        raise ValueError("bad \\x1b[31m " + values[0])
    return None if "none" in values else values[: 1 if "short" in values else None]
"""


@pytest.fixture
def run(here, make_run, settings) -> Path:
    """A run over six files in twos, planned; its script writes beside itself and into an output."""
    from parallelrun_agent.plan import make_plan

    for name, text in enumerate(["good", "good", "poison", "good", "none", "short"]):
        (here / f"{name}.txt").write_text(text)
    folder = here / "r"
    outputs = str(folder / "outputs" / "models")
    job = settings(
        inputs=[InputSettings("x", "File", [str(here / "*.txt")], str(here))],
        mini_batch_size=2,
        arguments=["--out", outputs],
        outputs={"models": outputs},
        registered_models=[ModelSettings("m", "/models/m")],
    )
    folder.mkdir()
    plan = make_plan(job, folder)
    make_run(folder, "Running", job, plan={"sha256": plan.sha256, "total": plan.total})
    (folder / layout.SOURCE).mkdir()
    (folder / layout.SOURCE / "score.py").write_text(SCRIPT)
    (folder / layout.SOURCE / "helper.py").write_text("def read(name):\n    return open(name).read()\n")
    return folder


def typed(folder: Path, text: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "parallelrun.cli.main", "debug", str(folder), *words],
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_mini_batch_that_works_prints_what_run_returned(call, run):
    done = call("debug", run, "--mini-batch", "0", "--no-pdb")
    assert (done.code, done.out) == (0, "['good', 'good']\n"), done.err
    assert "2 items of" in done.err
    assert "arguments ['--out'" in done.err
    assert "2 elements for 2 items" in done.err


def test_what_it_raised_is_shown_from_the_scripts_first_frame_on_and_escaped(call, run):
    done = call("debug", run, "--mini-batch", "1", "--no-pdb")
    assert (done.code, done.out) == (1, "")
    trace = done.err[done.err.index("Traceback") :].splitlines()
    assert "score.py" in trace[1]
    assert trace[-1] == r"ValueError: bad \x1b[31m poison"


def test_a_result_that_is_none_is_told(call, run):
    done = call("debug", run, "--mini-batch", "2", "--no-pdb")
    assert done.code == 1
    assert "mini-batch 2 would fail: run must return a list" in done.err


def test_pdb_stops_at_the_start_of_run_and_where_it_raised(run):
    done = typed(run, "p len(mini_batch)\nc\np values\nq\n", "--mini-batch", "1")
    assert done.returncode == 1
    assert "score.py(9)run()" in done.stdout
    assert "\n(Pdb) 2\n" in done.stdout
    assert "(Pdb) ['poison', 'good']\n" in done.stdout


def test_leaving_pdb_is_no_success(run):
    done = typed(run, "q\n", "--mini-batch", "0")
    assert done.returncode == 1
    assert "left the debugger" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_of_the_run_is_changed(call, run):
    before = sorted(path.relative_to(run) for path in run.rglob("*"))
    call("debug", run, "--mini-batch", "0", "--no-pdb")
    assert sorted(path.relative_to(run) for path in run.rglob("*")) == before


def test_another_source_is_used_in_place_of_the_runs(call, run, here):
    (here / "code").mkdir()
    (here / "code" / "score.py").write_text("def run(mini_batch):\n    return ['mine'] * len(mini_batch)\n")
    done = call("debug", run, "--mini-batch", "1", "--no-pdb", "--source", str(here / "code"))
    assert (done.code, done.out) == (0, "['mine', 'mine']\n"), done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--mini-batch", "3"), "there is no such mini-batch; the last is 2"),
        (("--mini-batch", "x"), "not a whole number"),
        ((), "required: --mini-batch"),
        (("--mini-batch", "0", "--source", "/no/such"), "no such folder"),
        (("--mini-batch", "0", "--set", "spec.nodeCount=1"), "are for a manifest"),
    ],
)
def test_what_cannot_be_debugged_is_refused(call, run, words, said):
    answer = call("debug", run, *words)
    assert answer.code == 2
    assert said in answer.err


def test_a_run_without_a_plan_has_nothing_to_debug(call, here, make_run):
    make_run(here / "r", "Planning", plan=None)
    assert "has no plan" in call("debug", "r", "--mini-batch", "0").err


def test_a_manifest_is_planned_first(call, here, run):
    (here / "job.yaml").write_text(
        """\
apiVersion: parallelrun.dev/v1alpha1
kind: ParallelRunJob
metadata: {name: debugged}
spec:
  source: {directory: code}
  entryScript: s.py
  inputs: [{name: x, type: File, paths: ["*.txt"]}]
"""
    )
    (here / "code").mkdir()
    (here / "code" / "s.py").write_text("def run(mini_batch):\n    return [1] * len(mini_batch)\n")
    done = call("debug", here / "job.yaml", "--mini-batch", "1", "--no-pdb", "--set", "spec.miniBatchSize=4")
    assert (done.code, done.out) == (0, "[1, 1]\n"), done.err
    assert not (here / "runs").exists()


ASKS = """
from azureml.core.model import Model

def run(mini_batch):
    with open(Model.get_model_path("far")) as file:
        said = file.read()
    try:
        Model.get_model_path("near", version=2)
    except Exception as error:
        said += f"; {error}"
    return [said for _ in mini_batch]
"""


def test_a_registered_model_that_the_job_does_not_list_is_fetched_when_the_script_asks(
    call, here, make_run, run, settings
):
    """And what cannot be had is told to the script, as in a run."""
    (here / "www").mkdir()
    (here / "www" / "w.bin").write_text("weights")
    with WebServer(here / "www") as server:
        job = replace(
            read_settings(run),
            registered_models=[
                ModelSettings("far", f"{server.url}/w.bin", "1"),
                ModelSettings("near", f"{server.url}/gone.bin", "2"),
            ],
            stores=[StoreSettings(server.url, "https", endpoint=server.url, read_only=True)],
        )
        (run / layout.SETTINGS).write_text(json.dumps(job.to_json()))
        (run / layout.SOURCE / "score.py").write_text(ASKS)
        done = call("debug", run, "--mini-batch", "0", "--no-pdb")
    assert done.code == 0, done.err
    assert done.out.count("weights; ") == 2
    assert f"{server.url}/gone.bin" in done.out
    assert "fetched model far version 1" in done.err
