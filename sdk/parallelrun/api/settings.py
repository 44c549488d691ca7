"""A job's settings, parsed once at the edge: what agents read instead of the manifest.

The manifest model (pydantic) checks and fills in defaults; :func:`parallelrun.api.manifest` turns it into this tree of
frozen dataclasses, which travels as plain JSON. Agents import this module and not pydantic: they start faster, and a
field is either here, with one type, or not their business.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class TableSettings:
    """How to parse a tabular input. Values here were declared; what is None is decided when the job is planned."""

    format: str | None = None  # "csv" | "jsonl" | "parquet"; None: by each file's extension
    separator: str | None = None  # None: "," or, for .tsv, a tab
    header: bool = True
    encoding: str = "utf-8"
    support_multi_line: bool = False
    columns: dict[str, str] = field(default_factory=dict)  # declared dtypes by column


@dataclass(frozen=True)
class StoreSettings:
    """An object store that URLs are read from or written to; where its credentials are, never what they are.

    A URL belongs to the store with the longest ``url`` that it begins with, up to a slash.
    """

    url: str  # "datastore://name", "s3://bucket", "az://account/container", "gs://bucket", "https://host"
    kind: str  # "s3" | "azureBlob" | "gcs" | "https"
    name: str = ""  # of the Datastore; "" for a bare URL
    bucket: str = ""  # bucket or container
    prefix: str = ""  # of all keys, without slashes at its ends
    account: str = ""  # azureBlob
    region: str = ""  # s3
    endpoint: str = ""  # other than the cloud's own; for https the URL that keys are below
    credentials: str = ""  # absolute folder with a file for each key of the Secret; "": ambient
    anonymous: bool = False
    read_only: bool = False


@dataclass(frozen=True)
class Condition:
    """One condition on a column's value; ``values``: one, or several for ``in`` and ``notIn``."""

    column: str
    op: str  # "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "notIn" | "isNull" | "notNull"
    values: list[typing.Any] = field(default_factory=list)


@dataclass(frozen=True)
class SubsetSettings:
    """Which part of an input is taken; applied in the order of the fields."""

    include: list[str] = field(default_factory=list)  # globs on paths below the input's root; none: all
    exclude: list[str] = field(default_factory=list)
    where: list[Condition] = field(default_factory=list)  # tables
    skip: int = 0  # files, or rows of tables
    take: int | None = None
    sample: float | None = None  # fraction
    seed: int = 0


@dataclass(frozen=True)
class InputSettings:
    """One input; its paths are absolute or URLs here, globs and folders still unexpanded."""

    name: str
    type: str  # "File" | "Tabular" | "MLTable"
    paths: list[str]
    root: str  # literal folder that the paths have in common; partitionFormat is matched below it
    partition_format: str | None = None
    table: TableSettings = field(default_factory=TableSettings)
    mode: str = "Mount"
    allow_empty: bool = False
    subset: SubsetSettings = field(default_factory=SubsetSettings)


@dataclass(frozen=True)
class OutputSettings:
    """Where and how results are written."""

    action: str = "AppendRow"  # "AppendRow" | "SummaryOnly"
    file_name: str = "parallel_run_step.txt"
    format: str = "Text"  # "Text" | "CSV" | "JSONL" | "Parquet"
    csv_separator: str = ","
    csv_header: bool = True
    csv_index: bool = False
    path: str | None = None  # absolute folder or URL; None: the job's folder
    keep_segments: bool = True


@dataclass(frozen=True)
class ModelSettings:
    """A model that the job lists, resolved."""

    name: str
    path: str  # absolute, or a URL
    version: str = "1"
    sha256: str = ""  # what its content must have; "": not said


@dataclass(frozen=True)
class Limits:
    """The thresholds above which a job is aborted; -1 tolerates all."""

    error_threshold: int = 0  # failed items
    mini_batch_error_threshold: int = -1  # failed mini-batches
    allowed_failed_percent: float = 100.0  # of all mini-batches
    program: bool = False  # a program that is run once: its failure is the job's


@dataclass(frozen=True)
class AdvancedSettings:
    """The timeouts and monitors of ``spec.advanced``, in seconds."""

    first_task_creation_timeout: float = 600.0
    progress_update_timeout: float = 0.0  # 0: off
    task_overhead_timeout: float = 600.0
    resource_monitor_interval: float = 600.0
    profiling_module: str = ""


@dataclass(frozen=True)
class EarlierJob:
    """A job that succeeded, without any failed item: one with the same fingerprint takes over what it made."""

    name: str  # as people know it; locally the run's folder
    uid: str
    folder: str  # absolute, as whoever looks whether all is there still sees it
    fingerprint: str
    outputs: dict[str, str] = field(default_factory=dict)  # as its result has to have them


@dataclass(frozen=True)
class JobSettings:
    """All that an agent knows of its job. Paths are absolute; ``$(...)`` in arguments is resolved."""

    name: str
    uid: str
    entry_script: str  # relative to the source folder
    inputs: list[InputSettings]
    namespace: str = "default"
    experiment: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    pip: list[str] = field(default_factory=list)
    requirements: str = ""  # requirements file, from the source folder
    conda: str = ""  # conda environment file, likewise
    python: str | None = None  # interpreter of worker processes; None: the agent's own
    side_inputs: dict[str, str] = field(default_factory=dict)
    models: list[ModelSettings] = field(default_factory=list)
    registered_models: list[ModelSettings] = field(default_factory=list)  # found by name when the script asks
    outputs: dict[str, str] = field(default_factory=dict)
    mini_batch_size: int = 10  # files, or bytes for tables; 0: the default of what an MLTable turns out to be
    partition_keys: list[str] = field(default_factory=list)
    node_count: int = 1
    process_count_per_node: int = 1
    limits: Limits = field(default_factory=Limits)
    run_invocation_timeout: float = 60.0
    run_max_try: int = 3
    logging_level: str = "INFO"
    advanced: AdvancedSettings = field(default_factory=AdvancedSettings)
    output: OutputSettings = field(default_factory=OutputSettings)
    gpus: list[str] = field(default_factory=list)  # indexes to hand out, one per process
    spec_hash: str = ""  # of what may not change over --resume
    source_hash: str = ""
    retry_failures_below: int = 0  # rerun: failures sealed in an epoch below this one are run again
    source: str | None = None  # absolute folder of the worker's copy of the source; None: "source" in the job's folder
    in_pod: bool = False  # agent and worker are containers of one pod: the worker brings its own interpreter and host
    stores: list[StoreSettings] = field(default_factory=list)  # of all URLs
    cache: str = ""  # absolute folder for what is fetched from stores; "": below the job's folder
    cache_bytes: int = 10 << 30  # what may be in it at a time, beside side inputs, models and what mode Download takes
    cache_limit: int = 0  # bytes that may be in it at all, with these; 0: as many as its disk takes
    node_limit: int = 0  # what node_count may be scaled to while the job runs; 0: it stays as it is
    run_once: bool = False  # entry_script is a program; no inputs
    result_hash: str = ""  # of all of the manifest that results follow from; "": nobody can tell, so no reuse
    reuse_of: list[EarlierJob] = field(default_factory=list)  # in order of preference

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> JobSettings:
        """The inverse of :meth:`to_json`; raises TypeError or KeyError on anything else."""
        return typing.cast(JobSettings, _build(cls, value))


def _build(kind: Any, value: Any) -> Any:
    """``value`` as ``kind``: dataclasses by field, lists and optionals by what they hold, all else as it is."""
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return kind(**{key: _build(hints[key], item) for key, item in value.items()})  # type: ignore[operator]
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union) and value is not None:
        return _build(next(k for k in typing.get_args(kind) if k is not types.NoneType), value)
    if origin is list:
        (item_kind,) = typing.get_args(kind)
        return [_build(item_kind, item) for item in value]
    return value
