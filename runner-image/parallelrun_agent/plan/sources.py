"""A job's inputs as the planner sees them: what to list, what to read from paths, how to parse."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.api import layout
from parallelrun.api.errors import InputError
from parallelrun.api.settings import InputSettings, JobSettings, OutputSettings, SubsetSettings, TableSettings
from parallelrun_agent.plan import subsets
from parallelrun_agent.plan.listing import Found, list_files
from parallelrun_agent.plan.path_format import PathFormat

if TYPE_CHECKING:
    from parallelrun_agent.storage import Storage

#: path, size, mtime_ns, input number, then one value (or None) for each path column of the job
FileRow = tuple[bytes, int, int, int, *tuple[str | None, ...]]


@dataclass(frozen=True)
class TableShape:
    """What an MLTable file says of a table and a manifest cannot."""

    first_header_only: bool = False  # only the job's first file has a header
    include_path_column: bool = False
    infer: bool = True  # False: columns that are not declared are text
    empty_as_text: bool = False  # an empty field of a text column is "", and no missing value
    selections: tuple[tuple[str, tuple[str, ...]], ...] = ()  # ("keep" | "drop", columns), applied in turn


@dataclass(frozen=True)
class Source:
    """One input, with what an MLTable file says worked in."""

    number: int
    name: str
    is_table: bool
    paths: list[str]
    root: str
    path_format: PathFormat | None
    allow_empty: bool
    table: TableSettings = field(default_factory=TableSettings)
    shape: TableShape = TableShape()
    subset: SubsetSettings = field(default_factory=SubsetSettings)
    own_output: frozenset[bytes] = frozenset()  # files that may not be among the input's

    def described(self) -> dict[str, Any]:
        """All of it as plain JSON values, for plan.json."""
        kept = {name: getattr(self, name) for name in ("name", "paths", "root", "allow_empty")}
        if self.subset != SubsetSettings():
            kept["subset"] = asdict(self.subset)
        return kept | {
            "partition_format": self.path_format.text if self.path_format else None,
            "table": asdict(self.table) if self.is_table else None,
            "shape": asdict(self.shape) if self.is_table else None,
        }


def of_settings(number: int, settings: InputSettings) -> Source:
    """The source of a File or Tabular input."""
    return Source(
        number=number,
        name=settings.name,
        is_table=settings.type == "Tabular",
        paths=settings.paths,
        root=settings.root,
        path_format=PathFormat(settings.partition_format) if settings.partition_format else None,
        allow_empty=settings.allow_empty,
        table=settings.table,
        subset=settings.subset,
    )


def path_columns(sources: Sequence[Source]) -> dict[str, str]:
    """The path columns of all sources with their dtypes, in order of appearance."""
    columns: dict[str, str] = {}
    for source in sources:
        if source.path_format:
            for name, dtype in source.path_format.dtypes().items():
                if columns.setdefault(name, dtype) != dtype:
                    raise InputError(
                        f"input {source.name!r}: partitionFormat makes column {name!r} a {dtype}, "
                        f"an earlier input a {columns[name]}",
                        "Use the same kind of placeholder for it in all inputs.",
                    )
    return columns


def list_rows(source: Source, columns: Sequence[str], temporary: Path, storage: Storage) -> Iterator[FileRow]:
    """The files of one source as rows of files.arrow; raises InputError as :func:`list_files` does."""
    number, path_format = source.number, source.path_format
    found = list_files(source.name, source.paths, source.allow_empty, temporary, storage)
    if source.subset != SubsetSettings():
        found = chosen(source, found)
    if source.own_output:
        found = _others(source, found)
    if path_format is None:
        nothing = (None,) * len(columns)
        for path, size, mtime_ns in found:
            yield (path, size, mtime_ns, number, *nothing)
        return
    for path, size, mtime_ns in found:
        values = path_format.read(source.name, path, source.root)
        yield (path, size, mtime_ns, number, *(values.get(name) for name in columns))


def chosen(source: Source, found: Iterator[Found]) -> Iterator[Found]:
    """The files of ``found`` that are in the input's subset; raises InputError where none is."""
    subsets.require_possible(source.name, source.subset, source.is_table)
    taken = False
    for file in subsets.files(source.subset, found, source.root, source.is_table):
        taken = True
        yield file
    if not taken and not source.allow_empty:
        raise InputError(
            f"input {source.name!r}: its subset takes none of its files",
            "Correct include, exclude, skip, take or sample, or set allowEmpty: true where an empty input is right.",
        )


def own_output(output: OutputSettings) -> frozenset[bytes]:
    """The files that a job leaves in the folder that its manifest names for the output."""
    if output.path is None or output.action == "SummaryOnly":
        return frozenset()
    names = (output.file_name, layout.OWNER, layout.SUCCESS, layout.RESULT, layout.MINI_BATCHES)
    return frozenset(os.fsencode(f"{output.path.rstrip('/')}/{name}") for name in names)


def _others(source: Source, found: Iterator[Found]) -> Iterator[Found]:
    """``found``; raises InputError where the job's own output is among it, or would be the next time."""
    for file in found:
        if file[0] in source.own_output:
            raise InputError(
                f"input {source.name!r}: {os.fsdecode(file[0])} belongs to the job's own output (spec.output.path)",
                "Write the output to another folder, or leave its files out of the input with subset.exclude.",
            )
        yield file


def require_some(settings: JobSettings, found: int, what: str) -> None:
    """Raises InputError where the whole input has no ``what`` ("file", "row") and not every input allows that."""
    strict = [repr(one.name) for one in settings.inputs if not one.allow_empty]
    if not found and strict:
        raise InputError(
            f"there is nothing to do: no {what} in input {', '.join(strict)}",
            "Correct the input's paths, or set allowEmpty: true where an empty input is right.",
        )
