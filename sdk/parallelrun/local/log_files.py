"""Which log files a run's folder has, and following them while they grow."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from parallelrun.api import layout

#: The kinds of logs: what the script printed, what it logged, and what parallelrun logged.
STDOUT, STDERR, SCRIPT, SYS = "stdout", "stderr", "log", "sys"
_CHUNK = 1 << 16
_NAME = re.compile(r"process(\d+)\.(stdout|stderr|log)\.txt")


@dataclass(frozen=True)
class Log:
    """One log file."""

    path: Path
    node: int
    process: int | None  # None: of the node itself
    kind: str

    @property
    def label(self) -> str:
        """What its lines are marked with when several are shown: ``node000/process001/stderr``."""
        process = "" if self.process is None else f"/{layout.process_name(self.process)}"
        return f"{layout.node_name(self.node)}{process}/{self.kind}"


@dataclass(frozen=True)
class Selection:
    """Which logs are wanted; None is all."""

    kinds: Collection[str] = (STDOUT, STDERR, SCRIPT)
    node: int | None = None
    process: int | None = None
    places: Collection[tuple[int, int | None]] | None = None  # (node, process or None for all of the node)

    def has(self, log: Log) -> bool:
        """Whether ``log`` is wanted."""
        return (
            log.kind in self.kinds
            and self.node in (None, log.node)
            and (self.process is None or self.process == log.process)
            and self._is_place(log)
        )

    def _is_place(self, log: Log) -> bool:
        if self.places is None:
            return True
        if log.process is None:
            return any(node == log.node for node, _ in self.places)
        return not {(log.node, log.process), (log.node, None)}.isdisjoint(self.places)


def select(folder: Path, selection: Selection) -> list[Log]:
    """The wanted logs that are there, by node, process and kind."""
    found = [log for log in _all(folder) if selection.has(log)]
    return sorted(found, key=lambda log: (log.node, -1 if log.process is None else log.process, log.kind))


def _all(folder: Path) -> Iterator[Log]:
    for place in (layout.USER_STDOUT, layout.ENTRY_SCRIPT_LOG):
        for path in (folder / place).glob("node*/process*.txt"):
            match = _NAME.fullmatch(path.name)
            node = path.parent.name.removeprefix("node")
            if match and node.isdecimal():
                yield Log(path, int(node), int(match[1]), match[2])
    for path in (folder / layout.SYS).glob("node*.log"):
        node = path.stem.removeprefix("node")
        if node.isdecimal():
            yield Log(path, int(node), None, SYS)


class Tail:
    """Reads one file as it grows, whole lines at a time."""

    def __init__(self, log: Log, last: int | None = None) -> None:
        """From its start, or from its ``last`` lines on."""
        self.log = log
        self._offset = 0 if last is None else _start_of_last(log.path, last)
        self._rest = b""

    def lines(self) -> Iterator[bytes]:
        """The lines that were completed since the last call, without line ends."""
        with open(self.log.path, "rb") as file:
            file.seek(self._offset)
            while chunk := file.read(_CHUNK):
                self._offset += len(chunk)
                *complete, self._rest = (self._rest + chunk).split(b"\n")
                yield from complete

    def rest(self) -> Iterator[bytes]:
        """The last line, where the file does not end with a line end."""
        if self._rest:
            yield self._rest
            self._rest = b""


def _start_of_last(path: Path, count: int) -> int:
    """The offset at which the last ``count`` lines of a file begin; reads from its end."""
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        if count == 0:
            return size
        stop = max(size - 1, 0)  # the line end that a file ends with begins no line
        while stop > 0:
            start = max(stop - _CHUNK, 0)
            file.seek(start)
            block = file.read(stop - start)
            end = len(block)
            while (end := block.rfind(b"\n", 0, end)) >= 0:
                count -= 1
                if count == 0:
                    return start + end + 1
            stop = start
    return 0


def text(folder: Path, selection: Selection, last: int | None = None) -> str:
    """The wanted logs one after the other, of each the ``last`` lines; of several, each line with whose it is."""
    found = []
    for log in select(folder, selection):
        tail = Tail(log, last)
        lines = [line.decode("utf-8", "backslashreplace") for line in (*tail.lines(), *tail.rest())]
        found += [(log, lines)] if lines else []
    return "".join(
        f"{log.label} | {line}\n" if len(found) > 1 else f"{line}\n" for log, lines in found for line in lines
    )
