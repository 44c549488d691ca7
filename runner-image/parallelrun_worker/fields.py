"""The columns' types: fixed when the job was planned, so the same in every mini-batch, whatever its rows look like.

A value that does not fit fails its mini-batch, with a sentence that says which and what to declare; nothing is ever
turned quietly into a float or a string.
"""

from __future__ import annotations

from parallelrun_worker.unfit import Unfit

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any

#: What stands for a missing value in text: the same as for ``pandas.read_csv``.
MISSING = frozenset(
    {"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"}
    | {"NULL", "NaN", "None", "n/a", "nan", "null"}
)
TRUE = ["True", "TRUE", "true"]
FALSE = ["False", "FALSE", "false"]
TEXT = ("object", "str")
#: Types whose values are any text.
PLAIN_TEXT = (*TEXT, "string", "category")
_BITS = ("8", "16", "32", "64")
WHOLE = {sign + "int" + bits for sign in ("", "u") for bits in _BITS}
NULLABLE_WHOLE = {sign + bits for sign in ("Int", "UInt") for bits in _BITS}
NUMBERS = {"float32", "float64", "Float32", "Float64"}
BOOLEANS = {"bool", "boolean"}
NULLABLE = NULLABLE_WHOLE | {"boolean"}
#: Types whose columns cannot hold a missing value.
DENSE = WHOLE | {"bool"}
_ALIASES = {"int": "int64", "float": "float64", "double": "float64"}


class Fields:
    """The columns of a table file, in order, with their dtypes."""

    def __init__(self, table: dict[str, Any]) -> None:
        self.names: list[str] = list(table["names"])
        self.dtypes: dict[str, str] = {
            name: _ALIASES.get(table["columns"].get(name, "object"), table["columns"].get(name, "object"))
            for name in self.names
        }
        self.missing = MISSING - {""} if table.get("empty_as_text") else MISSING
        read = table.get("read", table["keep"])
        self.wanted = [name for name in self.names if read is None or name in read]

    def is_missing(self, text: str, dtype: str) -> bool:
        """Whether ``text`` stands for a missing value in a column of this type."""
        return text in (self.missing if dtype in PLAIN_TEXT else MISSING)

    def arrow_types(self) -> dict[str, Any]:
        """The Arrow type in which each wanted column is parsed: text for all that pandas converts afterwards."""
        import pyarrow

        return {name: pyarrow.type_for_alias(_alias(self.dtypes[name])) for name in self.wanted}

    def frame(self, table: Any) -> Any:
        """An Arrow table of the wanted columns as a DataFrame; dense columns have no missing value in it."""
        nullable = [name for name in self.wanted if self.dtypes[name] in NULLABLE]
        columns = {name: _extension(self.dtypes[name]).__from_arrow__(table[name]) for name in nullable}
        frame = table.drop(nullable).to_pandas() if nullable else table.to_pandas()
        for name in nullable:
            frame.insert(self.wanted.index(name), name, columns[name])
        for name in self.wanted:
            if frame[name].dtype == object and table[name].null_count:
                frame[name] = frame[name].where(frame[name].notna(), float("nan"))
        return frame

    def finish(self, frame: Any) -> Any:
        """Apply what Arrow cannot: declared dates, categories and the like. Raises Unfit."""
        for name in self.wanted:
            dtype = self.dtypes[name]
            if not is_native(dtype) and str(frame[name].dtype) != dtype:
                frame[name] = convert(frame[name], name, dtype)
        return frame


def _extension(dtype: str) -> Any:
    """A nullable dtype of pandas as an object, which can be made from Arrow."""
    import pandas

    return pandas.api.types.pandas_dtype(dtype)


def _alias(dtype: str) -> str:
    if is_native(dtype) and dtype not in TEXT:
        return "bool" if dtype == "boolean" else dtype.lower().replace("float64", "double").replace("float32", "float")
    return "string"


def is_native(dtype: str) -> bool:
    """Whether values are parsed as what they are; all other dtypes are made from text by pandas."""
    return dtype in TEXT or dtype in WHOLE or dtype in NULLABLE_WHOLE or dtype in NUMBERS or dtype in BOOLEANS


def convert(series: Any, name: str, dtype: str) -> Any:
    """``series`` as ``dtype``; raises Unfit naming the first value that does not fit."""
    try:
        return series.astype(dtype)
    except (TypeError, ValueError, OverflowError) as error:
        for row, value in enumerate(series):
            try:
                series.iloc[row : row + 1].astype(dtype)
            except (TypeError, ValueError, OverflowError):
                raise misfit(name, value, dtype, "row %d of the mini-batch" % row) from error
        raise Unfit("column %r cannot be made %s: %s" % (name, dtype, error)) from error


def misfit(name: str, value: Any, dtype: str, place: str) -> Unfit:
    """The error for one value."""
    shown = repr(value)
    shown = shown if len(shown) <= 100 else shown[:100] + "..."
    return Unfit(
        "column %r is %s, fixed for the whole input, but has %s in %s; correct the row, or declare the column "
        "as it is: table: {columns: {%s: %s}}" % (name, dtype, shown, place, name, _wider(dtype, value))
    )


def missing(name: str, dtype: str, place: str) -> Unfit:
    """The error for a missing value in a column whose type has none."""
    wider = "boolean" if dtype == "bool" else ("UInt64" if dtype.startswith("u") else "Int64")
    return Unfit(
        "column %r is %s, fixed for the whole input, but has a missing value in %s; declare a type that allows "
        "it: table: {columns: {%s: %s}}" % (name, dtype, place, name, wider)
    )


def _wider(dtype: str, value: Any) -> str:
    if dtype in WHOLE or dtype in NULLABLE_WHOLE:
        try:
            float(value)
        except (TypeError, ValueError):
            return "object"
        return "float64"
    return "object"
