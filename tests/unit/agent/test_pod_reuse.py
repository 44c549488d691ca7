"""A job in pods takes over what an earlier one made: prepare looks if it is there, the agent if it is the same."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pod_jobs import PodJob

from parallelrun.api import layout, pod_layout
from parallelrun.api.settings import EarlierJob
from parallelrun.leases.client import Leases
from parallelrun.leases.header import Header, Phase
from parallelrun_agent import reuse, whole_files
from parallelrun_agent.finalizing import Finalizing
from parallelrun_agent.job import Job
from parallelrun_agent.planning import Planning
from parallelrun_agent.pod import words
from parallelrun_agent.stall import Stall

FOLDER = "pvc://claim/ns/first-0-1"
OUTPUTS = {"output": FOLDER, "file": f"{FOLDER}/out.txt", "trained": "pvc://claim/trained"}


def planned(job: PodJob) -> Header:
    """After one agent's planning, of the job in its folder."""

    async def step() -> Header:
        leases = Leases(job.store)
        await Planning(Job(job.folder, job.settings, 0, "pod", leases, job.root), Stall()).step()
        return await leases.header()

    return asyncio.run(step())


@pytest.fixture
def earlier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a job ``first`` that has succeeded, and the folder that its script wrote."""
    claim = tmp_path / "pod" / "claim"
    monkeypatch.setattr(pod_layout, "CLAIMS", str(tmp_path / "pod"))
    monkeypatch.setattr(words, "TERMINATION_LOG", str(tmp_path / "termination-log"))
    folder = claim / "ns" / "first-0-1"
    folder.mkdir(parents=True)
    (claim / "trained").mkdir()
    (claim / "trained" / "model.bin").write_text("model")
    (folder / "out.txt").write_text("a\n")
    (folder / layout.SUCCESS).write_text("")
    return folder


@pytest.fixture
def job(earlier: Path, monkeypatch: pytest.MonkeyPatch) -> PodJob:
    """One that may take it over."""
    made = PodJob(earlier.parents[2])
    (made.claim / "images" / "1.png").write_text("1")
    made.set(result_hash="r")
    assert made.prepare(monkeypatch) == 0
    fingerprint = _fingerprint(made)
    made.set(reuse_of=[EarlierJob("first", "0-1", str(earlier), fingerprint, OUTPUTS)])
    _report(earlier, uid="0-1", fingerprint=fingerprint)
    return made


def _fingerprint(job: PodJob) -> str:
    from parallelrun_agent import fingerprint
    from parallelrun_agent.plan import make_plan

    one = Job(job.folder, job.settings, 0, "pod", Leases(job.store), job.root)
    return fingerprint.of_job(one, make_plan(job.settings, job.folder))


def _report(earlier: Path, **changes: Any) -> None:
    result = {
        "phase": "Done", "items": {"total": 1, "succeeded": 1, "failed": 0},
        "miniBatches": {"total": 1, "completed": 1, "failed": 0, "retried": 0},
        "outputs": OUTPUTS, "outputFile": OUTPUTS["file"],
        "outputListings": {"trained": whole_files.fingerprint(earlier.parents[1] / "trained")},
        "output": {"path": "/parallelrun/job/out.txt", "rows": 1, "bytes": 2, "sha256": "x"}, **changes,
    }  # fmt: skip
    (earlier / layout.RESULT).write_text(json.dumps(result))


def test_what_is_the_same_and_still_there_is_taken_over_and_reported(job: PodJob, monkeypatch) -> None:
    assert job.prepare(monkeypatch) == 0
    header = planned(job)
    assert header.phase is Phase.COMMITTING
    assert header.reused["reusedFrom"] == "first"

    async def finalize() -> Header:
        leases = Leases(job.store)
        await Finalizing(Job(job.folder, job.settings, 0, "pod", leases, job.root), Stall()).step()
        return await leases.header()

    done = asyncio.run(finalize())
    assert (done.phase, done.result["reason"], done.result["outputs"]) == (Phase.DONE, "Reused", OUTPUTS)
    assert done.result["output"]["path"] == OUTPUTS["file"]
    assert (job.folder / layout.SUCCESS).exists()
    assert json.loads((job.folder / layout.RESULT).read_text())["reusedFrom"] == "first"
    assert Header.from_json(json.loads((job.folder / layout.HEADER).read_text())).phase is Phase.DONE


def remove_success(earlier: Path) -> None:
    (earlier / layout.SUCCESS).unlink()


def remove_all(earlier: Path) -> None:
    earlier.rename(earlier.with_name("gone"))


def train_anew(earlier: Path) -> None:
    (earlier.parents[1] / "trained" / "model.bin").write_text("another model")


def forge_outputs(earlier: Path) -> None:
    """A script of that job may write to its folder: only what status says of it counts."""
    _report(earlier, uid="0-1", fingerprint="f", outputs={**OUTPUTS, "output": "pvc://claim/ns/others"})


def forge_file(earlier: Path) -> None:
    """It leads to a whole output of another job."""
    others = earlier.with_name("others")
    others.mkdir()
    (others / layout.SUCCESS).touch()
    (others / "out.txt").write_text("b\n")
    report = json.loads((earlier / layout.RESULT).read_text())
    report["output"]["sha256"] = hashlib.sha256(b"b\n").hexdigest()
    _report(earlier, **report | {"outputFile": "pvc://claim/ns/others/out.txt"})


def lead_elsewhere(earlier: Path) -> None:
    (earlier / layout.RESULT).rename(earlier / "result")
    (earlier / layout.RESULT).symlink_to(earlier / "result")


@pytest.mark.parametrize("change", [remove_success, remove_all, train_anew, forge_outputs, forge_file, lead_elsewhere])
def test_what_is_not_there_as_it_was_is_not_taken_over(
    job: PodJob, earlier: Path, monkeypatch, change: Callable[[Path], None]
) -> None:
    change(earlier)
    assert job.prepare(monkeypatch) == 0
    assert json.loads((job.folder / reuse.FOUND).read_text()) == {}
    assert planned(job).phase is Phase.RUNNING


def test_what_is_not_the_same_is_not_taken_over(job: PodJob, monkeypatch) -> None:
    (job.claim / "images" / "2.png").write_text("2")
    assert job.prepare(monkeypatch) == 0
    assert planned(job).phase is Phase.RUNNING
