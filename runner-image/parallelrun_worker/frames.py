"""Results as Arrow tables: what CSV and Parquet have in common."""

from __future__ import annotations

from parallelrun_worker import kinds
from parallelrun_worker.unfit import Unfit

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any, Callable

#: The column of a result that is a list or an array.
COLUMN = "result"


def to_arrow(value: Any, index: bool, fallback: Callable[[Any, str, Exception], Any]) -> tuple[list[str], list[Any]]:
    """Names and Arrow arrays of a result's columns.

    ``index``: whether a DataFrame's index makes columns too. ``fallback`` (values, name, error) gives the array of a
    column that Arrow has no type for, or raises.
    """
    if not kinds.is_frame(value):
        return [COLUMN], [_array(list(value), COLUMN, fallback)]
    names = [str(name) for name in value.columns]
    columns = [value.iloc[:, place] for place in range(len(names))]
    if index:
        levels = [value.index.get_level_values(level) for level in range(value.index.nlevels)]
        names = ["" if level.name is None else str(level.name) for level in levels] + names
        columns = levels + columns
    return names, [_array(column, name, fallback) for name, column in zip(names, columns)]


def _array(values: Any, name: str, fallback: Callable[[Any, str, Exception], Any]) -> Any:
    import pyarrow

    try:
        array = pyarrow.array(values, from_pandas=True)
    except (pyarrow.ArrowException, OverflowError) as error:
        return fallback(values, name, error)
    return plain(array)


def plain(array: Any) -> Any:
    """Without the differences that are none to a reader: dictionaries decoded, one kind of string."""
    import pyarrow

    if pyarrow.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pyarrow.types.is_large_string(array.type) or array.type == getattr(pyarrow, "string_view", pyarrow.string)():
        array = array.cast(pyarrow.string())
    if pyarrow.types.is_large_binary(array.type):
        array = array.cast(pyarrow.binary())
    return array


def no_type(values: Any, name: str, error: Exception) -> Any:  # noqa: ARG001
    """The fallback for formats with types."""
    raise Unfit(
        "column %r of the result has values of several types, or of one that Parquet has no column for (%s); convert "
        "it in run, say with astype(str)" % (name, error)
    )
