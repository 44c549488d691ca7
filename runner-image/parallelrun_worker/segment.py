"""A segment: the result file that one worker process incarnation, and nothing else, writes.

Two files. ``<name>.dat`` holds payloads, one after the other. ``<name>.idx`` holds one fixed-size record for each
finished mini-batch, written after its payload, so that a record that passes its own checksum speaks of bytes that
were written before it. A torn tail, from a crash in the middle of a write, fails the checksum and is cut by readers.

No file ever has two writers; after any I/O error a segment is abandoned and its owner opens a new one.
``<name>`` is ``<node>-<holder>-<process>-<incarnation>``; failures decided by the agent (a process that died cannot
write its own) are in the agent's own segment, ``<node>-<holder>-agent-<n>``.
"""

from __future__ import annotations

import os
import struct
from zlib import crc32

#: mini_batch, epoch, offset, length, items, returned, rows, elapsed (s), data CRC32, try, status, version, own CRC32.
#: The record's CRC32 is over the 56 bytes before it. Little endian, 64 bytes.
RECORD = struct.Struct("<QQQQIIIfIHBBQ")
_BODY = struct.Struct("<QQQQIIIfIHBB")
_CRC = struct.Struct("<Q")
RECORD_SIZE = RECORD.size
BODY_SIZE = _BODY.size
#: The same as a NumPy dtype, field by field (readers build ``numpy.dtype(DTYPE)``).
DTYPE = [
    ("mini_batch", "<u8"),
    ("epoch", "<u8"),
    ("offset", "<u8"),
    ("length", "<u8"),
    ("items", "<u4"),
    ("returned", "<u4"),
    ("rows", "<u4"),
    ("elapsed", "<f4"),
    ("data_crc", "<u4"),
    ("try_number", "<u2"),
    ("status", "u1"),
    ("version", "u1"),
    ("crc", "<u8"),
]
VERSION = 1
SUCCEEDED = 1
FAILED = 0
#: Counts do not fit in 32 bits: the record holds this ceiling.
MAX_COUNT = 0xFFFFFFFF

DATA_SUFFIX = ".dat"
INDEX_SUFFIX = ".idx"


def pack(
    mini_batch: int,
    epoch: int,
    offset: int,
    length: int,
    items: int,
    returned: int,
    rows: int,
    elapsed: float,
    data_crc: int,
    try_number: int,
    status: int,
) -> bytes:
    """One index record, with its own checksum."""
    body = _BODY.pack(
        mini_batch, epoch, offset, length, items, returned, rows, elapsed, data_crc, try_number, status, VERSION
    )
    return body + _CRC.pack(crc32(body))


class Writer:
    """Appends payloads and records to one segment; buffered until :meth:`flush`, durable only after an fsync.

    ``flush`` writes all buffered payloads, then all buffered records, with one system call each.
    Raises OSError where the file cannot be created (a segment of that name exists) or written; the writer is then dead.
    """

    def __init__(self, path: str) -> None:
        """Create ``path``.dat and ``path``.idx; ``path`` has no suffix."""
        self.path = path
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
        self._data = os.open(path + DATA_SUFFIX, flags, 0o644)
        self._index = os.open(path + INDEX_SUFFIX, flags, 0o644)
        self._offset = 0
        self._payloads: list[bytes] = []
        self._records: list[bytes] = []
        self.records = 0  #: records written, flushed or not

    def add(
        self,
        payload: bytes,
        mini_batch: int,
        epoch: int,
        try_number: int,
        status: int,
        items: int,
        returned: int,
        rows: int,
        elapsed: float,
    ) -> None:
        """Buffer one finished mini-batch; ``elapsed`` in seconds, ``rows`` the lines or rows that the payload holds."""
        length = len(payload)
        self._records.append(
            pack(
                mini_batch,
                epoch,
                self._offset,
                length,
                min(items, MAX_COUNT),
                min(returned, MAX_COUNT),
                min(rows, MAX_COUNT),
                elapsed,
                crc32(payload),
                try_number,
                status,
            )
        )
        if length:
            self._payloads.append(payload)
        self._offset += length
        self.records += 1

    def flush(self) -> None:
        """Hand everything buffered to the operating system, payloads before records."""
        if self._payloads:
            _write_all(self._data, b"".join(self._payloads))
            self._payloads = []
        if self._records:
            _write_all(self._index, b"".join(self._records))
            self._records = []

    def sync(self) -> None:
        """Make everything flushed durable: data first, then index."""
        os.fsync(self._data)
        os.fsync(self._index)

    def close(self) -> None:
        """Close both files; nothing is flushed."""
        os.close(self._data)
        os.close(self._index)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
