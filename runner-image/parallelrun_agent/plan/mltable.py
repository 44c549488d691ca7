"""Reads a folder's ``MLTable`` file: which files it means, and how they are a table (or that they are none).

Supported: ``paths`` with file, folder and pattern, and the transformations in ``mltable_steps``. What is not supported
is refused by name and line: a table that was half understood would give wrong results.
"""

from __future__ import annotations

import errno
import glob
import os
from dataclasses import replace
from typing import Any

from parallelrun.api import store_urls
from parallelrun.api.errors import InputError, ParallelRunError
from parallelrun.api.settings import InputSettings
from parallelrun_agent.plan import subsets
from parallelrun_agent.plan.mltable_steps import Reading, Refused, meant, step
from parallelrun_agent.plan.path_format import PathFormat
from parallelrun_agent.plan.sources import Source
from parallelrun_agent.storage import Storage, is_url

FILE = "MLTable"
_TOP = {"paths", "transformations", "type", "$schema", "metadata", "traits", "name", "version", "description", "tags"}


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
    reading = Reading()
    if settings.partition_format:
        reading.path_format = PathFormat(settings.partition_format)
    try:
        paths = [_path(folder, one, storage) for one in content["paths"]]
    except Refused as error:
        raise InputError(f"input {settings.name!r}: {file}: {error}") from error
    for (name, value), line in zip(_named(content.get("transformations") or []), lines, strict=True):
        try:
            step(name)(reading, value)
        except Refused as error:
            raise InputError(f"input {settings.name!r}: {file}, line {line}: {name}: {error}") from error
    try:
        subset = subsets.narrowed(reading.subset, settings.subset)
    except subsets.OutOfOrder as error:
        raise InputError(f"input {settings.name!r}: subset, after what {file} says: {error}") from error
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
        subset=subset,
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
        raise InputError(f"input {name!r}: {file}: unknown field {unknown[0]!r}{meant(unknown[0], _TOP)}")
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
        raise Refused(f"paths: {entry!r} is not one of file, folder or pattern")
    (kind, value), *_ = entry.items()
    text = str(value)
    if "://" in text:
        return _url(text, storage) + "/" * (kind == "folder" and not text.endswith("/"))
    if os.path.isabs(text):
        return text
    joined = os.path.normpath(text)
    if is_url(folder):
        if joined.startswith(".."):
            raise Refused(f"paths: {text} leaves the folder of the {FILE} file")
        return f"{folder}/{joined}/" if kind == "folder" else f"{folder}/{joined}"
    return os.path.join(glob.escape(folder) if kind == "pattern" else folder, joined)


def _url(text: str, storage: Storage) -> str:
    """A URL in our form, of a store that the job knows."""
    try:
        url = store_urls.canonical("paths", text)
        storage.place(url)
    except ParallelRunError as error:
        raise Refused(
            f"{error.message}; give paths relative to the {FILE} file, or name the datastore in the job"
        ) from error
    return url
