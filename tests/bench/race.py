"""Runs contenders in turn, several times, so that a slow minute of the machine is everyone's; checks their rows."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import rows
from contenders import SPARK_SAMPLE, Contender, missing, version

LIMIT_SECONDS = 1800


@dataclass
class Entry:
    """What one contender did."""

    contender: Contender
    version: str = ""
    seconds: list[float] = field(default_factory=list)
    remark: str = ""  # why it has no time, or that its rows are wrong

    @property
    def median(self) -> float:
        """Seconds, from start of the process to its end."""
        return statistics.median(self.seconds)


def race(workload: str, folder: Path, contenders: list[Contender], runs: int, scratch: Path) -> list[Entry]:
    """Time every contender ``runs`` times, one after the other; each run is a fresh process."""
    entries = [Entry(contender, remark=missing(contender)) for contender in contenders]
    for entry in entries:
        if not entry.remark:
            entry.version = version(entry.contender)
    want = None
    for _ in range(runs):
        for entry in entries:
            if entry.remark:
                continue
            output = scratch / "output"
            _remove(output)
            _time(entry, folder, output)
            if entry.remark or len(entry.seconds) > 1:
                continue
            got = rows.read(workload, output / entry.contender.output if entry.contender.output else output)
            if want is None:
                want = got
            entry.remark = rows.difference(_expected(want, entry), got)
    return entries


def _time(entry: Entry, folder: Path, output: Path) -> None:
    command = entry.contender.command(folder, output)
    log = output.with_name("log.txt")
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    with log.open("w") as file:
        started = time.perf_counter()
        done = subprocess.run(command, stdout=file, stderr=file, env=environment, timeout=LIMIT_SECONDS, cwd=folder)
        entry.seconds.append(time.perf_counter() - started)
    if done.returncode:
        kept = log.parent.parent.joinpath(f"failed-{entry.contender.name.replace(' ', '-')}.txt")
        shutil.copy(log, kept)
        entry.remark = f"failed with exit status {done.returncode}, see {kept}"


def _expected(want: rows.Rows, entry: Entry) -> rows.Rows:
    return want[:SPARK_SAMPLE] if "only" in entry.contender.name else want


def _remove(output: Path) -> None:
    if output.is_dir():
        shutil.rmtree(output)
    else:
        output.unlink(missing_ok=True)
