"""What planning says when it fails in a pod."""

from __future__ import annotations

import asyncio
from pathlib import Path

from parallelrun.api import pod_layout
from parallelrun.api.settings import InputSettings, JobSettings
from parallelrun.leases import header as headers
from parallelrun.leases.client import Leases
from parallelrun.leases.header import Header
from parallelrun.leases.store import MemoryStore
from parallelrun_agent.job import Job
from parallelrun_agent.planning import Planning
from parallelrun_agent.stall import Stall


def test_files_are_named_as_the_manifest_names_them(tmp_path: Path) -> None:
    """By the claim's URL, not by where it is mounted."""
    root = f"{pod_layout.claim('data')}/images"
    one = InputSettings(name="in", type="File", paths=[f"{root}/*.png"], root=root)
    settings = JobSettings(name="mnist", uid="1-2", entry_script="score.py", inputs=[one], in_pod=True)

    async def planned() -> Header:
        leases = Leases(MemoryStore())
        await leases.store.swap("header", "", headers.new("1-2", 1, "", "").to_json())
        await Planning(Job(tmp_path, settings, 0, "holder", leases, tmp_path), Stall()).step()
        return await leases.header()

    header = asyncio.run(planned())
    assert header.reason == headers.INPUT_ERROR
    assert "pvc://data/images/*.png matches no file" in header.message
    assert pod_layout.ROOT not in header.message
