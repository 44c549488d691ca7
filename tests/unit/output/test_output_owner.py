"""Whose output a folder holds."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from parallelrun.api.errors import OutputError
from parallelrun_agent.output.owner import claim, owner


def test_a_claimed_folder_names_its_job(tmp_path: Path) -> None:
    claim(tmp_path / "out", "ns", "mnist")
    assert owner(tmp_path / "out") == "ns/mnist"
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["_OWNER"]


def test_another_jobs_folder_is_refused_by_name_and_left_alone(tmp_path: Path) -> None:
    claim(tmp_path, "ns", "mnist")
    (tmp_path / "_SUCCESS").touch()
    with pytest.raises(OutputError, match="ns/mnist"):
        claim(tmp_path, "ns", "iris")
    assert (tmp_path / "_SUCCESS").exists()


def test_a_job_created_again_replaces_its_own_output_and_first_removes_the_success(tmp_path: Path) -> None:
    claim(tmp_path, "ns", "mnist")
    (tmp_path / "_SUCCESS").touch()
    claim(tmp_path, "ns", "mnist")
    assert not (tmp_path / "_SUCCESS").exists()


def test_an_empty_marker_that_a_crash_left_belongs_to_nobody(tmp_path: Path) -> None:
    (tmp_path / "_OWNER").touch()
    claim(tmp_path, "ns", "mnist")
    assert owner(tmp_path) == "ns/mnist"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file/out"):
        claim(tmp_path / "file" / "out", "ns", "mnist")


def test_all_nodes_of_a_job_may_claim_a_folder_at_the_same_time(tmp_path: Path) -> None:
    """Their programs have the same process number, each being the first of its container."""
    together = threading.Barrier(8)

    def one(number: int) -> None:
        for attempt in range(20):
            together.wait(30)
            claim(tmp_path / f"out-{attempt}", "team", "mnist")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(8)))
    assert {owner(folder) for folder in tmp_path.iterdir()} == {"team/mnist"}
    assert {path.name for path in tmp_path.glob("*/*")} == {"_OWNER"}
