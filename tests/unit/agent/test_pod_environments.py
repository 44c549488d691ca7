"""Jobs that ask for the same packages get one folder, each by a link of its own that its script cannot change."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from pod_jobs import PodJob

from parallelrun.api import conditions, pod_layout
from parallelrun.leases.header import Phase
from parallelrun_agent.pod import words


@pytest.fixture(autouse=True)
def _as_it_was(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(words, "TERMINATION_LOG", str(tmp_path / "termination-log"))
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def a_job(root: Path, salt: str = "image", **settings: object) -> PodJob:
    job = PodJob(root, arguments=["--packages-of", salt])
    job.set(**settings)
    return job


def shared_of(job: PodJob, monkeypatch) -> str:
    """The name of the folder that the job's link leads to, as seen from the claim's root."""
    assert job.prepare(monkeypatch) == 0
    link = job.claim / pod_layout.environment_link("ns", "mnist", "1-2")
    assert link.is_symlink()
    assert link.is_dir()
    assert link.resolve().parent == job.claim / "ns" / pod_layout.ENVIRONMENTS
    return link.resolve().name


def test_a_job_without_packages_gets_no_folder_for_them(tmp_path, monkeypatch):
    job = PodJob(tmp_path)
    assert job.prepare(monkeypatch) == 0
    assert not (job.claim / "ns" / pod_layout.ENVIRONMENTS).exists()


def test_the_same_list_is_the_same_folder_and_another_image_or_list_is_not(tmp_path, monkeypatch):
    found = [
        shared_of(a_job(tmp_path / "a", pip=["x==1"]), monkeypatch),
        shared_of(a_job(tmp_path / "b", pip=["x==1", " "]), monkeypatch),
        shared_of(a_job(tmp_path / "c", pip=["x==2"]), monkeypatch),
        shared_of(a_job(tmp_path / "d", salt="other", pip=["x==1"]), monkeypatch),
    ]
    assert found[0] == found[1]
    assert len(set(found)) == 3


@pytest.mark.parametrize("kind", ["requirements", "conda"])
def test_a_file_counts_by_its_content(tmp_path, monkeypatch, kind):
    found = []
    for number, text in enumerate(("x==1\n", "x==1\n", "x==2\n")):
        job = a_job(tmp_path / str(number), **{kind: "packages.txt"})
        (job.code / "packages.txt").write_text(text)
        found.append(shared_of(job, monkeypatch))
    assert found[0] == found[1] != found[2]


def test_a_job_keeps_the_folder_of_its_first_pod(tmp_path, monkeypatch):
    job = a_job(tmp_path, pip=["x==1"])
    first = shared_of(job, monkeypatch)
    job.arguments[1] = "another operator's"
    assert shared_of(job, monkeypatch) == first


def test_a_folder_that_was_deleted_by_hand_is_made_again(tmp_path, monkeypatch):
    job = a_job(tmp_path, pip=["x==1"])
    first = shared_of(job, monkeypatch)
    (job.claim / "ns" / pod_layout.ENVIRONMENTS / first).rmdir()
    assert shared_of(job, monkeypatch) == first


def test_a_file_that_is_not_in_the_source_fails_the_job_by_name(tmp_path, monkeypatch):
    job = a_job(tmp_path, requirements="nothere.txt")
    assert job.prepare(monkeypatch) == 1
    header = job.header()
    assert (header.phase, header.reason) == (Phase.ABORTED, conditions.ENVIRONMENT_ERROR)
    assert header.message.startswith("spec.environment.requirements: nothere.txt does not exist.")
