"""Prints what the processes print, a line at a time with the process's name before it: ``kubectl logs POD -c worker``.

The files that the host points its processes at stay what they are; this reads them as they grow, on a thread of its
own, so that a reader who does not keep up delays nobody. What a crash loses here is in the files.
"""

from __future__ import annotations

import contextlib
import os
import threading

from parallelrun_worker import logs

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any

#: Between two looks at the files.
PAUSE_SECONDS = 0.5
#: Of a longer line only so many bytes are printed: container runtimes cut there too.
LONGEST_LINE = 16 * 1024
_CHUNK = 1 << 16
_LAST_LOOK_SECONDS = 2.0


class Tail:
    """One growing file."""

    def __init__(self, path: str, prefix: bytes) -> None:
        """From what is in the file now; it need not be there yet."""
        self._path = path
        self._prefix = prefix
        self._position = self._size()
        self._line = b""  #: begun, not ended; cut at LONGEST_LINE
        self._cut = 0  #: bytes of it that are not kept

    def grown(self, ended: bool) -> list[bytes]:
        """Whole lines that came since the last time, ready to print; with ``ended`` also a last one without an end."""
        lines: list[bytes] = []
        size = self._size()
        if size > self._position:
            with contextlib.suppress(OSError), open(self._path, "rb") as file:
                file.seek(self._position)
                while True:
                    chunk = file.read(min(_CHUNK, size - self._position))
                    if not chunk:
                        break
                    self._position += len(chunk)
                    self._split(chunk, lines)
        self._position = min(self._position, size)  # somebody emptied it
        if ended and (self._line or self._cut):
            lines.append(self._take())
        return lines

    def _split(self, chunk: bytes, lines: list[bytes]) -> None:
        *whole, rest = chunk.split(b"\n")
        for piece in whole:
            self._add(piece)
            lines.append(self._take())
        self._add(rest)

    def _add(self, piece: bytes) -> None:
        kept = piece[: LONGEST_LINE - len(self._line)]
        self._line += kept
        self._cut += len(piece) - len(kept)

    def _take(self) -> bytes:
        line, cut = self._line, self._cut
        self._line, self._cut = b"", 0
        return self._prefix + line + (b" ... (%d bytes more)\n" % cut if cut else b"\n")

    def _size(self) -> int:
        try:
            return os.stat(self._path).st_size
        except OSError:
            return 0


class Echo:
    """All files of a host's processes, printed to ``descriptor``."""

    def __init__(self, config: dict[str, Any], descriptor: int = 1) -> None:
        self._descriptor = descriptor
        self._tails: list[tuple[int, Tail]] = []
        for process in range(config["processes"]):
            name = logs.file_name(process)
            for stream in ("stdout", "stderr"):
                path = os.path.join(config["stdout"], "%s.%s.txt" % (name, stream))
                self._tails.append((process, Tail(path, b"[%s] " % name.encode())))
        self._ended: set[int] = set()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="parallelrun-echo", daemon=True)
        self._thread.start()

    def ended(self, process: int) -> None:
        """Its last line is over, with or without an end."""
        self._ended.add(process)

    def close(self) -> None:
        """Print what is left, if somebody reads it."""
        self._closing.set()
        self._thread.join(_LAST_LOOK_SECONDS)

    def _work(self) -> None:
        try:
            while not self._closing.wait(PAUSE_SECONDS):
                self._look(False)
            self._look(True)
        except OSError:  # nobody reads any more
            return

    def _look(self, last: bool) -> None:
        ended = {self._ended.pop() for _ in range(len(self._ended))}
        for process, tail in self._tails:
            lines = tail.grown(last or process in ended)
            if lines:
                self._print(b"".join(lines))

    def _print(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._descriptor, data) :]
