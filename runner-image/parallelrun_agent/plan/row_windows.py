"""Which rows of a table's files are within ``skip`` and ``take``: counted once, in the order of the input.

Of each input they are a run from a row in one file to a row in another: files between them are taken whole, those
before and after have no part, and the two at the ends are trimmed. Text that cannot be cut is trimmed by the worker,
which is told the numbers of the rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from parallelrun_agent.plan.row_counts import Counter
from parallelrun_agent.plan.row_ranges import END, EVERYTHING, Range
from parallelrun_agent.plan.sources import Source as Input
from parallelrun_agent.plan.table_parts import TableFile, TableFormat
from parallelrun_agent.plan.text_table import WHOLE
from parallelrun_agent.storage.reading import Source

#: Bytes of the parts whose rows are counted at a time.
STEP = 1 << 20


class Windows:
    """The windows of a job's inputs, moving on with its files."""

    def __init__(self, inputs: Sequence[Input]) -> None:
        """Before the first file of the first input."""
        self._skip = [one.subset.skip for one in inputs]
        self._take = [one.subset.take for one in inputs]
        self._has_conditions = [bool(one.subset.where) for one in inputs]
        self.trimmed: dict[int, Range] = {}  #: rows of whole files that are taken, of those that count

    def has_conditions(self, number: int) -> bool:
        """Whether not all rows of input ``number`` count."""
        return self._has_conditions[number]

    def is_open(self, number: int) -> bool:
        """Whether more rows of input ``number`` may be taken."""
        return self._take[number] != 0

    def of_file(self, file: TableFile, source: Source, table: TableFormat, counter: Counter) -> Range | None:
        """The range of the next file that is taken, None for none of it; raises InputError and StorageError."""
        number = file.input
        if not self.is_open(number):
            return None
        if not self._skip[number] and self._take[number] is None:
            return EVERYTHING
        first: int | None = None
        for part in table.parts(source, STEP):
            places = counter.places(file, source, part)
            start, stop = self._advance(number, len(places))
            if part[1] == WHOLE:
                self.trimmed[file.number] = (start, stop)
                return EVERYTHING if start < stop else None
            if first is None and start < stop:
                first = int(places[start]) if start else part[0]
            if first is not None and self._take[number] is None:
                return first, END
            if self._take[number] == 0:
                return None if first is None else (first, part[1] if stop == len(places) else int(places[stop]))
        return None if first is None else (first, END)

    def _advance(self, number: int, rows: int) -> Range:
        """Which of the next ``rows`` rows that count are taken."""
        start = min(self._skip[number], rows)
        self._skip[number] -= start
        take = self._take[number]
        if take is None:
            return start, rows
        stop = min(rows, start + take)
        self._take[number] = take - (stop - start)
        return start, stop
