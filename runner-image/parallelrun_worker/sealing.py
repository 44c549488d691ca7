"""Makes segments durable, on a thread of its own, so that a slow disk delays no kill.

The host seals because the process may sit in a C call for hours. The length of the index is taken before its data is
synced: a record is written after its payload, so every record counted then is durable with its payload afterwards.
After an error nothing later in that segment can be trusted, as the kernel drops what it could not write.
"""

from __future__ import annotations

import os
import queue
import threading

from parallelrun_worker.segment import DATA_SUFFIX, INDEX_SUFFIX, RECORD_SIZE

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Callable


class Sealed:
    """What came of one request.

    ``records`` durable so far; ``error`` that ended this segment, or ""; ``last``: asked for after the process's death.
    """

    __slots__ = ("error", "incarnation", "last", "process", "records")

    def __init__(self, segment: Segment, error: str, last: bool) -> None:
        self.process = segment.process
        self.incarnation = segment.incarnation
        self.records = segment.records
        self.error = error
        self.last = last


class Sealer:
    """A queue of segments to seal; every request is answered once, in order, through ``report``."""

    def __init__(self, report: Callable[[Sealed], None]) -> None:
        """``report`` is called on the sealing thread."""
        self._report = report
        self._requests: queue.Queue[tuple[Segment, bool]] = queue.Queue()
        threading.Thread(target=self._work, name="parallelrun-sealer", daemon=True).start()

    def request(self, segment: Segment, last: bool) -> None:
        """Seal what ``segment`` holds now."""
        self._requests.put((segment, last))

    def _work(self) -> None:
        while True:
            segment, last = self._requests.get()
            error = ""
            try:
                segment.seal()
            except OSError as caught:
                error = "cannot make %s durable: %s" % (segment.path, caught.strerror or caught)
            self._report(Sealed(segment, error, last))


class Segment:
    """One incarnation's segment as the sealer sees it."""

    def __init__(self, path: str, process: int, incarnation: int) -> None:
        self.path = path
        self.process = process
        self.incarnation = incarnation
        self.records = 0  #: durable
        self._broken = False

    def seal(self) -> None:
        """Sync what was added since the last time; raises OSError, and seals no more after that."""
        if self._broken:
            return
        try:
            self._seal()
        except FileNotFoundError:  # not opened yet, or the process died before it could
            return
        except OSError:
            self._broken = True
            raise

    def _seal(self) -> None:
        index = os.open(self.path + INDEX_SUFFIX, os.O_RDONLY)
        try:
            records = os.fstat(index).st_size // RECORD_SIZE
            if records <= self.records:
                return
            _sync(self.path + DATA_SUFFIX)
            os.fsync(index)
        finally:
            os.close(index)
        if self.records == 0:
            _sync(os.path.dirname(self.path))  # the names themselves
        self.records = records


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
