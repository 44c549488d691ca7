"""What a job leaves behind, for jobs that run again what failed in it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from parallelrun.api import layout
from parallelrun.api.settings import JobSettings
from parallelrun.leases import header as headers
from parallelrun.leases.client import Leases
from parallelrun.leases.header import Header, Phase, Plan
from parallelrun.leases.store import MemoryStore
from parallelrun_agent import kept_header
from parallelrun_agent.job import Job
from parallelrun_agent.stall import Stall

RUNNING = replace(headers.new("1-2", 1, "", ""), phase=Phase.RUNNING, plan=Plan("abc", 4, "i"))


@pytest.fixture
def job(tmp_path: Path) -> Job:
    settings = JobSettings(name="mnist", uid="1-2", entry_script="score.py", inputs=[], in_pod=True)
    return Job(tmp_path, settings, 0, "holder", Leases(MemoryStore()), tmp_path)


def kept(job: Job) -> Header:
    return Header.from_json(json.loads((job.folder / layout.HEADER).read_bytes()))


def test_a_job_that_was_planned_leaves_its_header_even_if_it_never_ends(job):
    asyncio.run(kept_header.keep_planned(job, Stall(), RUNNING))
    assert kept(job) == RUNNING


def test_its_last_header_stays_when_a_late_agent_starts_to_work(job):
    over = replace(RUNNING, phase=Phase.DONE)
    asyncio.run(kept_header.keep(job, Stall(), over))
    asyncio.run(kept_header.keep_planned(job, Stall(), RUNNING))
    assert kept(job) == over


def test_on_one_machine_the_store_keeps_it(job):
    local = replace(job, settings=replace(job.settings, in_pod=False))
    asyncio.run(kept_header.keep_planned(local, Stall(), RUNNING))
    assert not (job.folder / layout.HEADER).exists()
