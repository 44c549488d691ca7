"""What a job reads, as arguments of :class:`parallelrun.Job`: files, tables, registered datasets."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, init=False)
class _Input:
    paths: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)

    def __init__(self, paths: Sequence[PathLike], **options: Any) -> None:
        object.__setattr__(self, "paths", tuple(os.fspath(path) for path in paths))
        object.__setattr__(self, "options", {key: value for key, value in options.items() if value is not None})

    def as_spec(self) -> dict[str, Any]:
        """As ``spec.inputs`` has it."""
        first = {key: self.options[key] for key in ("name", "type", "dataset") if key in self.options}
        return first | ({"paths": list(self.paths)} if self.paths else {}) | self.options


class Files(_Input):
    """Files: ``run`` gets a list of their paths."""

    def __init__(
        self,
        *paths: PathLike,
        name: str | None = None,
        partition_format: str | None = None,
        mode: str | None = None,
        allow_empty: bool | None = None,
        subset: Mapping[str, Any] | None = None,
    ) -> None:
        """Globs, folders and URLs, as in ``spec.inputs[].paths``; ``name`` is by default input, input2, ...

        ``subset``: which part is taken, such as ``{"take": 10}``.
        """
        super().__init__(
            paths, name=name, type="File", partitionFormat=partition_format, mode=mode, allowEmpty=allow_empty,
            subset=subset,
        )  # fmt: skip


class Tables(_Input):
    """CSV, JSON lines or Parquet files: ``run`` gets a pandas DataFrame."""

    def __init__(
        self,
        *paths: PathLike,
        name: str | None = None,
        format: str | None = None,
        separator: str | None = None,
        header: bool | None = None,
        encoding: str | None = None,
        support_multi_line: bool | None = None,
        columns: Mapping[str, str] | None = None,
        partition_format: str | None = None,
        allow_empty: bool | None = None,
        subset: Mapping[str, Any] | None = None,
    ) -> None:
        """``format``: csv, jsonl or parquet, by default by each file's extension; ``columns``: pandas dtypes by name.

        The rest as in ``spec.inputs[]`` and its ``table``.
        """
        said = {
            "format": format, "separator": separator, "header": header, "encoding": encoding,
            "supportMultiLine": support_multi_line, "columns": columns,
        }  # fmt: skip
        table = {key: value for key, value in said.items() if value is not None}
        super().__init__(
            paths, name=name, type="Tabular", table=table or None, partitionFormat=partition_format,
            allowEmpty=allow_empty, subset=subset,
        )  # fmt: skip


class MLTable(_Input):
    """A folder with an ``MLTable`` file, which says what is in it and how it is read."""

    def __init__(self, path: PathLike, *, name: str | None = None, subset: Mapping[str, Any] | None = None) -> None:
        """``path``: the folder, or its URL."""
        super().__init__([path], name=name, type="MLTable", subset=subset)


class Dataset(_Input):
    """A registered dataset, by its name, ``name:version`` or ``name@latest``."""

    def __init__(
        self,
        dataset: object,
        *,
        name: str | None = None,
        mode: str | None = None,
        subset: Mapping[str, Any] | None = None,
    ) -> None:
        """``dataset`` may be a :class:`parallelrun.Parameter`; what else is said counts instead of the registered."""
        super().__init__([], name=name, dataset=str(dataset), mode=mode, subset=subset)
