"""Where a finished job's outputs are said to be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from parallelrun.api import pod_layout
from parallelrun.api.settings import JobSettings, OutputSettings
from parallelrun_agent.pod import words
from parallelrun_agent.report import outputs

JOB = Path(pod_layout.JOB)


def settings(**fields: Any) -> JobSettings:
    return JobSettings(
        **{"name": "mnist", "uid": "u", "entry_script": "a.py", "inputs": [], "namespace": "ns", **fields}
    )


def test_on_one_machine_they_are_absolute_paths() -> None:
    found = outputs.places(Path("/runs/a"), settings(outputs={"trained": "/runs/a/trained"}))
    assert found == {"output": "/runs/a", "file": "/runs/a/parallel_run_step.txt", "trained": "/runs/a/trained"}


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        (None, "pvc://data/ns/mnist-u"),
        ("/parallelrun/claims/results/out", "pvc://results/out"),
        ("datastore://lake/out/", "datastore://lake/out"),
    ],
)
def test_in_pods_they_are_urls_that_mean_the_same_everywhere(monkeypatch, path: str | None, folder: str) -> None:
    monkeypatch.setenv(pod_layout.CLAIM_VARIABLE, "data")
    named = {"own": f"{JOB}/own", "other": "/parallelrun/claims/results/other"}
    found = outputs.places(JOB, settings(in_pod=True, output=OutputSettings(path=path), outputs=named))
    assert found == {
        "output": folder,
        "file": f"{folder}/parallel_run_step.txt",
        "own": "pvc://data/ns/mnist-u/own",
        "other": "pvc://results/other",
    }
    assert words.on_claim(found["own"]) == Path("/parallelrun/claims/data/ns/mnist-u/own")


def test_a_job_without_an_output_file_has_its_own_folder_unless_a_script_s_output_has_that_name() -> None:
    summary = OutputSettings(action="SummaryOnly")
    assert outputs.places(Path("/runs/a"), settings(output=summary)) == {"output": "/runs/a"}
    named = {"output": "/data/rows"}
    assert outputs.places(Path("/runs/a"), settings(output=summary, outputs=named)) == named
