"""A job that runs again what failed in an earlier one takes along only what fits, once, and says what does not."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
import yaml
from pod_jobs import PodJob

from parallelrun.api import conditions, layout
from parallelrun.leases import header as headers
from parallelrun.leases.header import Phase, Plan
from parallelrun_agent.pod import prepare, words


@pytest.fixture
def job(tmp_path: Path, monkeypatch) -> PodJob:
    monkeypatch.setattr(words, "TERMINATION_LOG", str(tmp_path / "termination-log"))
    before = signal.getsignal(signal.SIGTERM)
    one = PodJob(tmp_path / "pod")
    base = one.claim / "ns" / "mnist-0"
    (base / layout.SEGMENTS).mkdir(parents=True)
    (base / f"{layout.PLAN_PREFIX}abc").mkdir()
    (base / f"{layout.PLAN_PREFIX}abc" / "files.arrow").write_text("plan")
    ended = headers.new("0", 3, "", "")
    value = {**ended.to_json(), "phase": "Done", "plan": vars(Plan("abc", 4, "i"))}
    (base / layout.HEADER).write_text(json.dumps(value))
    (base / layout.MANIFEST).write_text(yaml.safe_dump({"spec": one.spec}))
    yield one
    signal.signal(signal.SIGTERM, before)


def run(job: PodJob, monkeypatch) -> int:
    configure = job.configure
    monkeypatch.setattr(job, "configure", lambda: [*configure(), "--failed-of", str(base(job))])
    code = job.prepare(monkeypatch)
    monkeypatch.setattr(job, "configure", configure)
    return code


def base(job: PodJob) -> Path:
    return job.claim / "ns" / "mnist-0"


def test_the_header_is_the_earlier_one_s_next_generation_with_shards_of_its_own(job, monkeypatch):
    assert run(job, monkeypatch) == 0
    header = job.header()
    assert (header.phase, header.generation, header.plan) == (Phase.PLANNING, 2, Plan("abc", 4, "i"))
    assert (header.job_uid, header.shards, header.open_shards) == ("1-2", 1, 1)
    assert (job.folder / f"{layout.PLAN_PREFIX}abc" / "files.arrow").read_text() == "plan"


def test_a_second_pod_changes_nothing(job, monkeypatch):
    assert run(job, monkeypatch) == 0
    job.in_phase(phase=Phase.RUNNING)
    before = job.header()
    assert run(job, monkeypatch) == 0
    assert job.header() == before


def test_a_job_of_which_nothing_was_kept_is_refused(job, monkeypatch):
    (base(job) / layout.SEGMENTS).rmdir()
    assert run(job, monkeypatch) == 1
    assert job.header().phase is Phase.ABORTED
    assert "kept no segments" in job.header().message


def test_a_job_that_did_not_end_is_refused(job, monkeypatch):
    (base(job) / layout.HEADER).unlink()
    assert run(job, monkeypatch) == 1
    assert job.header().reason == conditions.INPUT_ERROR
    assert "did not come to its end" in job.header().message


@pytest.mark.parametrize("change", [{"miniBatchSize": 5}, {"output": {"format": "CSV"}}])
def test_what_the_results_were_made_with_must_be_the_same(job, monkeypatch, change):
    job.spec |= change
    assert run(job, monkeypatch) == 1
    assert job.header().reason == conditions.INPUT_CHANGED
    assert "failedOnly: false" in job.header().message
    assert not prepare.failed_again.is_due(job.header())
