"""Which format a table's files have, and how they are read: declared, or told by the files' extensions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from parallelrun.api.errors import InputError
from parallelrun_agent.plan.sources import Source
from parallelrun_agent.plan.table_files import TextForm, check_encoding, left_out
from parallelrun_agent.storage.places import unescaped

PARQUET = "parquet"
#: format and separator by extension; ``.json`` is read as JSON lines.
_EXTENSIONS = {
    ".csv": ("csv", ","),
    ".tsv": ("csv", "\t"),
    ".jsonl": ("jsonl", ""),
    ".ndjson": ("jsonl", ""),
    ".json": ("jsonl", ""),
    ".parquet": (PARQUET, ""),
    ".pq": (PARQUET, ""),
}
_DEFAULT_SEPARATOR = {"csv": ",", "jsonl": "", PARQUET: ""}


@dataclass(frozen=True)
class Origin:
    """The first file of a form, for messages about another form."""

    form: TextForm
    path: str


class Forms:
    """The one form that all files of a job's table have."""

    def __init__(self, sources: Sequence[Source]) -> None:
        """Raises InputError for an unknown encoding or a separator that is not one character."""
        self._sources = sources
        self._seen: dict[tuple[int, str], TextForm] = {}
        self._first: Origin | None = None
        for source in sources:
            check_encoding(source.name, source.table.encoding)
            separator = source.table.separator
            if separator is not None and (len(separator) != 1 or not separator.isascii() or separator in '"\r\n'):
                raise InputError(
                    f"input {source.name!r}: table.separator {separator!r} is not one character that separates fields",
                    'One ASCII character, no quote: "," or ";" or "\\t".',
                )

    @property
    def form(self) -> TextForm:
        """The form of the files seen; that of the first input's settings where there was none."""
        return self._first.form if self._first else self._of(self._sources[0], "csv", ",")

    def of_file(self, path: str, number: int) -> TextForm:
        """The form of a file of input ``number``; raises InputError where it is not that of the files before."""
        name = unescaped(path).removesuffix(".gz")
        extension = os.path.splitext(name)[1].lower()
        form = self._seen.get((number, extension))
        if form is None:
            form = self._seen[number, extension] = self._decide(path, extension, self._sources[number])
        return form

    def _decide(self, path: str, extension: str, source: Source) -> TextForm:
        declared = source.table.format
        if declared is None and extension not in _EXTENSIONS:
            raise InputError(
                f"input {source.name!r}: the extension of {path} does not tell its format",
                f"Set table.format to csv, jsonl or parquet (known extensions: {', '.join(_EXTENSIONS)}), or leave the "
                f"file out: {left_out(path)}.",
            )
        by_extension = _EXTENSIONS.get(extension)
        kind = declared or (by_extension[0] if by_extension else "")
        same = by_extension and by_extension[0] == kind
        form = self._of(source, kind, by_extension[1] if by_extension and same else _DEFAULT_SEPARATOR[kind])
        if self._first is None:
            self._first = Origin(form, path)
        elif self._first.form != form:
            raise InputError(
                f"{path} is to be read as {_shown(form)}, but {self._first.path} as {_shown(self._first.form)}",
                "All files of a job's table are read in one way: narrow the paths, or set the same table fields.",
            )
        return form

    @staticmethod
    def _of(source: Source, kind: str, separator: str) -> TextForm:
        table = source.table
        if kind == "csv":
            multi_line, first_only = table.support_multi_line, source.shape.first_header_only
            return TextForm(kind, table.separator or separator, table.header, table.encoding, multi_line, first_only)
        return TextForm(kind, "", False, table.encoding, False)


def _shown(form: TextForm) -> str:
    if form.format != "csv":
        return form.format
    header = "with" if form.header else "without"
    lines = ", rows over several lines" if form.multi_line else ""
    return f"csv separated by {form.separator!r}, {header} header, {form.encoding}{lines}"
