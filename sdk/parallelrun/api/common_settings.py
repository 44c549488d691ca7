"""What of a manifest means the same on a laptop and in a cluster: limits, sizes, formats, and what ``$(...)`` names.

Places are not here: only the resolver of the one or the other knows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from parallelrun.api import store_urls
from parallelrun.api.errors import ManifestError
from parallelrun.api.settings import (
    AdvancedSettings,
    Condition,
    InputSettings,
    JobSettings,
    Limits,
    OutputSettings,
    SubsetSettings,
    TableSettings,
)

if TYPE_CHECKING:
    from parallelrun.api.models import Input, Output, ParallelRunJobSpec, Subset, Table


def with_limits(base: JobSettings, spec: ParallelRunJobSpec) -> JobSettings:
    """``base`` with all of ``spec`` that is a number, a time or a level."""
    advanced = spec.advanced
    return replace(
        base,
        node_count=spec.node_count,
        process_count_per_node=spec.process_count_per_node,
        mini_batch_size=_mini_batch_size(spec),
        partition_keys=list(spec.partition_keys),
        limits=Limits(
            spec.error_threshold, spec.mini_batch_error_threshold, spec.allowed_failed_percent, spec.run_once
        ),
        run_invocation_timeout=float(spec.run_invocation_timeout_seconds),
        run_max_try=spec.run_max_try,
        run_once=spec.run_once,
        output=replace(base.output, action="SummaryOnly") if spec.run_once else base.output,
        logging_level=spec.logging_level,
        advanced=AdvancedSettings(
            first_task_creation_timeout=float(advanced.first_task_creation_timeout_seconds),
            progress_update_timeout=float(advanced.progress_update_timeout_seconds),
            task_overhead_timeout=float(advanced.task_overhead_timeout_seconds),
            resource_monitor_interval=float(advanced.resource_monitor_interval_seconds),
            profiling_module=advanced.profiling_module,
        ),
    )


def _mini_batch_size(spec: ParallelRunJobSpec) -> int:
    if spec.input_kind is None and spec.mini_batch_size is None:
        return 0  # the default of what the input turns out to be when it is planned
    return spec.mini_batch_files if spec.input_kind == "File" else spec.mini_batch_bytes


def an_input(where: str, one: Input, paths: Sequence[str], root: str) -> InputSettings:
    """``one``, the field ``where``, with the ``paths`` that it was resolved to and the folder that they have in common.

    Raises ManifestError.
    """
    return InputSettings(
        name=one.name,
        type=input_type(where, one),
        paths=list(paths),
        root=root,
        partition_format=one.partition_format,
        table=table(one.table),
        mode=one.mode or "Mount",
        allow_empty=bool(one.allow_empty),
        subset=subset(one.subset),
    )


def input_type(where: str, one: Input) -> str:
    """File, Tabular or MLTable. Raises ManifestError where the input, the field ``where``, does not say."""
    if one.type is None:
        raise ManifestError(f"{where}.type is missing.", "Write type: File, type: Tabular or type: MLTable.")
    return one.type


def table(declared: Table | None) -> TableSettings:
    """How an input is parsed, as far as the manifest says."""
    if declared is None:
        return TableSettings()
    given = declared.model_dump(exclude_none=True)
    return TableSettings(**{**given, "columns": {**declared.columns}})


def subset(declared: Subset | None) -> SubsetSettings:
    """Which part of an input is taken."""
    if declared is None:
        return SubsetSettings()
    return SubsetSettings(
        include=list(declared.include),
        exclude=list(declared.exclude),
        where=[
            Condition(one.column, one.op, list(one.values) if one.value is None else [one.value])
            for one in declared.where
        ],
        skip=declared.skip or 0,
        take=declared.take,
        sample=None if declared.sample is None else declared.sample.fraction,
        seed=0 if declared.sample is None else declared.sample.seed,
    )


def output(declared: Output, path: str | None) -> OutputSettings:
    """What is written, and to the folder ``path``; None: the job's."""
    csv = declared.csv
    return OutputSettings(
        action=declared.action,
        file_name=declared.file_name,
        format=declared.format,
        csv_separator="," if csv is None else csv.separator,
        csv_header=csv is None or csv.header,
        csv_index=csv is not None and csv.index,
        path=path,
        keep_segments=declared.keep_segments,
    )


def fetched_input(one: InputSettings, cache: str) -> str:
    """What the name of an input on an object store stands for: the folder that its files are fetched to, or the one
    file; of tables, and of files that are not fetched, the URL."""
    url = one.paths[0] if len(one.paths) == 1 else one.root
    folder, is_glob = store_urls.literal_folder(url)
    if one.type == "Tabular" or one.mode == "Direct":
        return folder if is_glob else url
    is_file = len(one.paths) == 1 and not is_glob and folder != url.rstrip("/")
    return f"{cache}/inputs/{one.name}" + (f"/{store_urls.base_name(url)}" if is_file else "")


def reference_values(base: JobSettings, inputs: dict[str, str]) -> dict[str, str]:
    """What ``$(...)`` can refer to, by full name; ``inputs``: what an input's name stands for.

    What is on an object store will be fetched to ``base.cache``.
    """
    values = {"job.name": base.name}
    values |= {f"inputs.{name}": path for name, path in inputs.items()}
    for name, path in base.side_inputs.items():
        values[f"sideInputs.{name}"] = store_urls.fetched(path, f"{base.cache}/side_inputs/{name}")
    for one in base.models:
        values[f"models.{one.name}"] = store_urls.fetched(one.path, f"{base.cache}/models/{one.name}/{one.version}")
    values |= {f"outputs.{name}": path for name, path in base.outputs.items()}
    return values
