"""Reads a mini-batch of a table into the DataFrame that ``run`` gets: index 0 to n-1, the same types in every one."""

from __future__ import annotations

import itertools

from parallelrun_worker import packages
from parallelrun_worker.fields import Fields, convert
from parallelrun_worker.pieces import check_size, rows_at_least, size_of

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
        self._path_columns: dict[str, str] = {
            name: dtype
            for name, dtype in table["path_columns"].items()
            if table["keep"] is None or name in table["keep"]
        }

    def read(self, work: list[Any]) -> Any:
        """The DataFrame of a ``["t", ...]`` work; raises Unfit with a sentence for what cannot be read."""
        urls = work[4] if len(work) > 4 else {}
        if self._text is not None:
            self._text.partial = bool(urls)
        frames, paths, places = [], [], []
        for path, pieces in self._by_file(work[1]):
            frames.append(self._format.frame(path, [(start, stop) for _, (_, start, stop, _) in pieces]))
            paths.append(urls.get(path, path))
            places.append(pieces[0][0])
        counts = [len(frame) for frame in frames]
        frame = self._columns.finish(_joined(frames))
        for name, dtype in self._path_columns.items():
            values = work[3].get(name)
            by_file = [values[place] for place in places] if isinstance(values, list) else [values] * len(places)
            frame[name] = (
                convert(_repeated(by_file, counts), name, dtype) if dtype != "object" else _repeated(by_file, counts)
            )
        if self._table["include_path_column"]:
            frame.insert(0, PATH_COLUMN, _repeated(paths, counts))
        return frame

    def rows_at_least(self, work: list[Any]) -> int:
        """How many items a work that :meth:`read` refuses stands for; thresholds count items."""
        if self._table["format"] == "parquet":
            return sum(stop - start for _, start, stop, _ in work[1])
        return sum(rows_at_least(path, start, stop) for path, start, stop, _ in work[1])

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
