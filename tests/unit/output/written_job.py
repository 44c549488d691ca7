"""Job folders made by hand: segments with the records that a test names, and the headers and settings around them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from parallelrun.api import layout
from parallelrun.api.settings import JobSettings, OutputSettings
from parallelrun.leases import header as headers
from parallelrun.leases.header import Grant, Header, Phase, Plan
from parallelrun_worker.segment import FAILED, SUCCEEDED, Writer


@dataclass(frozen=True)
class Written:
    """One record as a test wants it written."""

    mini_batch: int
    payload: bytes = b"x\n"
    epoch: int = 1
    try_number: int = 1
    status: int = SUCCEEDED
    items: int = 1
    returned: int = 1
    rows: int = 1
    elapsed: float = 0.5


def failed(mini_batch: int, payload: bytes = b"{}", **fields: int) -> Written:
    return replace(Written(mini_batch, payload, status=FAILED, returned=0, rows=0), **fields)  # type: ignore[arg-type]


def write_job(folder: Path, segments: Mapping[str, Iterable[Written]]) -> Path:
    """A job's folder with these segments (name -> records in the order of writing)."""
    (folder / layout.SEGMENTS).mkdir(parents=True, exist_ok=True)
    for name, records in segments.items():
        writer = Writer(str(folder / layout.SEGMENTS / name))
        for r in records:
            writer.add(r.payload, r.mini_batch, r.epoch, r.try_number, r.status, r.items, r.returned, r.rows, r.elapsed)
        writer.flush()
        writer.close()
    return folder


def flip(path: Path, position: int) -> None:
    """Turn over the bits of one byte, as a bad disk does."""
    data = bytearray(path.read_bytes())
    data[position] ^= 0xFF
    path.write_bytes(data)


def data_file(folder: Path, name: str) -> Path:
    return folder / layout.SEGMENTS / f"{name}.dat"


def index_file(folder: Path, name: str) -> Path:
    return folder / layout.SEGMENTS / f"{name}.idx"


def settings(**output: object) -> JobSettings:
    return JobSettings(
        name="mnist",
        uid="uid-1",
        entry_script="s.py",
        inputs=[],
        output=OutputSettings(**output),  # type: ignore[arg-type]
    )


def header(total: int, phase: Phase = Phase.FINALIZING, winners: str | None = None, epoch: int = 9) -> Header:
    """Of a job with a plan, the grant taken."""
    new = headers.new("uid-1", 1, "spec", "source")
    plan = Plan("plan-hash", total, "input-hash")
    return replace(new, phase=phase, plan=plan, winners=winners, epoch=epoch, grant=Grant("holder", epoch))
