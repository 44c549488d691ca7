"""From a checked manifest to JobSettings: every path absolute, every reference replaced, nothing left to look up.

Agents read settings and never the manifest, so whatever can be wrong about names and places is found here, before
anything is started.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from parallelrun.api import common_settings, hints, layout, references, result_spec, store_urls
from parallelrun.api.errors import InputError, ManifestError
from parallelrun.api.settings import InputSettings, JobSettings, OutputSettings
from parallelrun.local import gpus, models, outputs, variables
from parallelrun.local.ground import Ground

if TYPE_CHECKING:
    from parallelrun.api.models import Input

DEFAULT_NAMESPACE = "default"


def settings(ground: Ground, inputs: list[InputSettings] | None = None) -> JobSettings:
    """The job's settings; uid, python, and hashes of spec and source are still to be filled in.

    ``inputs`` stand for those of the manifest where a rerun brings its own. Makes folders below the run's folder only.
    Raises ManifestError and InputError.
    """
    job, spec = ground.job, ground.job.spec
    _refuse_cluster_only(ground)
    if inputs is None:
        resolved = [_input(ground, number, one) for number, one in enumerate(spec.inputs)]
    else:
        resolved = inputs
        _open_stores(ground, inputs)
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
            one.name: ground.places.existing(f"spec.sideInputs[{number}].path", one.path)
            for number, one in enumerate(spec.side_inputs)
        },
        models=listed,
        registered_models=models.registered(ground),
        outputs=outputs.script_folders(spec.outputs, ground.places, ground.folder),
        gpus=gpus.for_job(spec.resources, ground.shell),
        output=_output(ground),
        cache=str(ground.folder / layout.CACHE),
        node_limit=spec.node_limit,
    )
    base = replace(base, stores=ground.places.stores.settings)
    return _with_texts(ground, common_settings.with_limits(base, spec))


def _with_texts(ground: Ground, base: JobSettings) -> JobSettings:
    """With arguments and environment variables, in which references are replaced by what ``base`` has."""
    spec = ground.job.spec
    found = variables.listed(spec.environment, ground.config_maps, ground.shell)
    arguments = [(f"spec.arguments[{number}]", text) for number, text in enumerate(spec.arguments)]
    texts = references.substitute([*arguments, *((where, text) for where, _, text in found)], _values(base))
    given = {name: text for _, name, text in found}
    return replace(
        base,
        result_hash=result_spec.result_hash(spec, base.name, given),
        arguments=texts[: len(arguments)],
        environment=dict(zip((name for _, name, _ in found), texts[len(arguments) :], strict=True)),
    )


def _values(base: JobSettings) -> dict[str, str]:
    return common_settings.reference_values(base, {one.name: _place(one, base.cache) for one in base.inputs})


def _place(one: InputSettings, cache: str) -> str:
    """What an input's name stands for: its one literal path, or the folder that all its paths are in."""
    if not one.root.startswith("/"):
        return common_settings.fetched_input(one, cache)
    return one.paths[0] if len(one.paths) == 1 and os.path.lexists(one.paths[0]) else one.root


def _input(ground: Ground, number: int, one: Input) -> InputSettings:
    where = f"spec.inputs[{number}]"
    patterns = [ground.places.pattern(f"{where}.paths[{index}]", text) for index, text in enumerate(one.paths)]
    for index, pattern in enumerate(patterns):
        needed = pattern.root if pattern.is_glob else pattern.text
        if not pattern.is_url and not one.allow_empty and not os.path.exists(needed):
            raise InputError(
                f"{where}.paths[{index}]: {one.paths[index]} does not exist.", hints.missing_path(Path(needed))
            )
    root = store_urls.common_folder([pattern.root for pattern in patterns])
    return common_settings.an_input(where, one, [pattern.text for pattern in patterns], root)


def _open_stores(ground: Ground, inputs: list[InputSettings]) -> None:
    """Have the stores of inputs that are resolved already among those of the job. Raises ManifestError."""
    for number, one in enumerate(inputs):
        for index, path in enumerate(one.paths):
            ground.places.stores.locate(f"spec.inputs[{number}].paths[{index}]", path)


def _output(ground: Ground) -> OutputSettings:
    output = ground.job.spec.output
    path = None if output.path is None else ground.places.place("spec.output.path", output.path, write=True)
    return common_settings.output(output, path)


def _refuse_cluster_only(ground: Ground) -> None:
    spec = ground.job.spec
    if spec.rerun_of is not None:
        raise ManifestError(
            f'spec.rerunOf: "{spec.rerun_of.name}" is a job in a cluster.',
            "Leave rerunOf out and run again a local run by its folder: parallelrun rerun --failed runs/...",
        )
    if spec.reuse_of:
        ground.say("spec.reuseOf is ignored: it names jobs of a cluster; earlier runs are named with --reuse RUN")
    if spec.cancel:
        raise ManifestError("spec.cancel is true: there is nothing to run.", "Leave it out.")
    if spec.environment.image is not None:
        ground.say("spec.environment.image is ignored: a local run uses this Python and environment.pip")
