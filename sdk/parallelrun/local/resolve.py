"""From a checked manifest to JobSettings: every path absolute, every reference replaced, nothing left to look up.

Agents read settings and never the manifest, so whatever can be wrong about names and places is found here, before
anything is started.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.api.errors import InputError, ManifestError
from parallelrun.api.settings import (
    AdvancedSettings,
    InputSettings,
    JobSettings,
    Limits,
    OutputSettings,
    TableSettings,
)
from parallelrun.local import gpus, hints, models, outputs, places, references, variables
from parallelrun.local.configmaps import ConfigMaps

if TYPE_CHECKING:
    from parallelrun.api.models import Input, ParallelRunJob, ParallelRunJobSpec

DEFAULT_NAMESPACE = "default"


@dataclass(frozen=True)
class Ground:
    """What a manifest is resolved against."""

    job: ParallelRunJob
    folder: Path  # the run's
    places: places.Places
    config_maps: ConfigMaps
    documents: Sequence[Mapping[str, Any]]  # all of the manifest's file
    shell: Mapping[str, str]  # environment variables of whoever runs the job
    say: Callable[[str], None]


def settings(ground: Ground, inputs: list[InputSettings] | None = None) -> JobSettings:
    """The job's settings; uid, python, and hashes of spec and source are still to be filled in.

    ``inputs`` stand for those of the manifest where a rerun brings its own. Makes folders below the run's folder only.
    Raises ManifestError and InputError.
    """
    job, spec = ground.job, ground.job.spec
    _refuse_cluster_only(ground)
    resolved = [_input(ground, number, one) for number, one in enumerate(spec.inputs)] if inputs is None else inputs
    listed = models.listed(spec.models, ground.places)
    base = JobSettings(
        name=job.metadata.name,
        uid="",
        namespace=job.metadata.namespace or DEFAULT_NAMESPACE,
        entry_script=os.path.normpath(spec.entry_script),
        inputs=resolved,
        experiment=spec.experiment,
        tags=dict(spec.tags),
        pip=list(spec.environment.pip),
        side_inputs={
            one.name: str(ground.places.existing(f"spec.sideInputs[{number}].path", one.path))
            for number, one in enumerate(spec.side_inputs)
        },
        models=listed,
        registered_models=models.registered(ground.documents, ground.places),
        outputs=outputs.script_folders(spec.outputs, ground.places, ground.folder),
        mini_batch_size=_mini_batch_size(spec),
        partition_keys=list(spec.partition_keys),
        gpus=gpus.for_job(spec.resources, ground.shell),
        output=_output(ground),
    )
    return _with_texts(ground, _with_limits(ground, base))


def _with_limits(ground: Ground, base: JobSettings) -> JobSettings:
    spec, advanced = ground.job.spec, ground.job.spec.advanced
    return replace(
        base,
        node_count=spec.node_count,
        process_count_per_node=spec.process_count_per_node,
        limits=Limits(spec.error_threshold, spec.mini_batch_error_threshold, spec.allowed_failed_percent),
        run_invocation_timeout=float(spec.run_invocation_timeout_seconds),
        run_max_try=spec.run_max_try,
        logging_level=spec.logging_level,
        advanced=AdvancedSettings(
            first_task_creation_timeout=float(advanced.first_task_creation_timeout_seconds),
            progress_update_timeout=float(advanced.progress_update_timeout_seconds),
            task_overhead_timeout=float(advanced.task_overhead_timeout_seconds),
            resource_monitor_interval=float(advanced.resource_monitor_interval_seconds),
            profiling_module=advanced.profiling_module,
        ),
    )


def _with_texts(ground: Ground, base: JobSettings) -> JobSettings:
    """With arguments and environment variables, in which references are replaced by what ``base`` has."""
    spec = ground.job.spec
    found = variables.listed(spec.environment, ground.config_maps, ground.shell)
    arguments = [(f"spec.arguments[{number}]", text) for number, text in enumerate(spec.arguments)]
    texts = references.substitute([*arguments, *((where, text) for where, _, text in found)], _values(base))
    return replace(
        base,
        arguments=texts[: len(arguments)],
        environment=dict(zip((name for _, name, _ in found), texts[len(arguments) :], strict=True)),
    )


def _values(base: JobSettings) -> dict[str, str]:
    """What ``$(...)`` can refer to. An input is its one literal path, or the folder that all its paths are in."""
    values = {"job.name": base.name}
    values |= {f"inputs.{one.name}": _place(one) for one in base.inputs}
    values |= {f"sideInputs.{name}": path for name, path in base.side_inputs.items()}
    values |= {f"models.{one.name}": one.path for one in base.models}
    values |= {f"outputs.{name}": path for name, path in base.outputs.items()}
    return values


def _mini_batch_size(spec: ParallelRunJobSpec) -> int:
    if spec.input_kind is None and spec.mini_batch_size is None:
        return 0  # the default of what the input turns out to be when it is planned
    return spec.mini_batch_files if spec.input_kind == "File" else spec.mini_batch_bytes


def _place(one: InputSettings) -> str:
    return one.paths[0] if len(one.paths) == 1 and os.path.lexists(one.paths[0]) else one.root


def _input(ground: Ground, number: int, one: Input) -> InputSettings:
    where = f"spec.inputs[{number}]"
    if one.dataset is not None:
        raise ManifestError(
            f'{where}.dataset: the registered dataset "{one.dataset}" is known to a cluster, not to a local run.',
            "Give type and paths instead.",
        )
    if one.type is None:
        raise ManifestError(f"{where}.type is missing.", "Write type: File, type: Tabular or type: MLTable.")
    patterns = [ground.places.pattern(f"{where}.paths[{index}]", text) for index, text in enumerate(one.paths)]
    for index, pattern in enumerate(patterns):
        needed = pattern.root if pattern.is_glob else pattern.text
        if not one.allow_empty and not os.path.exists(needed):
            raise InputError(
                f"{where}.paths[{index}]: {one.paths[index]} does not exist.", hints.missing_path(Path(needed))
            )
    table = one.table
    return InputSettings(
        name=one.name,
        type=one.type,
        paths=[pattern.text for pattern in patterns],
        root=os.path.commonpath([pattern.root for pattern in patterns]),
        partition_format=one.partition_format,
        table=TableSettings()
        if table is None
        else TableSettings(**{**table.model_dump(), "columns": {**table.columns}}),
        mode=one.mode,
        allow_empty=one.allow_empty,
    )


def _output(ground: Ground) -> OutputSettings:
    output = ground.job.spec.output
    path = None if output.path is None else str(ground.places.path("spec.output.path", output.path))
    csv = output.csv
    return OutputSettings(
        action=output.action,
        file_name=output.file_name,
        format=output.format,
        csv_separator="," if csv is None else csv.separator,
        csv_header=csv is None or csv.header,
        csv_index=csv is not None and csv.index,
        path=path,
        keep_segments=output.keep_segments,
    )


def _refuse_cluster_only(ground: Ground) -> None:
    spec = ground.job.spec
    if spec.rerun_of is not None:
        raise ManifestError(
            f'spec.rerunOf: "{spec.rerun_of.name}" is a job in a cluster.',
            "Leave rerunOf out and run again a local run by its folder: parallelrun rerun --failed runs/...",
        )
    if spec.cancel:
        raise ManifestError("spec.cancel is true: there is nothing to run.", "Leave it out.")
    if spec.environment.image is not None:
        ground.say("spec.environment.image is ignored: a local run uses this Python and environment.pip")
