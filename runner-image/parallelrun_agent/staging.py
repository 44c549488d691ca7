"""What one mini-batch needs on this node before it can run, and how far that is."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from parallelrun_agent.plan.reader import PlannedFile
from parallelrun_agent.storage.fetching import PARALLEL, PIECE
from parallelrun_agent.storage.places import is_url

#: Files below this come in one block.
SMALL = 1 << 19
#: Of a part that is a whole file.
_WHOLE = -1


@dataclass(slots=True)
class Staged:
    """One mini-batch's files; ``places`` says what each of them is called here, by its number."""

    mini_batch: int
    numbers: Sequence[int]  # of all its files
    todo: deque[PlannedFile]
    bytes: int  # on this node's disk when all is here, as far as is known
    left: int  # files that are not here yet
    guess: int = 0  # what it may come to
    sizes: dict[int, int] = field(default_factory=dict)  # that were measured, by file's number
    places: dict[int, str] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)  # by place, as people see them
    failed: Exception | None = None
    stores: dict[int, str] = field(default_factory=dict)  # of the files to be done, by number
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def here(self) -> bool:
        """Whether it can run."""
        return not self.left

    def measured(self, file: PlannedFile, size: int) -> None:
        """How much of a file is fetched, in place of what the plan made believe."""
        self.bytes += size - self.sizes.get(file.number, bytes_of(file))
        self.sizes[file.number] = size

    @property
    def room(self) -> int:
        """Bytes that it takes, or may come to take."""
        return self.bytes if self.here else max(self.bytes, self.guess)

    def work(self, work: list[Any]) -> list[Any]:
        """A Work of ``parallelrun_worker.wire`` with files where they are now."""
        if not self.places:
            return work
        if work[0] == "f":
            paths = [self.places.get(number, path) for number, path in zip(self.numbers, work[1], strict=True)]
            return ["f", paths, work[2]]
        pieces = [[self.places.get(piece[3], piece[0]), *piece[1:]] for piece in work[1]]
        return ["t", pieces, *work[2:4], self.urls]

    def shown(self, text: str) -> str:
        """A text with URLs in place of paths of fetched files."""
        for place in sorted(self.urls, key=len, reverse=True):
            text = text.replace(place, self.urls[place])
        return text


def staged(mini_batch: int, files: Sequence[PlannedFile], takes_room: bool) -> Staged:
    """With everything still to be done; files of this machine need nothing."""
    todo = [file for file in files if is_url(file.path)]
    size = sum(map(bytes_of, todo)) if takes_room else 0
    return Staged(mini_batch, [file.number for file in files], deque(todo), size, len(todo))


def bytes_of(file: PlannedFile) -> int:
    """How much of a file is fetched, at most, as far as the plan says: of Parquet files it knows rows."""
    if not file.parts or any(stop == _WHOLE for _, stop in file.parts):
        return file.size
    return min(file.size, sum(stop - start for start, stop in file.parts))


def weight_of(file: PlannedFile) -> int:
    """How much of what is fetched at a time a file counts for: each piece of a large one has its buffers."""
    size = bytes_of(file)
    return 1 if size < SMALL else 2 * min(PARALLEL, -(-size // PIECE))


def united(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges in order, those that touch as one."""
    found: list[tuple[int, int]] = []
    for start, stop in sorted(ranges):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(stop, found[-1][1]))
        else:
            found.append((start, stop))
    return found
