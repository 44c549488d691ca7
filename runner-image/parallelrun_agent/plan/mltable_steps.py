"""The transformations of an ``MLTable`` file, one function each: what they say of how files are a table.

Those that choose rows (filter, skip, take, take_random_sample) become a subset, and are refused in an order that a
subset cannot have.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from parallelrun.api.errors import InputError
from parallelrun.api.settings import SubsetSettings, TableSettings
from parallelrun_agent.plan import mltable_filter, subsets
from parallelrun_agent.plan.path_format import PathFormat
from parallelrun_agent.plan.sources import TableShape

_ENCODINGS = {
    "utf8": "utf-8",
    "utf8bom": "utf-8",
    "ascii": "ascii",
    "iso88591": "latin-1",
    "latin1": "latin-1",
    "utf16": "utf-16",
    "utf32": "utf-32",
    "windows1252": "cp1252",
}
_DTYPES = {"int": "int64", "float": "float64", "string": "object", "boolean": "bool", "datetime": "datetime64[ns]"}
_DATE = "%Y-%m-%d"
#: Options of column types, and the values that they may have.
_TYPE_OPTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "boolean": {
        "true_values": ("True", "TRUE", "true"),
        "false_values": ("False", "FALSE", "false"),
        "mismatch_as": ("error",),
    },
    "datetime": {"formats": ()},
}


class Refused(Exception):
    """Why a value of the file cannot be used; becomes an InputError with the file and the line."""


@dataclass
class Reading:
    """What the transformations read so far have said."""

    is_table: bool = False
    table: TableSettings = field(default_factory=TableSettings)
    shape: TableShape = field(default_factory=TableShape)
    path_format: PathFormat | None = None
    subset: SubsetSettings = field(default_factory=SubsetSettings)


def step(name: str) -> Callable[[Reading, Any], None]:
    """The function that works a transformation's value into a reading; it raises Refused."""
    if name in _STEPS:
        return _STEPS[name]

    def refuse(_reading: Reading, _value: Any) -> NoReturn:
        raise Refused(
            f"this transformation is not supported{meant(name, set(_STEPS))}. Supported: {', '.join(_STEPS)}. "
            "Apply others in the script, or write the table out first."
        )

    return refuse


def meant(name: str, known: set[str]) -> str:
    """Which of the known names may be meant, as the end of a sentence."""
    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f", did you mean {near[0]!r}?" if near else ""


def _options(value: Any, known: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a transformation, with the defaults in ``known``; raises Refused for any other."""
    if value is not None and not isinstance(value, dict):
        raise Refused(f"options are a mapping, not {value!r}")
    given = dict(value or {})
    for option in given:
        if option not in known:
            raise Refused(f"option {option!r} is not supported{meant(str(option), set(known))}")
    return {**known, **given}


def _begin_table(reading: Reading, table: TableSettings, shape: TableShape) -> None:
    if reading.is_table:
        raise Refused("the files are already read by an earlier transformation")
    if reading.subset != SubsetSettings():
        raise Refused("skip, take and take_random_sample before it would be of files: put them after it")
    reading.is_table, reading.table, reading.shape = True, table, shape


def _encoding(value: Any) -> str:
    return _ENCODINGS.get(str(value).lower().replace("-", "").replace("_", ""), str(value))


def _read_delimited(reading: Reading, value: Any) -> None:
    options = _options(
        value,
        {
            "delimiter": ",",
            "encoding": "utf8",
            "header": "all_files_same_headers",
            "support_multi_line": False,
            "include_path_column": False,
            "infer_column_types": True,
            "empty_as_string": False,
        },
    )
    header = str(options["header"]).lower()
    if header not in ("all_files_same_headers", "from_first_file", "no_header"):
        raise Refused(f"header: {header} is not supported: all_files_same_headers, from_first_file or no_header are")
    infer = options["infer_column_types"]
    inferring = _options(infer, {"sample_size": 0, "column_type_overrides": {}}) if isinstance(infer, dict) else {}
    overrides = inferring.get("column_type_overrides") or {}
    table = TableSettings(
        format="csv",
        separator=str(options["delimiter"]),
        header=header != "no_header",
        encoding=_encoding(options["encoding"]),
        support_multi_line=bool(options["support_multi_line"]),
        columns={str(name): _dtype(kind) for name, kind in overrides.items()},
    )
    shape = TableShape(
        first_header_only=header == "from_first_file",
        include_path_column=bool(options["include_path_column"]),
        infer=infer is not False,
        empty_as_text=bool(options["empty_as_string"]),
    )
    _begin_table(reading, table, shape)


def _read_parquet(reading: Reading, value: Any) -> None:
    options = _options(value, {"include_path_column": False})
    shape = TableShape(include_path_column=bool(options["include_path_column"]))
    _begin_table(reading, TableSettings(format="parquet"), shape)


def _read_json_lines(reading: Reading, value: Any) -> None:
    options = _options(value, {"include_path_column": False, "encoding": "utf8", "invalid_lines": "error"})
    if options["invalid_lines"] != "error":
        raise Refused(f"invalid_lines: {options['invalid_lines']} is not supported: only error is")
    shape = TableShape(include_path_column=bool(options["include_path_column"]))
    _begin_table(reading, TableSettings(format="jsonl", encoding=_encoding(options["encoding"])), shape)


def _extract(reading: Reading, value: Any) -> None:
    text = value.get("partition_format") if isinstance(value, dict) else value
    if not isinstance(text, str):
        raise Refused(f"partition_format is text, not {text!r}")
    try:
        reading.path_format = PathFormat(text)
    except InputError as error:
        raise Refused(str(error)) from error


def _select(action: str) -> Callable[[Reading, Any], None]:
    def select(reading: Reading, value: Any) -> None:
        names = tuple(map(str, value)) if isinstance(value, list) else (str(value),)
        _require_table(reading)
        reading.shape = replace(reading.shape, selections=(*reading.shape.selections, (action, names)))

    return select


def _convert(reading: Reading, value: Any) -> None:
    _require_table(reading)
    columns = dict(reading.table.columns)
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, dict) or not {"columns", "column_type"} <= one.keys():
            raise Refused(f"{one!r} has not both columns and column_type")
        names = list(map(str, one["columns"] if isinstance(one["columns"], list) else [one["columns"]]))
        if filtered := {condition.column for condition in reading.subset.where} & set(names):
            raise Refused(f"filter before it compares {min(filtered)!r} in another type: put filter after it")
        columns.update(dict.fromkeys(names, _dtype(one["column_type"])))
    reading.table = replace(reading.table, columns=columns)


def _dtype(kind: Any) -> str:
    name, options = next(iter(kind.items())) if isinstance(kind, dict) and kind else (kind, None)
    if name not in _DTYPES:
        raise Refused(f"column_type {name!r} is not supported: {', '.join(_DTYPES)} are")
    known_options = _TYPE_OPTIONS.get(name, {})
    for option, given in _options(options, {option: [] for option in known_options}).items():
        known = known_options[option]
        for value in given if isinstance(given, list) else [given]:
            if not (str(value).startswith(_DATE) if name == "datetime" else value in known):
                shown = f"only those that begin with {_DATE} are" if name == "datetime" else f"{', '.join(known)} are"
                raise Refused(f"{option}: {value!r} is not supported: {shown}")
    return _DTYPES[name]


def _filter(reading: Reading, value: Any) -> None:
    _require_table(reading)
    try:
        where = mltable_filter.conditions(str(value))
    except mltable_filter.NotSimple as error:
        raise Refused(f"{error}. Comparisons joined by and are supported; choose other rows in the script") from error
    _narrow(reading, SubsetSettings(where=where))


def _take(reading: Reading, value: Any) -> None:
    _narrow(reading, SubsetSettings(take=_count(value)))


def _skip(reading: Reading, value: Any) -> None:
    _narrow(reading, SubsetSettings(skip=_count(value)))


def _sample(reading: Reading, value: Any) -> None:
    options = _options(value, {"probability": None, "seed": None})
    fraction, seed = options["probability"], options["seed"] or 0
    if isinstance(fraction, bool) or not isinstance(fraction, (int, float)) or not 0 < fraction <= 1:
        raise Refused(f"probability is a number above 0 and up to 1, not {fraction!r}")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise Refused(f"seed is a whole number, not {seed!r}")
    _narrow(reading, SubsetSettings(sample=float(fraction), seed=seed))


def _count(value: Any) -> int:
    (count,) = value.values() if isinstance(value, dict) and value.keys() == {"count"} else (value,)
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise Refused(f"it needs a number of rows, not {value!r}")
    return count


def _narrow(reading: Reading, then: SubsetSettings) -> None:
    try:
        reading.subset = subsets.narrowed(reading.subset, then)
    except subsets.OutOfOrder as error:
        raise Refused(str(error)) from error


def _require_table(reading: Reading) -> None:
    if not reading.is_table:
        raise Refused("there is no table yet: read_delimited, read_parquet or read_json_lines come first")


_STEPS: dict[str, Callable[[Reading, Any], None]] = {
    "read_delimited": _read_delimited,
    "read_parquet": _read_parquet,
    "read_json_lines": _read_json_lines,
    "extract_columns_from_partition_format": _extract,
    "keep_columns": _select("keep"),
    "drop_columns": _select("drop"),
    "convert_column_types": _convert,
    "filter": _filter,
    "skip": _skip,
    "take": _take,
    "take_random_sample": _sample,
}
