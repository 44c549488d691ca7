"""The output's schema: published by the first result that has one, and kept to by all others.

``schema.json`` is linked into place, so that it is there whole or not at all and the first wins. A column without any
value has no type yet; the first result that has one publishes the next version, ``schema.json.1`` and so on, which
fills in such gaps and changes nothing else. Results that do not fit fail at once, not hours later at the merge.

``format``  "CSV" or "Parquet"        ``columns``  names in order
``types``   Parquet: names of types   ``arrow``    Parquet: the schema as an Arrow IPC message, base64
"""

from __future__ import annotations

import contextlib
import json
import os

from parallelrun_worker.unfit import Unfit, Unwritable

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any

#: The type of a column that has had no value yet.
OPEN = "null"


def versions(path: str) -> list[str]:
    """The published versions of the schema, oldest first; the last one holds."""
    found: list[str] = []
    name = path
    while os.path.exists(name):
        found.append(name)
        name = "%s.%d" % (path, len(found))
    return found


class Schema:
    """Names, and for Parquet Arrow types, that all results of the job share."""

    def __init__(self, path: str, format_name: str) -> None:
        """``path`` of schema.json; nothing is read or published yet."""
        self._path = path
        self._format = format_name
        self._columns: list[str] | None = None
        self._types: list[Any] = []

    def check(self, columns: list[str], types: list[Any] | None = None) -> None:
        """Hold a result's columns against the schema, publishing them where there is none.

        Raises Unfit for a result that does not fit, Unwritable where the schema cannot be published.
        ``types``: Arrow types by column, where the format has types.
        """
        try:
            self._agree(columns, types or [])
        except OSError as error:
            raise Unwritable(self._path, error) from error

    def _agree(self, columns: list[str], types: list[Any]) -> None:
        while not self._holds(columns, types):
            published = versions(self._path)
            if published:
                self._load(published[-1])
                self._refuse(columns, types)
                if self._holds(columns, types):
                    return
            self._publish(len(published), columns, types)

    def _holds(self, columns: list[str], types: list[Any]) -> bool:
        """Whether the schema as last read says all that there is to say of a result with these columns."""
        if columns != self._columns:
            return False
        return types == self._types or all(new in (old, OPEN) for old, new in zip(self._types, types))

    def _refuse(self, columns: list[str], types: list[Any]) -> None:
        """Raises Unfit where no later version of the schema could fit."""
        if columns != self._columns:
            raise Unfit(
                "the result has the columns %s, but an earlier result of this job had %s; every result must have the "
                "same columns in the same order" % (columns, self._columns)
            )
        for name, old, new in zip(columns, self._types, types):
            if new not in (old, OPEN) and old != OPEN:
                raise Unfit(
                    "column %r of the result is %s, but in an earlier result of this job it was %s; convert it in run, "
                    "say with astype" % (name, new, old)
                )

    def _publish(self, version: int, columns: list[str], types: list[Any]) -> None:
        """Link the next version into place, or leave the one that somebody else was quicker with."""
        temporary = "%s.%d.%s.tmp" % (self._path, os.getpid(), os.uname().nodename)
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(self._document(columns, types), file)
            file.flush()
            os.fsync(file.fileno())
        try:
            with contextlib.suppress(FileExistsError):  # checked against in the next round
                os.link(temporary, "%s.%d" % (self._path, version) if version else self._path)
        finally:
            os.unlink(temporary)

    def _document(self, columns: list[str], types: list[Any]) -> dict[str, Any]:
        document: dict[str, Any] = {"format": self._format, "columns": columns}
        if types:
            import base64

            import pyarrow

            filled = [new if old == OPEN else old for old, new in zip(self._types or types, types)]
            schema = pyarrow.schema(list(zip(columns, filled)))
            document["types"] = [str(one) for one in filled]
            document["arrow"] = base64.b64encode(schema.serialize().to_pybytes()).decode("ascii")
        return document

    def _load(self, name: str) -> None:
        with open(name, encoding="utf-8") as file:
            value = json.load(file)
        self._columns = value["columns"]
        if "arrow" in value:
            import base64

            import pyarrow

            message = pyarrow.py_buffer(base64.b64decode(value["arrow"]))
            self._types = [field.type for field in pyarrow.ipc.read_schema(message)]
