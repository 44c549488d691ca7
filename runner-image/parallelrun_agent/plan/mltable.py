"""Reads a folder's ``MLTable`` file: which files it means, and how they are a table (or that they are none).

Supported: ``paths`` with file, folder and pattern; read_delimited, read_parquet, read_json_lines,
extract_columns_from_partition_format, keep_columns, drop_columns, convert_column_types. What is not supported is
refused by name and line: a table that was half understood would give wrong results.
"""

from __future__ import annotations

import difflib
import errno
import glob
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from parallelrun.api import store_urls
from parallelrun.api.errors import InputError, ParallelRunError
from parallelrun.api.settings import InputSettings, TableSettings
from parallelrun_agent.plan.path_format import PathFormat
from parallelrun_agent.plan.sources import Source, TableShape
from parallelrun_agent.storage import Storage, is_url

FILE = "MLTable"
_TOP = {"paths", "transformations", "type", "$schema", "metadata", "traits", "name", "version", "description", "tags"}
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


class _Refused(Exception):
    """Why a value of the file cannot be used; becomes an InputError with the file and the line."""


@dataclass
class _Reading:
    """What the transformations read so far have said."""

    is_table: bool = False
    table: TableSettings = field(default_factory=TableSettings)
    shape: TableShape = field(default_factory=TableShape)
    path_format: PathFormat | None = None


def of_mltable(number: int, settings: InputSettings, storage: Storage) -> Source:
    """The source of an MLTable input; raises InputError naming the file and line of what is wrong, StorageError."""
    if len(settings.paths) != 1:
        raise InputError(
            f"input {settings.name!r}: an MLTable input has one path, this has {len(settings.paths)}",
            "Give the folder that holds the MLTable file; make one input of each.",
        )
    folder = settings.paths[0].rstrip("/") or "/"
    if os.path.basename(folder) == FILE and (is_url(folder) or os.path.isfile(folder)):
        folder = os.path.dirname(folder)
    file = os.path.join(folder, FILE)
    content, lines = _load(settings.name, file, storage)
    reading = _Reading()
    if settings.partition_format:
        reading.path_format = PathFormat(settings.partition_format)
    try:
        paths = [_path(folder, one, storage) for one in content["paths"]]
    except _Refused as error:
        raise InputError(f"input {settings.name!r}: {file}: {error}") from error
    for (name, value), line in zip(_named(content.get("transformations") or []), lines, strict=True):
        try:
            _step(name)(reading, value)
        except _Refused as error:
            raise InputError(f"input {settings.name!r}: {file}, line {line}: {name}: {error}") from error
    table = replace(reading.table, columns={**reading.table.columns, **settings.table.columns})
    return Source(
        number=number,
        name=settings.name,
        is_table=reading.is_table,
        paths=paths,
        root=folder,
        path_format=reading.path_format,
        allow_empty=settings.allow_empty,
        table=table,
        shape=reading.shape,
        subset=settings.subset,
    )


def _load(name: str, file: str, storage: Storage) -> tuple[dict[str, Any], list[int]]:
    """The file's content, and the line of each transformation."""
    import yaml

    try:
        text = _read(file, storage)
        node, content = yaml.compose(text, yaml.SafeLoader), yaml.safe_load(text)
    except OSError as error:
        raise InputError(
            f"input {name!r}: {file}: {error.strerror}", f"An input of type MLTable is a folder with a file {FILE!r}."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"input {name!r}: {file} is not YAML: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("paths"), list):
        raise InputError(f"input {name!r}: {file} has no list of paths", "For example:\npaths:\n- pattern: ./*.csv")
    if unknown := sorted(map(str, content.keys() - _TOP)):
        raise InputError(f"input {name!r}: {file}: unknown field {unknown[0]!r}{_meant(unknown[0], _TOP)}")
    if not isinstance(content.get("transformations") or [], list):
        raise InputError(f"input {name!r}: {file}: transformations is not a list", "Each begins with a dash.")
    return content, _lines(node)


def _read(file: str, storage: Storage) -> str:
    if is_url(file):
        data = storage.get(file)
        if data is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), file)
        return data.decode("utf-8")
    with open(file, encoding="utf-8") as stream:
        return stream.read()


def _lines(document: Any) -> list[int]:
    """The line of each transformation."""
    for key, value in document.value:
        if key.value == "transformations" and isinstance(value.value, list):
            return [step.start_mark.line + 1 for step in value.value]
    return []


def _named(steps: Any) -> list[tuple[str, Any]]:
    """Transformations as name and value: each is a name, or a mapping with one."""
    return [next(iter(step.items())) if isinstance(step, dict) and step else (str(step), None) for step in steps]


def _path(folder: str, entry: Any, storage: Storage) -> str:
    """An entry of ``paths``, absolute or a URL; a pattern's folder is escaped: only what was written is a glob."""
    if not isinstance(entry, dict) or len(entry) != 1 or next(iter(entry)) not in ("file", "folder", "pattern"):
        raise _Refused(f"paths: {entry!r} is not one of file, folder or pattern")
    (kind, value), *_ = entry.items()
    text = str(value)
    if "://" in text:
        return _url(text, storage) + "/" * (kind == "folder" and not text.endswith("/"))
    if os.path.isabs(text):
        return text
    joined = os.path.normpath(text)
    if is_url(folder):
        if joined.startswith(".."):
            raise _Refused(f"paths: {text} leaves the folder of the {FILE} file")
        return f"{folder}/{joined}/" if kind == "folder" else f"{folder}/{joined}"
    return os.path.join(glob.escape(folder) if kind == "pattern" else folder, joined)


def _url(text: str, storage: Storage) -> str:
    """A URL in our form, of a store that the job knows."""
    try:
        url = store_urls.canonical("paths", text)
        storage.place(url)
    except ParallelRunError as error:
        raise _Refused(
            f"{error.message}; give paths relative to the {FILE} file, or name the datastore in the job"
        ) from error
    return url


def _step(name: str) -> Callable[[_Reading, Any], None]:
    if name in _STEPS:
        return _STEPS[name]

    def refuse(_reading: _Reading, _value: Any) -> NoReturn:
        raise _Refused(
            f"this transformation is not supported{_meant(name, set(_STEPS))}. Supported: {', '.join(_STEPS)}. "
            "Apply others in the script, or write the table out first."
        )

    return refuse


def _meant(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f", did you mean {near[0]!r}?" if near else ""


def _options(value: Any, known: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a transformation, with the defaults in ``known``; raises _Refused for any other."""
    if value is not None and not isinstance(value, dict):
        raise _Refused(f"options are a mapping, not {value!r}")
    given = dict(value or {})
    for option in given:
        if option not in known:
            raise _Refused(f"option {option!r} is not supported{_meant(str(option), set(known))}")
    return {**known, **given}


def _begin_table(reading: _Reading, table: TableSettings, shape: TableShape) -> None:
    if reading.is_table:
        raise _Refused("the files are already read by an earlier transformation")
    reading.is_table, reading.table, reading.shape = True, table, shape


def _encoding(value: Any) -> str:
    return _ENCODINGS.get(str(value).lower().replace("-", "").replace("_", ""), str(value))


def _read_delimited(reading: _Reading, value: Any) -> None:
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
        raise _Refused(f"header: {header} is not supported: all_files_same_headers, from_first_file or no_header are")
    if options["empty_as_string"]:
        raise _Refused("empty_as_string: true is not supported; empty fields are missing values")
    table = TableSettings(
        format="csv",
        separator=str(options["delimiter"]),
        header=header != "no_header",
        encoding=_encoding(options["encoding"]),
        support_multi_line=bool(options["support_multi_line"]),
    )
    shape = TableShape(
        first_header_only=header == "from_first_file",
        include_path_column=bool(options["include_path_column"]),
        infer=options["infer_column_types"] is not False,
    )
    _begin_table(reading, table, shape)


def _read_parquet(reading: _Reading, value: Any) -> None:
    options = _options(value, {"include_path_column": False})
    shape = TableShape(include_path_column=bool(options["include_path_column"]))
    _begin_table(reading, TableSettings(format="parquet"), shape)


def _read_json_lines(reading: _Reading, value: Any) -> None:
    options = _options(value, {"include_path_column": False, "encoding": "utf8", "invalid_lines": "error"})
    if options["invalid_lines"] != "error":
        raise _Refused(f"invalid_lines: {options['invalid_lines']} is not supported: only error is")
    shape = TableShape(include_path_column=bool(options["include_path_column"]))
    _begin_table(reading, TableSettings(format="jsonl", encoding=_encoding(options["encoding"])), shape)


def _extract(reading: _Reading, value: Any) -> None:
    text = value.get("partition_format") if isinstance(value, dict) else value
    if not isinstance(text, str):
        raise _Refused(f"partition_format is text, not {text!r}")
    try:
        reading.path_format = PathFormat(text)
    except InputError as error:
        raise _Refused(str(error)) from error


def _select(action: str) -> Callable[[_Reading, Any], None]:
    def select(reading: _Reading, value: Any) -> None:
        names = tuple(map(str, value)) if isinstance(value, list) else (str(value),)
        _require_table(reading)
        reading.shape = replace(reading.shape, selections=(*reading.shape.selections, (action, names)))

    return select


def _convert(reading: _Reading, value: Any) -> None:
    _require_table(reading)
    columns = dict(reading.table.columns)
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, dict) or not {"columns", "column_type"} <= one.keys():
            raise _Refused(f"{one!r} has not both columns and column_type")
        names = one["columns"] if isinstance(one["columns"], list) else [one["columns"]]
        columns.update(dict.fromkeys(map(str, names), _dtype(one["column_type"])))
    reading.table = replace(reading.table, columns=columns)


def _dtype(kind: Any) -> str:
    name, options = next(iter(kind.items())) if isinstance(kind, dict) and kind else (kind, None)
    if name not in _DTYPES:
        raise _Refused(f"column_type {name!r} is not supported: {', '.join(_DTYPES)} are")
    formats = (options or {}).get("formats", []) if isinstance(options, dict) else []
    for text in [formats] if isinstance(formats, str) else formats:
        if not text.startswith("%Y-%m-%d"):
            raise _Refused(f"the datetime format {text!r} is not supported: only those that begin with %Y-%m-%d are")
    return _DTYPES[name]


def _require_table(reading: _Reading) -> None:
    if not reading.is_table:
        raise _Refused("there is no table yet: read_delimited, read_parquet or read_json_lines come first")


_STEPS: dict[str, Callable[[_Reading, Any], None]] = {
    "read_delimited": _read_delimited,
    "read_parquet": _read_parquet,
    "read_json_lines": _read_json_lines,
    "extract_columns_from_partition_format": _extract,
    "keep_columns": _select("keep"),
    "drop_columns": _select("drop"),
    "convert_column_types": _convert,
}
