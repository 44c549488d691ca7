"""Reads a mini-batch of a table into the DataFrame that ``run`` gets: index 0 to n-1, the same types in every one."""

from __future__ import annotations

import itertools

from parallelrun_worker import conditions, packages
from parallelrun_worker.fields import Fields, convert
from parallelrun_worker.pieces import WHOLE, check_size, rows_at_least, size_of
from parallelrun_worker.row_filter import Part, RowFilter
from parallelrun_worker.unfit import Unfit

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any

    from parallelrun_worker.pieces import Text

#: The column that MLTable's include_path_column adds.
PATH_COLUMN = "Path"


class Reader:
    """Reads the mini-batches of one job's table."""

    def __init__(self, table: dict[str, Any]) -> None:
        """``table`` of worker.json; raises Unfit where pandas or pyarrow is missing."""
        packages.require(("pandas", "pyarrow"), "Tabular input")
        self._table = table
        self._columns = Fields(table)
        self._text: Text | None = None
        self._format = self._parser()
        self._path_columns: dict[str, str] = table["path_columns"]
        self._filter = RowFilter(table["rows"]) if table.get("rows") else None

    def read(self, work: list[Any]) -> Any:
        """The DataFrame of a ``["t", ...]`` work; raises Unfit with a sentence for what cannot be read."""
        frame, parts = self._whole(work)
        if self._filter is not None:
            mask = self._filter.mask(frame, parts)
            if not mask.all():
                frame = frame[mask].reset_index(drop=True)
        keep = self._table["keep"]
        surplus = [] if keep is None else [name for name in self._columns.wanted if name not in keep]
        surplus += [] if keep is None else [name for name in self._path_columns if name not in keep]
        return frame.drop(columns=surplus) if surplus else frame

    def places(self, work: list[Any]) -> Any:
        """Where the rows of a work of one piece are that meet the conditions, as the subset counts them: an array of
        int64. Raises Unfit."""
        frame, (part,) = self._whole(work, places=True)
        where = self._filter.rule(part.number).where if self._filter is not None else []
        return part.places[conditions.met(frame, where)]

    def _whole(self, work: list[Any], places: bool = False) -> tuple[Any, list[Part]]:
        """All rows of a work with all columns that are read, and what of them is of which file."""
        urls = work[4] if len(work) > 4 else {}
        if self._text is not None:
            self._text.partial = bool(urls)
        frames, paths, positions, parts = [], [], [], []
        row = 0
        for path, pieces in self._by_file(work[1]):
            ranges = [(piece[1], piece[2]) for _, piece in pieces]
            frame = self._format.frame(path, ranges)
            frames.append(frame)
            paths.append(urls.get(path, path))
            positions.append(pieces[0][0])
            number = pieces[0][1][3]
            placed = places or (self._filter is not None and self._filter.rule(number).draws)
            below = pieces[0][1][4] if len(pieces[0][1]) > 4 else ""
            found = self._placed(path, ranges, len(frame)) if placed else None
            parts.append(Part(number, row, row + len(frame), below, found))
            row += len(frame)
        counts = [len(frame) for frame in frames]
        frame = self._columns.finish(_joined(frames))
        for name, dtype in self._path_columns.items():
            values = work[3].get(name)
            by_file = [values[place] for place in positions] if isinstance(values, list) else [values] * len(positions)
            frame[name] = (
                convert(_repeated(by_file, counts), name, dtype) if dtype != "object" else _repeated(by_file, counts)
            )
        if self._table["include_path_column"]:
            frame.insert(0, PATH_COLUMN, _repeated(paths, counts))
        return frame, parts

    def _placed(self, path: str, ranges: list[tuple[int, int]], rows: int) -> Any:
        """The place of each row in its file; raises Unfit where they are not those that were read."""
        import numpy

        if self._text is None:
            found = numpy.concatenate([numpy.arange(start, stop) for start, stop in ranges])
        elif ranges[0][1] == WHOLE:
            found = numpy.arange(rows)
        else:
            found = numpy.concatenate([self._text.places(path, start, stop) for start, stop in ranges])
        if len(found) != rows:
            raise Unfit(
                "%s: %d rows were read where %d begin; is there a carriage return in one?" % (path, rows, len(found))
            )
        return found

    def rows_at_least(self, work: list[Any]) -> int:
        """How many items a work that :meth:`read` refuses stands for; thresholds count items."""
        if self._table["format"] == "parquet":
            return sum(stop - start for _, start, stop, *_ in work[1])
        return sum(rows_at_least(path, start, stop) for path, start, stop, *_ in work[1])

    def _by_file(self, pieces: list[Any]) -> list[tuple[str, list[tuple[int, Any]]]]:
        """Neighbouring pieces of one file together, each with its number among all pieces; checked for size."""
        groups = itertools.groupby(enumerate(pieces), lambda numbered: numbered[1][3])
        found = [(members[0][1][0], members) for members in (list(group) for _, group in groups)]
        if self._table["format"] != "parquet":
            sizes = [size_of(path, [(piece[1], piece[2]) for _, piece in members]) for path, members in found]
            check_size(sum(sizes), found[0][0])
        return found

    def _parser(self) -> Any:
        kind = self._table["format"]
        if kind == "csv":
            from parallelrun_worker.delimited import Delimited

            delimited = Delimited(self._table, self._columns)
            self._text = delimited.text
            return delimited
        if kind == "jsonl":
            from parallelrun_worker.json_lines import JsonLines

            json_lines = JsonLines(self._table, self._columns)
            self._text = json_lines.text
            return json_lines
        from parallelrun_worker.parquet_rows import ParquetRows

        return ParquetRows(self._columns)


def _joined(frames: list[Any]) -> Any:
    import pandas

    return frames[0] if len(frames) == 1 else pandas.concat(frames, ignore_index=True)


def _repeated(values: list[Any], counts: list[int]) -> Any:
    """A Series with each value as often as its file has rows."""
    import pandas

    flat = list(itertools.chain.from_iterable([value] * count for value, count in zip(values, counts)))
    return pandas.Series(flat) if flat else pandas.Series(flat, dtype=object)
