"""Reads a plan: what each mini-batch is made of, in bulk, from memory-mapped tables."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from parallelrun.api.errors import RunFolderError
from parallelrun.api.layout import PLAN_PREFIX
from parallelrun_agent.plan.columns import Table
from parallelrun_agent.plan.draft import DOCUMENT, FILES, KEY_COLUMN, MINI_BATCHES, PARTS, PATH_COLUMN, VERSION
from parallelrun_agent.plan.patterns import below

#: Files that are looked at together.
_CHUNK = 1 << 16
#: A Work value of ``parallelrun_worker.wire``.
Work = list[Any]


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One file of a mini-batch; ``version`` is its ``mtime_ns``, ``parts`` what of it is read ([start, stop) each)."""

    number: int
    path: str
    size: int
    version: int
    input: int  # its number in the job
    parts: tuple[tuple[int, int], ...] = ()  # tables only


class PlanReader:
    """One plan, open: ``total`` mini-batches of ``kind`` "file" or "table"."""

    def __init__(self, folder: Path) -> None:
        """Open ``plan-<sha256>``; raises RunFolderError where it is not a whole plan of this version."""
        try:
            self.document: dict[str, Any] = json.loads((folder / DOCUMENT).read_text(encoding="utf-8"))
            if self.document["version"] != VERSION:
                raise RunFolderError(f"{folder} is a plan of version {self.document['version']}, not {VERSION}")
            self.kind: str = self.document["kind"]
            self.total: int = self.document["total"]
            self._files = Table(folder / FILES)
            self._mini_batches = Table(folder / MINI_BATCHES)
            self._parts = Table(folder / PARTS) if self.kind == "table" else None
        except (OSError, ValueError, KeyError) as error:
            raise RunFolderError(f"{folder} is not a whole plan: {error}", "Start the job anew.") from error
        self._keys: list[str] = self.document["partition_keys"]
        self._path_columns: list[str] = list((self.document["table"] or {}).get("path_columns", ()))
        drawn = [(one.get("subset") or {}).get("sample") is not None for one in self.document["inputs"]]
        self._drawn_below = {
            number: one["root"]
            for number, one in enumerate(self.document["inputs"])
            if drawn[number] and self._parts is not None
        }

    def input_config(self) -> dict[str, Any]:
        """The value of "input" in worker.json."""
        return {key: self.document[key] for key in ("kind", "mode", "table")}

    def work(self, start: int, stop: int) -> list[Work]:
        """The Work values of mini-batches [start, stop)."""
        bounds = self._bounds(start, stop)
        partitions = self._partitions(start, stop)
        if self._parts is not None:
            return self._table_work(self._parts, bounds, partitions)
        paths = self._files.paths(bounds[0], bounds[-1])
        first = bounds[0]
        if len(paths) == len(partitions):
            return [["f", [path], partition] for path, partition in zip(paths, partitions, strict=True)]
        return [
            ["f", paths[a - first : b - first], partition]
            for (a, b), partition in zip(pairwise(bounds), partitions, strict=True)
        ]

    def items(self, index: int) -> int | None:
        """How many items mini-batch ``index`` has; None for tables, whose rows are counted when they are read."""
        start, stop = self._bounds(index, index + 1)
        return None if self._parts is not None else stop - start

    def files(self, index: int) -> list[str]:
        """The files of mini-batch ``index``, in order, each once."""
        start, stop = self._bounds(index, index + 1)
        if self._parts is None:
            return self._files.paths(start, stop)
        numbers = dict.fromkeys(self._parts.integers("file", start, stop).tolist())
        return [path for number in numbers for path in self._files.paths(number, number + 1)]

    def paths(self) -> Iterator[str]:
        """The paths of all files of the job, in the plan's order."""
        for start in range(0, self._files.rows, _CHUNK):
            yield from self._files.paths(start, min(start + _CHUNK, self._files.rows))

    def total_bytes(self, wanted: Callable[[str], bool]) -> int:
        """The size of all files whose path is ``wanted``, tables' whole ones included."""
        total = 0
        for start in range(0, self._files.rows, _CHUNK):
            stop = min(start + _CHUNK, self._files.rows)
            sizes = self._files.integers("size", start, stop).tolist()
            paths = self._files.paths(start, stop)
            total += sum(size for path, size in zip(paths, sizes, strict=True) if wanted(path))
        return total

    def planned_files(self, index: int) -> list[PlannedFile]:
        """The files of mini-batch ``index`` as they were when the job was planned, in order, each once."""
        start, stop = self._bounds(index, index + 1)
        if self._parts is None:
            return self._planned(range(start, stop), {})
        columns = (self._parts.integers(name, start, stop).tolist() for name in ("file", "start", "stop"))
        parts: dict[int, list[tuple[int, int]]] = {}
        for number, first, last in zip(*columns, strict=True):
            parts.setdefault(number, []).append((first, last))
        return [file for number in parts for file in self._planned(range(number, number + 1), parts)]

    def _planned(self, numbers: range, parts: dict[int, list[tuple[int, int]]]) -> list[PlannedFile]:
        start, stop = numbers.start, numbers.stop
        sizes, versions, inputs = (
            self._files.integers(name, start, stop).tolist() for name in ("size", "mtime_ns", "input")
        )
        rows = zip(numbers, self._files.paths(start, stop), sizes, versions, inputs, strict=True)
        return [
            PlannedFile(number, path, size, version, one, tuple(parts.get(number, ())))
            for number, path, size, version, one in rows
        ]

    def _bounds(self, start: int, stop: int) -> list[int]:
        """The parts (or files) at which mini-batches [start, stop) begin, and the one where the last ends."""
        if not 0 <= start <= stop <= self.total:
            raise IndexError(f"mini-batches [{start}, {stop}) of a plan of {self.total}")
        if start:
            bounds: list[int] = self._mini_batches.integers("stop", start - 1, stop).tolist()
            return bounds
        return [0, *self._mini_batches.integers("stop", 0, stop).tolist()]

    def _partitions(self, start: int, stop: int) -> list[dict[str, str | None]]:
        if not self._keys:
            return [{}] * (stop - start)
        columns = [self._mini_batches.texts(KEY_COLUMN + key, start, stop) for key in self._keys]
        return [dict(zip(self._keys, values, strict=True)) for values in zip(*columns, strict=True)]

    def _table_work(self, parts: Table, bounds: list[int], partitions: list[dict[str, str | None]]) -> list[Work]:
        first, last = bounds[0], bounds[-1]
        numbers = parts.integers("file", first, last).tolist()
        starts, stops = (parts.integers(name, first, last).tolist() for name in ("start", "stop"))
        files = _FileRows(self._files, self._path_columns, numbers, self._drawn_below)
        pieces = [
            [files.paths[number], start, stop, number, *files.below(number)]
            for number, start, stop in zip(numbers, starts, stops, strict=True)
        ]
        return [
            ["t", pieces[a - first : b - first], partition, files.path_values(numbers[a - first : b - first])]
            for (a, b), partition in zip(pairwise(bounds), partitions, strict=True)
        ]


class _FileRows:
    """Paths and path columns' values of some files, by number."""

    def __init__(self, table: Table, columns: list[str], numbers: list[int], drawn_below: dict[int, str]) -> None:
        """``drawn_below``: the roots of those inputs whose rows are drawn."""
        self.paths: dict[int, str] = {}
        self._roots: dict[int, str] = {}
        self.values: dict[int, dict[str, str | None]] = {}
        for first, last in _runs(sorted(set(numbers))):
            self.paths.update(zip(range(first, last), table.paths(first, last), strict=True))
            if drawn_below:
                inputs = enumerate(table.integers("input", first, last).tolist(), first)
                self._roots.update((number, drawn_below[one]) for number, one in inputs if one in drawn_below)
            values = [table.texts(PATH_COLUMN + name, first, last) for name in columns]
            for offset, number in enumerate(range(first, last)):
                self.values[number] = {name: value[offset] for name, value in zip(columns, values, strict=True)}

    def below(self, number: int) -> tuple[str, ...]:
        """A file's path below its input's root, where its rows are drawn by it."""
        return (below(os.fsencode(self.paths[number]), self._roots[number]),) if number in self._roots else ()

    def path_values(self, numbers: list[int]) -> dict[str, Any]:
        """The path columns of a mini-batch whose parts are of these files: a value where all have the same, else a
        list with a value for each part."""
        first = self.values[numbers[0]]
        if len(numbers) == 1 or all(self.values[number] == first for number in numbers):
            return dict(first)
        columns = {name: [self.values[number][name] for number in numbers] for name in first}
        return {name: values[0] if len(set(values)) == 1 else values for name, values in columns.items()}


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    """Ascending ``numbers`` as ranges."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number:
            runs[-1] = (runs[-1][0], number + 1)
        else:
            runs.append((number, number + 1))
    return runs


def open_plan(folder: Path, sha256: str) -> PlanReader:
    """The plan ``folder``/plan-<sha256>; raises RunFolderError where it is not there or not whole."""
    return PlanReader(folder / (PLAN_PREFIX + sha256))
