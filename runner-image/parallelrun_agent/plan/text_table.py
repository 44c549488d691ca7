"""The parts of CSV and JSON lines files, their columns, and a sample of their rows."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from parallelrun.api.errors import InputError
from parallelrun.api.settings import Condition
from parallelrun_agent.plan import column_types, text_keys
from parallelrun_agent.plan.quoted_rows import QuotedRows
from parallelrun_agent.plan.row_ranges import EVERYTHING, Bytes, Range, cut
from parallelrun_agent.plan.table_files import (
    Head,
    TextForm,
    can_be_cut,
    decoded,
    is_gzip,
    read_head,
    read_start,
    readable_rows,
)
from parallelrun_agent.storage.reading import Source

#: A part: its file, start, stop.
Place = tuple[Source, int, int]
#: The stop of a part that is a whole file.
WHOLE = -1
#: Bytes of one place of the sample, and the longest row that it takes in.
SAMPLE = 1 << 16
_LONGEST = 1 << 20


@dataclass(frozen=True)
class _First:
    path: str
    head: Head


class TextTable:
    """The text files of a job's table, file by file; the first file with a row (or header) sets the columns."""

    def __init__(self, form: TextForm) -> None:
        """For files that are all read as ``form`` says."""
        self.form = form
        self._first: _First | None = None
        self._cut = can_be_cut(form.encoding)

    def parts(
        self,
        source: Source,
        wanted: int,
        window: Range = EVERYTHING,
        where: Sequence[Condition] = (),  # noqa: ARG002 - what values text has is known when it is read
    ) -> Iterator[Range]:
        """The byte ranges of one file within ``window``, which ends at row ends, of about ``wanted`` bytes each; none
        where it has no row. What is not cut is taken whole.

        Raises InputError where the file cannot be read, or its header is not that of the first file.
        """
        if not source.size:
            return
        form, path = self.form, source.path
        if form.first_header_only and self._first and self._first.path != path:
            self._refuse_whole(path)
            form = replace(form, header=False)
        head = read_head(source, form)
        self._compare(path, head)
        if head.first is None:
            return
        if not self.is_cut(path):
            yield 0, WHOLE
            return
        start, stop = max(head.start, window[0]), min(source.size, window[1])
        data = Bytes(source, stop, wanted)
        yield from cut(data, start, wanted, self.row_end(data, start), self.form.blank)

    def is_cut(self, path: str) -> bool:
        """Whether parts of this file are byte ranges of its rows, and not the whole file."""
        return self._cut and not is_gzip(path)

    def row_end(self, data: Bytes, start: int) -> Any:
        """The function that says where the row ends that holds a byte, for growing offsets from ``start``."""
        if self.form.multi_line:
            return QuotedRows(data, start, self.form.separator.encode(self.form.encoding)).end
        return data.find_line_end

    def key_runs(
        self, source: Source, part: Range, columns: Sequence[str], dtypes: dict[str, str]
    ) -> Iterator[tuple[text_keys.Values, int, int]]:
        """Every row of a part: its values in ``columns``, start and stop."""
        values = text_keys.reader(self.form, source.path, columns, dtypes)
        data = Bytes(source, part[1], 1)
        for row, start, stop in text_keys.rows(data, part, self.row_end(data, part[0]), self.form.blank):
            yield values(row, start), start, stop

    def names(self) -> list[str]:
        """The columns of a CSV file: from its header, or else Column1, Column2, ... as Azure ML names them."""
        if self._first is None:
            return []
        head = self._first.head
        if head.header is not None:
            return _unique(head.header)
        return [f"Column{number + 1}" for number in range(len(self.form.parse(head.first or "")))]

    def infer(self, places: Sequence[Place]) -> dict[str, str]:
        """The dtype of each column, in order, from the rows at the start of some parts."""
        if self.form.format == "jsonl":
            return column_types.of_objects([row for place in places for row in self._objects(*place)])
        names = self.names()
        inference = column_types.Inference(len(names))
        for place in places:
            for row in self._rows(*place):
                inference.add(row)
        return dict(zip(names, inference.dtypes(), strict=True))

    def _refuse_whole(self, path: str) -> None:
        """Raises InputError for a file that is one part: workers are told once whether all of those have a header."""
        if not self.is_cut(path):
            raise InputError(
                f"{path} is one piece (compressed, or in an encoding that cannot be cut) and has no header of its own",
                "With header: from_first_file, decompress the files or store them as UTF-8.",
            )

    def _compare(self, path: str, head: Head) -> None:
        if head.header is None and head.first is None:
            return
        if self._first is None:
            self._first = _First(path, head)
            return
        first = self._first.head
        if head.header is not None and head.header != first.header:
            raise _other_header(path, head.header, self._first.path, first.header or [])
        if head.header is None and self.form.format == "csv" and self._width(head) != self._width(first):
            raise InputError(
                f"{path} has {self._width(head)} columns, {self._first.path} has {self._width(first)}",
                "All files of a job's table have the same columns in the same order.",
            )

    def _width(self, head: Head) -> int:
        return len(self.form.parse(head.first or "") if head.header is None else head.header)

    def _rows(self, source: Source, start: int, stop: int) -> Iterator[list[str]]:
        text, is_cut = self._sample(source, start, stop)
        with readable_rows(source.path):
            if not self.form.multi_line:
                yield from [self.form.parse(line) for line in text.split("\n") if line]
                return
            csv.field_size_limit(_LONGEST)
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=self.form.separator))
        yield from rows[:-1] if is_cut else rows

    def _objects(self, source: Source, start: int, stop: int) -> Iterator[dict[str, Any]]:
        text, _ = self._sample(source, start, stop)
        for line in text.split("\n"):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise _not_json(source.path, line, str(error)) from error
            if not isinstance(row, dict):
                raise _not_json(source.path, line, f"a row is an object, this is a {type(row).__name__}")
            yield row

    def _sample(self, source: Source, start: int, stop: int) -> tuple[str, bool]:
        """Whole lines from the start of a part, decoded, and whether the part goes on after them."""
        if stop == WHOLE:
            return read_start(source, self.form, SAMPLE)
        data = Bytes(source, stop, SAMPLE)
        end = min(stop, start + SAMPLE)
        if end < stop:
            end = start + data.window(start, SAMPLE).rfind(b"\n") + 1
        if end == start and (end := data.find_line_end(start)) - start > _LONGEST:
            return "", False
        return decoded(data.window(start, end - start), self.form.encoding, source.path, start), end < stop


def _unique(header: Sequence[str]) -> list[str]:
    """Names as pandas makes them: a second "a" is "a.1", an empty one "Unnamed: 3"."""
    names: list[str] = []
    for place, given in enumerate(header):
        plain = given or f"Unnamed: {place}"
        name, number = plain, 0
        while name in names:
            number += 1
            name = f"{plain}.{number}"
        names.append(name)
    return names


def _other_header(path: str, header: list[str], first_path: str, first: list[str]) -> InputError:
    for place, (one, other) in enumerate(zip(header, first, strict=False)):
        if one != other:
            what = f"column {place + 1} is {one!r}, there {other!r}"
            break
    else:
        longer, where = (header, "here") if len(header) > len(first) else (first, "there")
        what = f"column {min(len(header), len(first)) + 1}, {longer[min(len(header), len(first))]!r}, is only {where}"
    return InputError(
        f"the header of {path} is not that of {first_path}: {what}",
        "All files of a job's table have the same columns in the same order; set header: false where they have none.",
    )


def _not_json(path: str, line: str, why: str) -> InputError:
    shown = line if len(line) <= 60 else line[:57] + "..."
    return InputError(f"{path} is not JSON lines: {shown!r}: {why}", "Each line is one JSON object.")
