"""Reading the index of segments: which records are sound, and which of them wins.

A record is *sound* when its own checksum, version and status are right, it is inside the plan, and its payload lies
inside the ``.dat`` beside it. Records have a fixed size, so an unsound one (a torn tail, a flipped bit) hides no other.
Files are read in chunks, never mapped: a volume that goes away raises OSError here, where a mapping would kill us.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy
from numpy.typing import NDArray

from parallelrun.api import layout
from parallelrun_agent.output.record_crc import record_crcs
from parallelrun_worker import segment

RECORD = numpy.dtype(segment.DTYPE)
#: Records (and rows of a table) handled at a time: 1 MiB.
CHUNK = 16384
_NO_LIMIT = 1 << 63

Records = NDArray[Any]  # of dtype RECORD
Numbers = NDArray[numpy.int64]


@dataclass(frozen=True)
class Chunk:
    """Sound records of one segment, in the order they were written; ``numbers`` are their places in the index."""

    records: Records
    numbers: Numbers


def list_segments(folder: Path) -> list[str]:
    """Names (without suffix, sorted) of the segments in a job's folder; none where the job never wrote one."""
    try:
        names = os.listdir(folder / layout.SEGMENTS)
    except FileNotFoundError:
        return []
    return sorted(name.removesuffix(segment.INDEX_SUFFIX) for name in names if name.endswith(segment.INDEX_SUFFIX))


def segment_path(folder: Path, name: str) -> Path:
    """Of a segment in a job's folder, without suffix."""
    return folder / layout.SEGMENTS / name


def read_index(path: Path) -> Records:
    """All sound records of the segment ``path`` (no suffix), in the order they were written.

    Raises OSError where the index is not there or cannot be read.
    """
    chunks = [chunk.records for chunk in sound_records(path)]
    return numpy.concatenate(chunks) if chunks else numpy.empty(0, dtype=RECORD)


def sound_records(path: Path, total: int = _NO_LIMIT) -> Iterator[Chunk]:
    """The sound records of the segment ``path`` (no suffix) for mini-batches below ``total``, chunk by chunk.

    A segment without a ``.dat`` has none. Raises OSError where a file cannot be read.
    """
    fd = os.open(f"{path}{segment.INDEX_SUFFIX}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        number = 0
        while data := _read_records(fd, number):
            records = numpy.frombuffer(data, dtype=RECORD)
            data_size = _data_size(path)  # taken after the records: payloads are written before them
            sound = _sound(records, data_size, total)
            if sound.any():
                yield Chunk(records if sound.all() else records[sound], numpy.flatnonzero(sound) + number)
            number += len(records)
    finally:
        os.close(fd)


def _read_records(fd: int, number: int) -> bytes:
    """Up to CHUNK whole records from ``number`` on; empty at the end. What is left of a torn record is cut."""
    wanted, data = CHUNK * segment.RECORD_SIZE, b""
    while len(data) < wanted:
        more = os.pread(fd, wanted - len(data), number * segment.RECORD_SIZE + len(data))
        if not more:
            break
        data = data + more if data else more
    return data[: len(data) - len(data) % segment.RECORD_SIZE]


def _data_size(path: Path) -> int:
    try:
        return os.stat(f"{path}{segment.DATA_SUFFIX}").st_size
    except FileNotFoundError:
        return -1


def _sound(records: Records, data_size: int, total: int) -> NDArray[numpy.bool_]:
    raw = records.view(numpy.uint8).reshape(len(records), segment.RECORD_SIZE)
    offset, length = records["offset"], records["length"]
    size = numpy.uint64(max(data_size, 0))
    sound = record_crcs(raw, segment.BODY_SIZE) == records["crc"]
    sound &= records["version"] == segment.VERSION
    sound &= (records["status"] == segment.SUCCEEDED) | (records["status"] == segment.FAILED)
    sound &= records["mini_batch"] < numpy.uint64(total)
    sound &= (length <= size) & (offset <= size - numpy.minimum(length, size))
    result: NDArray[numpy.bool_] = sound & (data_size >= 0)
    return result


def ranked(records: Records) -> NDArray[numpy.int64]:
    """Places of ``records`` sorted by mini-batch and, within one, from loser to winner.

    The winner: success before failure, then higher epoch, then higher try. Where all are equal the first one given
    wins, so that callers decide by their order.
    """
    first_wins = -numpy.arange(len(records))
    return numpy.lexsort(
        (first_wins, records["try_number"], records["epoch"], records["status"], records["mini_batch"])
    )


def winners_among(records: Records) -> NDArray[numpy.int64]:
    """Places of the winning record of each mini-batch in ``records``, sorted by mini-batch."""
    mini_batches = records["mini_batch"]
    if (mini_batches[1:] > mini_batches[:-1]).all():
        return numpy.arange(len(records))
    order = ranked(records)
    ordered = mini_batches[order]
    best: Numbers = order[numpy.append(ordered[1:] != ordered[:-1], True)]
    return best


def best_records(folder: Path, holders: Collection[str], start: int, stop: int, check_payloads: bool = True) -> Records:
    """The winning record of each mini-batch in [start, stop) among the segments of ``holders``, by mini-batch.

    Their segments are fsynced first, so what is returned may be reported as sealed. A segment that cannot be synced or
    read counts as not there, and with ``check_payloads`` so does a record whose payload does not match its checksum
    (and a failure that such a success had made up for): those mini-batches are run again, which is always right.
    """
    found: list[Records] = [numpy.empty(0, dtype=RECORD)]
    damaged: list[Records] = [numpy.empty(0, dtype=RECORD)]
    for name in list_segments(folder):
        if layout.segment_holder(name) in holders:
            _read_sealed(segment_path(folder, name), start, stop, check_payloads, found, damaged)
    records = numpy.concatenate(found)
    best: Records = records[winners_among(records)]
    return best[~_made_up_for(best, numpy.concatenate(damaged))]


def _read_sealed(
    path: Path, start: int, stop: int, check_payloads: bool, found: list[Records], damaged: list[Records]
) -> None:
    try:
        sync(path)
        for chunk in sound_records(path, stop):
            records = chunk.records[chunk.records["mini_batch"] >= numpy.uint64(start)]
            right = _right_payloads(path, records) if check_payloads else numpy.ones(len(records), dtype=bool)
            found.append(records[right])
            damaged.append(records[~right])
    except OSError:
        return


def _made_up_for(best: Records, damaged: Records) -> NDArray[numpy.bool_]:
    """Which of ``best`` are failures that a success, now damaged, had been sealed beside or after."""
    chosen = numpy.zeros(len(best), dtype=bool)
    lost = damaged[damaged["status"] == segment.SUCCEEDED]
    if len(lost):
        places = numpy.searchsorted(best["mini_batch"], lost["mini_batch"])
        known = places < len(best)
        places, lost = places[known], lost[known]
        same = best["mini_batch"][places] == lost["mini_batch"]
        failed = best["status"][places] == segment.FAILED
        chosen[places[same & failed & (best["epoch"][places] <= lost["epoch"])]] = True
    return chosen


def sync(path: Path) -> None:
    """Make the segment ``path`` (no suffix) durable: data, then index. Raises OSError."""
    for suffix in (segment.DATA_SUFFIX, segment.INDEX_SUFFIX):
        fd = os.open(f"{path}{suffix}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _right_payloads(path: Path, records: Records) -> NDArray[numpy.bool_]:
    fd = os.open(f"{path}{segment.DATA_SUFFIX}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        fields = records[["offset", "length", "data_crc"]].tolist()
        right = [payload_crc(fd, offset, length) == crc for offset, length, crc in fields]
    finally:
        os.close(fd)
    return numpy.array(right, dtype=bool)


def payload_crc(fd: int, offset: int, length: int, piece: int = 1 << 20) -> int:
    """CRC32 of ``length`` bytes at ``offset``, read in pieces; -1 where the file ends before. Raises OSError."""
    crc, position, end = 0, offset, offset + length
    while position < end:
        data = os.pread(fd, min(piece, end - position), position)
        if not data:
            return -1
        crc = crc32(data, crc)
        position += len(data)
    return crc
