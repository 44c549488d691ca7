"""The table of winning records: which record of which segment is the result of each mini-batch.

It is a file of one 64-byte row per mini-batch, mapped, so that an agent's own memory does not grow with the number of
mini-batches. Once its hash is published it never changes, and the output is a pure function of it and the segments.

    header   magic (8 bytes), number of rows (u64), bytes of the names (u64), zeros up to 64 bytes
    rows     ROW, by mini-batch; all zeros where there is no record
    names    JSON list of the segments' names that ROW's "segment" counts in, sorted; only those with a winner

The name of a saved table is the SHA-256 of all of that.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

from parallelrun.api import layout
from parallelrun.api.errors import RunFolderError
from parallelrun.leases.allocator import Counts
from parallelrun_agent.output import durable
from parallelrun_agent.output.segments import CHUNK, Records, list_segments, segment_path, sound_records, winners_among

ROW = numpy.dtype(
    [
        ("segment", "<u4"),  # place in Winners.segments
        ("state", "u1"),  # MISSING, FAILED or SUCCEEDED
        ("unused", "u1"),
        ("try_number", "<u2"),
        ("epoch", "<u8"),
        ("record", "<u8"),  # place in the segment's index
        ("offset", "<u8"),
        ("length", "<u8"),
        ("data_crc", "<u4"),
        ("items", "<u4"),
        ("returned", "<u4"),
        ("rows", "<u4"),
        ("elapsed", "<f4"),  # seconds
        ("unused2", "<u4"),
    ]
)
MISSING, FAILED, SUCCEEDED = 0, 1, 2
_SAME_NAME = ("try_number", "epoch", "offset", "length", "data_crc", "items", "returned", "rows", "elapsed")

_MAGIC = b"PRWINNER"
_HEADER = struct.Struct("<8sQQ40x")
TEMPORARY = "winners.tmp-"

Rows = NDArray[Any]  # of dtype ROW
#: A record by the name of its segment and its place in that segment's index.
RecordId = tuple[str, int]


class Winners:
    """The winning records of mini-batches 0 to ``total`` - 1. Use :meth:`build` or :meth:`open`, and close it.

    ``segments``: names of segments; ``rows``: ROW by mini-batch, mapped from disk.
    """

    def __init__(self, path: Path, segments: list[str], rows: Rows, sha256: str = "") -> None:
        self.segments = segments
        self.rows = rows
        self._path = path
        self._sha256 = sha256
        self._saved = bool(sha256)

    @classmethod
    def build(
        cls, folder: Path, total: int, exclude: Collection[RecordId] = (), scratch: Path | None = None
    ) -> Winners:
        """The winners among all sound records in the job folder ``folder``, but for those in ``exclude``.

        The table is made in ``scratch`` (default: ``folder``). Raises NoSpace or OutputError where it cannot be
        written, OSError where a segment cannot be read.
        """
        names = list_segments(folder)
        path = _new_table(scratch or folder, total)
        rows = _map(path, total, "r+")
        try:
            for number, name in enumerate(names):
                excluded = numpy.array([record for segment, record in exclude if segment == name], dtype=numpy.int64)
                for chunk in sound_records(segment_path(folder, name), total):
                    kept = ~numpy.isin(chunk.numbers, excluded) if excluded.size else slice(None)
                    _enter(rows, number, chunk.records[kept], chunk.numbers[kept])
            return cls(path, _drop_unused(rows, names), rows)
        except BaseException:
            durable.remove(path)
            raise

    @classmethod
    def open(cls, folder: Path, sha256: str) -> Winners:
        """The saved table of that hash. Raises RunFolderError where it is not there or is not what its name says."""
        path = folder / f"{layout.WINNERS_PREFIX}{sha256}"
        try:
            with open(path, "rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise RunFolderError(f"The table of winning records {path} cannot be read: {error.strerror}") from error
        if found != sha256:
            raise RunFolderError(
                f"The table of winning records {path} is damaged: its SHA-256 is {found}",
                "The volume changed a file; run the job again in a new folder.",
            )
        return cls(path, *_read_table(path), sha256)

    def save(self, folder: Path) -> str:
        """Make the table durable as ``winners-<sha256>`` in ``folder`` and return its SHA-256.

        Raises NoSpace or OutputError.
        """
        sha256 = self.sha256()
        target = folder / f"{layout.WINNERS_PREFIX}{sha256}"
        if not self._saved:
            with durable.writing(target):
                fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    os.fsync(fd)
                finally:
                    os.close(fd)
                durable.replace(self._path, target)
            self._path, self._saved = target, True
        return sha256

    def sha256(self) -> str:
        """SHA-256 (hex) of the table with its segments' names."""
        if not self._sha256:
            self._finish_file()
            with open(self._path, "rb") as file:
                self._sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return self._sha256

    def close(self) -> None:
        """Unmap the table; delete it where it was not saved."""
        del self.rows
        if not self._saved:
            durable.remove(self._path)

    def __len__(self) -> int:
        return len(self.rows)

    def chunks(self) -> Iterator[tuple[int, Rows]]:
        """(first mini-batch, rows) piece by piece, in index order."""
        for start in range(0, len(self.rows), CHUNK):
            yield start, self.rows[start : start + CHUNK]

    def missing(self) -> list[tuple[int, int]]:
        """Ranges [start, stop) of mini-batches that have no record."""
        found: list[tuple[int, int]] = []
        for first, rows in self.chunks():
            found.extend(ranges(rows["state"] == MISSING, first))
        return merged(found)

    def totals(self) -> Counts:
        """Final counts: items failed are those of failed mini-batches and those that short returns lack."""
        total = sum((sums(rows) for _, rows in self.chunks()), numpy.zeros(5, dtype=numpy.int64))
        return Counts(*total.tolist())

    def rows_of_successes(self) -> int:
        """How many lines or rows the payloads of successes hold."""
        return sum(int(rows["rows"][rows["state"] == SUCCEEDED].sum(dtype=numpy.int64)) for _, rows in self.chunks())

    def _finish_file(self) -> None:
        names = json.dumps(self.segments).encode()
        with durable.writing(self._path):
            fd = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.pwrite(fd, _HEADER.pack(_MAGIC, len(self.rows), len(names)), 0)
                end = _HEADER.size + len(self.rows) * ROW.itemsize
                os.ftruncate(fd, end)
                os.pwrite(fd, names, end)
            finally:
                os.close(fd)


def _new_table(folder: Path, total: int) -> Path:
    """An empty table whose space is reserved: writing to a mapped file on a full volume would kill us."""
    with durable.writing(folder):
        fd, path = tempfile.mkstemp(prefix=TEMPORARY, dir=folder)
        try:
            os.fchmod(fd, 0o644)  # people and later pods read what is saved
            os.posix_fallocate(fd, 0, _HEADER.size + total * ROW.itemsize)
        except OSError:
            durable.remove(Path(path))
            raise
        finally:
            os.close(fd)
    return Path(path)


def _map(path: Path, total: int, mode: Any) -> Rows:
    if not total:
        return numpy.empty(0, dtype=ROW)
    mapped = numpy.memmap(path, dtype=ROW, mode=mode, offset=_HEADER.size, shape=(total,))
    return mapped.view(numpy.ndarray)  # slices of a plain array are cheaper


def _read_table(path: Path) -> tuple[list[str], Rows]:
    with open(path, "rb") as file:
        magic, total, length = _HEADER.unpack(file.read(_HEADER.size))
        if magic != _MAGIC:
            raise RunFolderError(f"{path} is not a table of winning records")
        file.seek(_HEADER.size + total * ROW.itemsize)
        return json.loads(file.read(length)), _map(path, total, "r")


def _enter(rows: Rows, number: int, records: Records, numbers: NDArray[numpy.int64]) -> None:
    """Let ``records`` of segment ``number`` take the rows of those that they beat; equals do not."""
    best = winners_among(records)
    records, numbers = records[best], numbers[best]
    mini_batches = records["mini_batch"].astype(numpy.int64)
    now = rows[mini_batches]
    better = _beats(records, now)
    new = now[better]
    for name in _SAME_NAME:
        new[name] = records[name][better]
    new["segment"] = number
    new["state"] = records["status"][better] + 1
    new["record"] = numbers[better]
    rows[mini_batches[better]] = new


def _beats(records: Records, rows: Rows) -> NDArray[numpy.bool_]:
    """Success before failure before nothing, then higher epoch, then higher try."""
    state = records["status"] + 1
    same_state, same_epoch = state == rows["state"], records["epoch"] == rows["epoch"]
    by_try = same_epoch & (records["try_number"] > rows["try_number"])
    beats: NDArray[numpy.bool_] = (state > rows["state"]) | same_state & ((records["epoch"] > rows["epoch"]) | by_try)
    return beats


def _drop_unused(rows: Rows, names: list[str]) -> list[str]:
    """Renumber ``rows`` to segments that have a winner, so that others leave the table's hash alone; their names."""
    used = numpy.zeros(len(names) + 1, dtype=bool)
    pieces = [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]
    for piece in pieces:
        used[piece["segment"][piece["state"] != MISSING]] = True
    used = used[: len(names)]
    if not used.all():
        new_number = numpy.append(numpy.cumsum(used) - 1, 0)
        for piece in pieces:
            there = piece["state"] != MISSING
            piece["segment"][there] = new_number[piece["segment"][there]]
    return [name for name, is_used in zip(names, used, strict=True) if is_used]


def sums(rows: Rows) -> NDArray[numpy.int64]:
    """What ``rows`` add up to, in the order of Counts: completed, failed, retried, items succeeded, items failed."""
    failed, succeeded = rows["state"] == FAILED, rows["state"] == SUCCEEDED
    items = rows["items"].astype(numpy.int64)
    processed = numpy.where(succeeded, numpy.minimum(items, rows["returned"]), 0)
    there = failed | succeeded
    return numpy.array(
        [
            there.sum(),
            failed.sum(),
            (there & (rows["try_number"] > 1)).sum(),
            processed.sum(),
            (items - processed)[there].sum(),
        ],
        dtype=numpy.int64,
    )


def ranges(chosen: NDArray[numpy.bool_], first: int) -> list[tuple[int, int]]:
    """[start, stop) of each run of True, counted from ``first``."""
    edges = numpy.flatnonzero(numpy.diff(numpy.concatenate(([False], chosen, [False])).astype(numpy.int8))) + first
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def merged(found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sorted ranges with neighbours that touch made one."""
    result: list[tuple[int, int]] = []
    for start, stop in found:
        if result and result[-1][1] == start:
            result[-1] = (result[-1][0], stop)
        else:
            result.append((start, stop))
    return result
