"""Runs of jobs over object stores, from settings: what the tests of fetching share. As a program: one such run."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from chaos import LEASE_SECONDS, LIVE, Run

from parallelrun.api import layout
from parallelrun.api.settings import InputSettings, JobSettings, Limits, StoreSettings, TableSettings
from parallelrun.leases import header as headers
from parallelrun.local import prepare, run_folder, session
from parallelrun.local.agents import EarlyAgent
from parallelrun.local.request import Snapshot
from parallelrun.local.resume import read_header

#: One line for each file or row; "SAID" is where calls are noted.
SCRIPT = """\
import hashlib, json, os, time

SECONDS = float(os.environ.get("SECONDS_EACH", "0"))


def init():
    pass


def run(mini_batch, context):
    with open(os.environ["SAID"], "a") as said:
        said.write(json.dumps([context.minibatch_index, list(context.dataset)]) + "\\n")
    time.sleep(SECONDS)
    if not isinstance(mini_batch, list):
        mini_batch["double"] = mini_batch["value"] * 2
        return mini_batch
    lines = []
    for path in mini_batch:
        with open(path, "rb") as file:
            content = file.read()
        lines.append("%s %d %s" % (os.path.basename(path), len(content), hashlib.sha256(content).hexdigest()))
    return lines
"""


@dataclass
class StoreJob:
    """A job in ``folder``, ready to be run; ``settings`` may be changed before."""

    folder: Path
    settings: JobSettings
    script: str = SCRIPT
    seconds_each: float = 0.0

    def run(self, name: str = "run") -> StoreRun:
        """Start it in a folder of its own."""
        folder = self.folder / name
        (folder / layout.SOURCE).mkdir(parents=True)
        (folder / layout.SOURCE / "score.py").write_text(self.script)
        for path in (folder / layout.OUTPUTS, folder / "logs" / "sys"):
            path.mkdir(parents=True)
        run_folder.write_json(folder, layout.PREPARED, {})
        run_folder.write_json(folder, layout.SETTINGS, self.settings.to_json())
        return StoreRun(self, folder)


class StoreRun(Run):
    """A run as a process of its own."""

    def __init__(self, job: StoreJob, folder: Path) -> None:
        self.output, self.job = folder, job
        self.said_file = job.folder / f"{folder.name}.said"
        self.log = job.folder / f"{folder.name}.{len(list(job.folder.glob('*.log')))}.log"
        environment = {
            **os.environ,
            "SAID": str(self.said_file),
            "SECONDS_EACH": str(job.seconds_each),
            "PARALLELRUN_LEASE_SECONDS": LEASE_SECONDS,
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [sys.executable, __file__, str(folder)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
            )
        LIVE.append(self)

    def done(self) -> bytes:
        """The output of a run that has to end well."""
        assert self.end() == 0, self.text()
        assert (self.output / "_SUCCESS").exists(), self.text()
        return (self.output / "parallel_run_step.txt").read_bytes()

    def said(self) -> list[tuple[int, list[str]]]:
        """Mini-batch and dataset of each call, in order."""
        lines = self.said_file.read_text().splitlines() if self.said_file.exists() else []
        return [tuple(json.loads(line)) for line in lines]

    def result(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads((self.output / "job_result.json").read_text())
        return value

    def lost_node(self) -> bool:
        """Whether a second agent was started for some node."""
        folders = (self.output / layout.TRIES).glob("*.slots")
        nodes = [path.name.split("-", 1)[0] for path in folders]
        return len(nodes) > len(set(nodes))

    def cached(self) -> list[Path]:
        """Files that are fetched at the moment, or were."""
        return [path for path in (self.output / layout.CACHE).rglob("*") if path.is_file()]


def files_job(folder: Path, paths: list[str], root: str, stores: list[StoreSettings], **fields: Any) -> StoreJob:
    """A job over files, one a mini-batch; every failure is tolerated."""
    mode = fields.pop("mode", "Mount")
    return _job(folder, InputSettings("images", "File", paths, root, mode=mode), stores, **fields)


def table_job(folder: Path, paths: list[str], root: str, stores: list[StoreSettings], **fields: Any) -> StoreJob:
    """A job over a table, 1 KB a mini-batch."""
    table = TableSettings(format=fields.pop("format"))
    return _job(
        folder, InputSettings("rows", "Tabular", paths, root, table=table), stores, mini_batch_size=1024, **fields
    )


def _job(folder: Path, one: InputSettings, stores: list[StoreSettings], **fields: Any) -> StoreJob:
    folder.mkdir(parents=True, exist_ok=True)
    settings = JobSettings(
        name="stores",
        uid=os.urandom(8).hex(),
        entry_script="score.py",
        inputs=[one],
        stores=stores,
        limits=Limits(error_threshold=-1),
        process_count_per_node=2,
    )
    defaults = {"mini_batch_size": 1}
    return StoreJob(folder, replace(settings, **{**defaults, **fields}))


class _Listener:
    """Says on stderr what a person would see."""

    def __init__(self) -> None:
        self._stalled = ""

    def started(self, folder: Path) -> None:
        pass

    def progress(self, snapshot: Snapshot) -> None:
        if snapshot.stalled != self._stalled:
            self._stalled = snapshot.stalled
            print(f"stalled: {snapshot.stalled!r}", file=sys.stderr, flush=True)

    def message(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


def main(folder: Path) -> int:
    """Run, or go on with, the job in ``folder``; its settings are there."""
    with run_folder.Lock(folder), EarlyAgent() as early:
        settings = run_folder.read_settings(folder)
        if (folder / layout.HEADER).exists():
            header = headers.resume(read_header(folder))
        else:
            header = prepare.new_header(settings, settings.node_count)
        run_folder.write_json(folder, layout.HEADER, header.to_json())
        prepared: Any = SimpleNamespace(folder=folder, settings=settings, header=header)
        try:
            outcome = asyncio.run(session._supervise(prepared, _Listener(), early))
        except Exception as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            return 2
    print(outcome.reason, outcome.message, file=sys.stderr, flush=True)
    return 0 if outcome.phase == "Done" else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
