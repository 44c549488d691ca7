"""Reading the payloads of winning records in index order, in few and large reads, each checked by its CRC32.

Neighbours in the index order mostly lie side by side in a handful of segments, so a batch of rows is read as runs of
adjacent bytes and then cut into payloads. A payload larger than a batch comes in pieces: memory stays flat.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy
from numpy.typing import NDArray

from parallelrun.api.errors import OutputError
from parallelrun.leases.allocator import Counts
from parallelrun_agent.output.segments import payload_crc, segment_path
from parallelrun_agent.output.winners import MISSING, SUCCEEDED, Rows, Winners, sums
from parallelrun_worker import segment

#: Bytes of payload read together; larger payloads come in pieces of this size.
BATCH_BYTES = 2 << 20
#: Unwanted bytes (losing records) that are read along rather than starting another read.
_GAP = 1024
_MAX_OPEN = 128
#: Not about the file: the read may succeed later.
_OUR_LIMITS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)

Buffer = bytes | memoryview


@dataclass(frozen=True)
class Corrupt:
    """A winning record whose payload is not what was written."""

    mini_batch: int
    segment: str
    record: int  # its place in the segment's index
    problem: str
    succeeded: bool
    epoch: int
    counts: Counts  # what it counted for


class CorruptRecord(OutputError):
    """A winning record's payload does not match its checksum; ``corrupt`` names it."""

    def __init__(self, corrupt: Corrupt) -> None:
        super().__init__(
            f"The result of mini-batch {corrupt.mini_batch} is damaged: record {corrupt.record} of segment "
            f"{corrupt.segment} {corrupt.problem}",
            "The volume changed or lost data that had been written durably; run the job again in a new folder.",
        )
        self.corrupt = corrupt


@dataclass(frozen=True)
class Batch:
    """Payloads that were read together, and whose they are."""

    mini_batches: list[int]
    payloads: list[Buffer]


class Payloads:
    """Reads payloads of a table's rows; a context manager that holds the segments open."""

    def __init__(self, folder: Path, winners: Winners) -> None:
        self._folder = folder
        self._winners = winners
        self._open: dict[int, int] = {}  # segment -> file descriptor, least recently used first

    def __enter__(self) -> Payloads:
        return self

    def __exit__(self, *_: object) -> None:
        for fd in self._open.values():
            os.close(fd)
        self._open.clear()

    def checked(self, state: int, pieces: bool = True) -> Iterator[Batch]:
        """The payloads of all rows in ``state`` that have one, in index order.

        With ``pieces``, a large payload comes as several batches. Raises CorruptRecord at the first wrong one.
        """
        for mini_batches, rows in self._batches(state):
            if pieces and _is_large(rows):
                yield from self._checked_pieces(int(mini_batches[0]), rows)
                continue
            payloads = self._read(rows)
            for place in _wrong(rows, payloads):
                raise CorruptRecord(self._corrupt(int(mini_batches[place]), rows[place : place + 1], payloads[place]))
            yield Batch(mini_batches.tolist(), payloads)  # type: ignore[arg-type]  # None would have been wrong

    def verify(self) -> Iterator[Corrupt]:
        """Every winning record, of success or failure, whose payload is not what its checksum says."""
        for mini_batches, rows in self._batches(None):
            if _is_large(rows):
                if not self._large_is_right(rows[0]):
                    yield self._corrupt(int(mini_batches[0]), rows, b"")
                continue
            payloads = self._read(rows)
            for place in _wrong(rows, payloads):
                yield self._corrupt(int(mini_batches[place]), rows[place : place + 1], payloads[place])

    def tolerant(self, state: int) -> Iterator[tuple[NDArray[numpy.int64], Rows, list[bytes | None]]]:
        """(mini-batches, rows, payloads) of all rows in ``state``, in index order; None is a payload that is wrong."""
        for mini_batches, rows in self._batches(state, empty=True):
            payloads = self._read(rows)
            wrong = set(_wrong(rows, payloads))
            right = [None if at in wrong or text is None else bytes(text) for at, text in enumerate(payloads)]
            yield mini_batches, rows, right

    def _batches(self, state: int | None, empty: bool = False) -> Iterator[tuple[NDArray[numpy.int64], Rows]]:
        """(mini-batches, rows) in index order, as many as are read together; without ``empty``, with a payload."""
        for first, rows in self._winners.chunks():
            chosen = rows["state"] == state if state is not None else rows["state"] != MISSING
            if not empty:
                chosen &= rows["length"] > 0
            places = numpy.flatnonzero(chosen)
            kept = rows[places]
            for batch in _batches(kept["length"]):
                yield places[batch] + first, kept[batch]

    def _read(self, rows: Rows) -> list[Buffer | None]:
        """The payload of each row; None where it cannot be read, shorter where the file ends before."""
        runs, run_of, begins, stops = _runs(rows)
        data = [self._pread(number, begin, end) for number, begin, end in runs]
        return [
            None if (run := data[place]) is None else run[begin:stop]
            for place, begin, stop in zip(run_of, begins, stops, strict=True)
        ]

    def _pread(self, number: int, begin: int, end: int) -> memoryview | None:
        """Bytes [begin, end) of a segment's data, or as many as there are."""
        fd = self._descriptor(number)
        if fd is None:
            return None
        try:
            data = os.pread(fd, end - begin, begin)
            while len(data) < end - begin and (more := os.pread(fd, end - begin - len(data), begin + len(data))):
                data += more
        except OSError as error:
            if error.errno in _OUR_LIMITS:
                raise
            return None
        return memoryview(data)

    def _descriptor(self, number: int) -> int | None:
        """Of the segment's data; None where it cannot be opened."""
        fd = self._open.pop(number, None)
        if fd is None:
            path = segment_path(self._folder, self._winners.segments[number])
            try:
                fd = os.open(f"{path}{segment.DATA_SUFFIX}", os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                if error.errno in _OUR_LIMITS:
                    raise
                return None
        self._open[number] = fd
        if len(self._open) > _MAX_OPEN:
            os.close(self._open.pop(next(iter(self._open))))
        return fd

    def _large_is_right(self, row: Rows) -> bool:
        fd = self._descriptor(int(row["segment"]))
        try:
            return fd is not None and payload_crc(fd, int(row["offset"]), int(row["length"])) == row["data_crc"]
        except OSError:
            return False

    def _checked_pieces(self, mini_batch: int, rows: Rows) -> Iterator[Batch]:
        """A large payload piece by piece; its checksum is known with the last one, which is not yielded if wrong."""
        row = rows[0]
        begin, crc = int(row["offset"]), 0
        end = begin + int(row["length"])
        for start in range(begin, end, BATCH_BYTES):
            stop = min(start + BATCH_BYTES, end)
            piece = self._pread(int(row["segment"]), start, stop)
            crc = crc32(piece or b"", crc)
            if piece is None or len(piece) < stop - start or (stop == end and crc != row["data_crc"]):
                raise CorruptRecord(self._corrupt(mini_batch, rows, piece))
            yield Batch([mini_batch], [piece])

    def _corrupt(self, mini_batch: int, rows: Rows, payload: Buffer | None) -> Corrupt:
        """``rows`` is the one row."""
        row = rows[0]
        problem = "cannot be read" if payload is None else "does not match its checksum"
        return Corrupt(
            mini_batch=mini_batch,
            segment=self._winners.segments[int(row["segment"])],
            record=int(row["record"]),
            problem=problem,
            succeeded=bool(row["state"] == SUCCEEDED),
            epoch=int(row["epoch"]),
            counts=Counts(*sums(rows).tolist()),
        )


def _runs(rows: Rows) -> tuple[list[tuple[int, int, int]], list[int], list[int], list[int]]:
    """How to read ``rows``: runs (segment, begin, end), and of each row its run and its bytes within that.

    A run is as long as payloads lie side by side, or nearly so.
    """
    segments, offsets = rows["segment"].astype(numpy.int64), rows["offset"].astype(numpy.int64)
    ends = offsets + rows["length"].astype(numpy.int64)
    order = numpy.lexsort((offsets, segments))
    gaps = offsets[order][1:] - ends[order][:-1]
    new = numpy.append(True, (segments[order][1:] != segments[order][:-1]) | (gaps < 0) | (gaps > _GAP))
    starts = numpy.flatnonzero(new)
    lasts = numpy.append(starts[1:], len(rows)) - 1
    run_of = numpy.empty(len(rows), dtype=numpy.int64)
    run_of[order] = numpy.cumsum(new) - 1
    run_offsets = offsets[order][starts]
    runs = zip(segments[order][starts].tolist(), run_offsets.tolist(), ends[order][lasts].tolist(), strict=True)
    origin = run_offsets[run_of]
    return list(runs), run_of.tolist(), (offsets - origin).tolist(), (ends - origin).tolist()


def _is_large(rows: Rows) -> bool:
    return len(rows) == 1 and bool(rows["length"][0] > BATCH_BYTES)


def _batches(lengths: NDArray[numpy.uint64]) -> Iterator[slice]:
    """Cut rows with payloads of these lengths into batches of at most BATCH_BYTES, or of one larger payload."""
    reach = numpy.cumsum(lengths.astype(numpy.int64))
    start = 0
    while start < len(lengths):
        before = int(reach[start - 1]) if start else 0
        stop = max(start + 1, int(numpy.searchsorted(reach, before + BATCH_BYTES, side="right")))
        yield slice(start, stop)
        start = stop


def _wrong(rows: Rows, payloads: list[Buffer | None]) -> list[int]:
    """Places of payloads that are not there or do not match their checksums."""
    if None in payloads:
        crcs = [-1 if payload is None else crc32(payload) for payload in payloads]
    else:
        crcs = list(map(crc32, payloads))  # type: ignore[arg-type]
    found: list[int] = numpy.flatnonzero(numpy.array(crcs, dtype=numpy.int64) != rows["data_crc"]).tolist()
    return found
