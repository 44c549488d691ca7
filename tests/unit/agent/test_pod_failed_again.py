"""A job that runs again what failed in an earlier one takes along only what fits, once, and says what does not."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
from pathlib import Path

import pytest
import yaml
from pod_jobs import PodJob

from parallelrun.api import conditions, layout
from parallelrun.leases import header as headers
from parallelrun.leases.header import Phase, Plan
from parallelrun_agent.pod import words


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


def test_a_job_that_was_never_planned_is_refused(job, monkeypatch):
    (base(job) / layout.HEADER).unlink()
    assert run(job, monkeypatch) == 1
    assert job.header().reason == conditions.INPUT_ERROR
    assert "was never planned" in job.header().message


def test_a_job_aborted_with_its_reports_unwritten_is_gone_on_from_as_it_was_planned(job, monkeypatch):
    header = json.loads((base(job) / layout.HEADER).read_text())
    (base(job) / layout.HEADER).write_text(json.dumps({**header, "phase": "Running"}))
    assert run(job, monkeypatch) == 0
    assert (job.header().phase, job.header().generation) == (Phase.PLANNING, 2)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"plan": 1}', "null"])
def test_a_header_that_a_script_wrote_over_is_refused_by_name(job, monkeypatch, text):
    (base(job) / layout.HEADER).write_text(text)
    assert run(job, monkeypatch) == 1
    assert job.header().reason == conditions.INPUT_ERROR
    assert "header.json cannot be read" in job.header().message


# --- links that a script left in the earlier job's folder ---


@pytest.fixture
def secret(job) -> Path:
    other = job.claim / "ns" / "other-0" / "results"
    other.mkdir(parents=True)
    (other / "secret").write_text("another job's")
    return other / "secret"


def taken(job: PodJob) -> list[bytes]:
    return [path.read_bytes() for path in job.folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", ["segments", "tries", "plan-abc"])
def test_a_link_to_another_job_s_folder_is_not_followed(job, monkeypatch, secret, name):
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(base(job) / name)
    (base(job) / name).symlink_to(secret.parent)
    assert run(job, monkeypatch) == 1
    assert secret.read_bytes() not in taken(job)


@pytest.mark.parametrize("name", ["segments/0-x-0-0.idx", "schema.json"])
def test_a_link_to_another_job_s_file_is_left_where_it_is(job, monkeypatch, secret, name):
    (base(job) / name).symlink_to(secret)
    assert run(job, monkeypatch) == 0
    assert secret.read_bytes() not in taken(job)


def test_a_plan_whose_name_leads_elsewhere_is_refused(job, monkeypatch, secret):
    (base(job) / f"{layout.PLAN_PREFIX}..").mkdir()
    header = json.loads((base(job) / layout.HEADER).read_text())
    header["plan"]["sha256"] = "../../other-0/results"
    (base(job) / layout.HEADER).write_text(json.dumps(header))
    assert run(job, monkeypatch) == 1
    assert secret.read_bytes() not in taken(job)
    assert "is no hash" in job.header().message


@pytest.mark.parametrize("name", ["stolen", "folder"])
def test_a_link_in_the_earlier_job_s_copy_of_the_source_is_not_followed(job, monkeypatch, secret, name):
    source = base(job) / layout.SOURCE
    source.mkdir()
    (source / "score.py").write_text("def run(mini_batch):\n    return mini_batch\n")
    configure = job.configure
    monkeypatch.setattr(job, "configure", lambda: [*configure(), "--code", str(source)])
    (source / name).symlink_to(secret if name == "stolen" else secret.parent)
    assert run(job, monkeypatch) == 1
    assert secret.read_bytes() not in taken(job)
    assert f"{name} is a link" in job.header().message


def test_results_are_copied_where_the_volume_has_no_hard_links(job, monkeypatch):
    def refused(*_: object, **__: object) -> None:
        raise PermissionError

    (base(job) / layout.SEGMENTS / "0-x-0-0.dat").write_text("result")
    monkeypatch.setattr(os, "link", refused)
    assert run(job, monkeypatch) == 0
    assert (job.folder / layout.SEGMENTS / "0-x-0-0.dat").read_text() == "result"
    assert os.listdir(job.folder / layout.SEGMENTS) == ["0-x-0-0.dat"]
