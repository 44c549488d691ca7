"""From a ParallelRunJob to Resolved: every path absolute, every reference replaced.

What the local engine's resolver does with the folders of one machine, this does with the volumes of a cluster; what
means the same in both places is in :mod:`parallelrun.api.common_settings`.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from parallelrun.api import common_settings, gpus, layout, merging, pod_layout, references, result_spec, spec_hash
from parallelrun.api.errors import ManifestError
from parallelrun.api.merging import Resolution
from parallelrun.api.models import Input, JobModel, ParallelRunJob, ScriptOutput
from parallelrun.api.models.datastore import DATASTORE
from parallelrun.api.models.registered import FIRST_VERSION
from parallelrun.api.registry import NotRegistered, Registry
from parallelrun.api.script_folders import below_job
from parallelrun.api.settings import InputSettings, JobSettings, ModelSettings
from parallelrun.api.store_urls import Stores
from parallelrun_operator.config import Config
from parallelrun_operator.job.settings import cache, folders, manifest, packages, reuse, spot
from parallelrun_operator.job.settings import named as named_kinds
from parallelrun_operator.job.settings.lacking import Lacking
from parallelrun_operator.job.settings.packages import Packages
from parallelrun_operator.job.settings.places import Pattern, Place, Places, Remote, common_folder
from parallelrun_operator.job.settings.resolved import QUEUE_LABEL, Resolved, Used
from parallelrun_operator.job.settings.secrets import Secrets

Json = dict[str, Any]

#: Of a ConfigMap's values together, a little below the API server's limit.
_MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class _Named:
    """All places that a job names."""

    inputs: list[list[Pattern]]  # of each input
    side_inputs: dict[str, Place | Remote]
    models: dict[str, Place | Remote]
    outputs: dict[str, str]  # absolute
    written: list[
        tuple[str, Place]
    ]  # outputs on claims, each with its field: what the worker writes to, beside its job
    output: Place | Remote | None  # spec.output.path, which the agent alone writes to
    code: Place | None  # spec.source.claim, which the agent's side alone reads

    @property
    def read(self) -> list[Place]:
        """What the worker may read of volumes."""
        literal = [pattern.literal for patterns in self.inputs for pattern in patterns]
        found = [*literal, *self.side_inputs.values(), *self.models.values()]
        return [one for one in found if isinstance(one, Place)]

    @property
    def keeps_what_it_fetches(self) -> bool:
        """Whether side inputs or models are in object stores."""
        return any(isinstance(one, Remote) for one in (*self.side_inputs.values(), *self.models.values()))

    @property
    def written_by_agent(self) -> list[tuple[str, Place]]:
        """Folders on claims that the agent alone writes to, each with its field."""
        return [("spec.output.path", self.output)] if isinstance(self.output, Place) else []


def resolve(job: Json, config: Config, registered: Sequence[Json] = (), earlier: Sequence[Json] = ()) -> Resolved:
    """``job`` as the API server gave it, with the ``registered`` objects that it may name.

    ``earlier``: jobs that spec.reuseOf names.

    Raises ManifestError, with every problem that the models and rules find; Lacking for a name that is not registered.
    """
    applied = manifest.checked(job)
    registry = Registry.of(registered)
    try:
        return _resolved(job, applied, merging.resolve(applied, registry), registry, config, earlier)
    except NotRegistered as missing:
        raise Lacking(missing.kind, missing.message, missing.hint) from None


def _resolved(
    job: Json,
    applied: ParallelRunJob,
    found: Resolution,
    registry: Registry,
    config: Config,
    earlier: Sequence[Json],
) -> Resolved:
    model = spot.placed(found.job, config) if found.spot else found.job
    manifest.refuse_unsupported(model)
    secrets = Secrets()
    stores = Stores(registry.datastore, secrets.folder)
    places = Places(model.spec.volume.claim, str(job["metadata"]["namespace"]), stores)
    named, image = _places(model, places), model.spec.environment.image or config.runner_image
    base = replace(
        _settings(job, model, named),
        **_fetched(stores, named, model.spec.inputs, config),
        spec_hash=_spec_hash(applied),
        result_hash=result_spec.result_hash(model.spec, model.metadata.name),
        reuse_of=reuse.earlier_jobs(earlier, model.spec.volume.claim, found.models, registry),
    )
    settings, environment = _with_texts(model, base, named)
    asked = packages.of(model.spec.environment, config, image, places)
    claims, config_maps = _volumes(model, named, asked)
    kept = _kept(found, registry, stores) if named_kinds.kinds(job) else None
    return Resolved(
        applied=applied,
        model=model,
        used=Used(found.models, found.datasets, found.environment, found.compute_target),
        queue=str((job["metadata"].get("labels") or {}).get(QUEUE_LABEL, "") or found.queue_name),
        settings=settings,
        settings_files=_files(settings, job, kept),
        image=image,
        code=_code(model, named),
        claims=claims,
        config_maps=config_maps,
        folders=folders.mounted(named.read, named.written),
        agent_folders=folders.mounted([*named.read, *(place for _, place in named.written)], named.written_by_agent),
        packages=asked,
        environment=environment,
        secrets=secrets.by_folder,
        fetches=bool(stores.settings),
        needs=_needs(model, claims, config_maps, asked),
    )


def _fetched(stores: Stores, named: _Named, inputs: list[Input], config: Config) -> Json:
    """Fields of settings that jobs with object stores have."""
    if not stores.settings:
        return {}
    size = cache.usable(config.cache_size, named.keeps_what_it_fetches or any(one.mode == "Download" for one in inputs))
    limit = cache.usable(config.cache_size)
    return {"stores": stores.settings, "cache": pod_layout.CACHE, "cache_bytes": size, "cache_limit": limit}


def _kept(found: Resolution, registry: Registry, stores: Stores) -> list[Json]:
    """The documents of all that the job was resolved with."""
    datastores = [registry.find("", DATASTORE, name) for name in stores.datastores]
    used = {(entry.kind.name, entry.object_name): entry for entry in (*found.used, *datastores)}
    return [dict(entry.document) for entry in used.values()]


def _spec_hash(applied: ParallelRunJob) -> str:
    return spec_hash.spec_hash(spec_hash.spec_of(applied))


def _places(model: ParallelRunJob, places: Places) -> _Named:
    spec, output, code = model.spec, model.spec.output.path, model.spec.source.claim
    outputs, written = _outputs(spec.outputs, places)
    return _Named(
        inputs=[
            [places.pattern(f"spec.inputs[{number}].paths[{index}]", text) for index, text in enumerate(one.paths)]
            for number, one in enumerate(spec.inputs)
        ],
        side_inputs={
            one.name: places.place(f"spec.sideInputs[{number}].path", one.path)
            for number, one in enumerate(spec.side_inputs)
        },
        models={
            one.name: places.place(f"spec.models[{number}].path", one.path)
            for number, one in enumerate(spec.models)
            if one.path is not None  # all have one by now
        },
        outputs=outputs,
        written=written,
        output=None if output is None else places.output("spec.output.path", output),
        code=None if code is None else places.code("spec.source.claim.path", code.name, code.path),
    )


def _outputs(declared: list[ScriptOutput], places: Places) -> tuple[dict[str, str], list[tuple[str, Place]]]:
    """Absolute paths by name; and those on claims. Relative paths are below the job's folder: jobs do not mix."""
    outputs, written = {}, []
    for number, one in enumerate(declared):
        where = f"spec.outputs[{number}].path"
        if "://" in one.path or one.path.startswith("/"):
            place = places.writable(where, one.path)
            written.append((where, place))
            outputs[one.name] = place.path
        else:
            outputs[one.name] = posixpath.join(pod_layout.JOB, *below_job(where, one.path))
    return outputs, written


def _settings(job: Json, model: ParallelRunJob, named: _Named) -> JobSettings:
    spec = model.spec
    pairs = zip(spec.inputs, named.inputs, strict=True)
    base = JobSettings(
        name=model.metadata.name,
        uid=str(job["metadata"]["uid"]),
        namespace=str(job["metadata"]["namespace"]),
        entry_script=posixpath.normpath(spec.entry_script),
        inputs=[_input(f"spec.inputs[{number}]", *pair) for number, pair in enumerate(pairs)],
        experiment=spec.experiment,
        tags=dict(spec.tags),
        pip=list(spec.environment.pip),
        requirements=spec.environment.requirements or "",
        conda=spec.environment.conda or "",
        side_inputs={name: place.path for name, place in named.side_inputs.items()},
        models=[_model(one, named.models[one.name].path) for one in spec.models],
        outputs=named.outputs,
        output=common_settings.output(spec.output, None if named.output is None else named.output.path),
        gpus=[str(number) for number in range(gpus.wanted(spec.resources))],
        source=pod_layout.SOURCE,
        in_pod=True,
        node_limit=spec.node_limit,
    )
    return common_settings.with_limits(base, spec)


def _model(one: JobModel, path: str) -> ModelSettings:
    return ModelSettings(one.name, path, one.version or FIRST_VERSION, one.sha256 or "")


def _input(where: str, one: Input, patterns: list[Pattern]) -> InputSettings:
    root = common_folder([pattern.literal for pattern in patterns])
    return common_settings.an_input(where, one, [pattern.text for pattern in patterns], root)


def _with_texts(model: ParallelRunJob, base: JobSettings, named: _Named) -> tuple[JobSettings, tuple[str | None, ...]]:
    """With arguments; and the values of environment.env. In both, references are replaced by what ``base`` has."""
    spec = model.spec
    arguments = [(f"spec.arguments[{number}]", text) for number, text in enumerate(spec.arguments)]
    variables = [
        (f"spec.environment.env[{number}].value", variable.value or "")
        for number, variable in enumerate(spec.environment.env)
        if variable.value_from is None
    ]
    inputs = {one.name: _named_by(one, found, base) for one, found in zip(base.inputs, named.inputs, strict=True)}
    texts = references.substitute([*arguments, *variables], common_settings.reference_values(base, inputs))
    values = iter(texts[len(arguments) :])
    environment = (next(values) if one.value_from is None else None for one in spec.environment.env)
    return replace(base, arguments=texts[: len(arguments)]), tuple(environment)


def _named_by(one: InputSettings, patterns: list[Pattern], base: JobSettings) -> str:
    """What the input's name stands for in arguments and variables."""
    if any(isinstance(pattern.literal, Remote) for pattern in patterns):
        return common_settings.fetched_input(one, base.cache)
    return patterns[0].text if len(patterns) == 1 and not patterns[0].is_glob else one.root


def _volumes(model: ParallelRunJob, named: _Named, asked: Packages | None) -> tuple[dict[str, bool], tuple[str, ...]]:
    """Claims by name, whether they are written to; and ConfigMaps. In the manifest's order."""
    claims = {model.spec.volume.claim: True}
    written = [place for _, place in (*named.written, *named.written_by_agent)]
    claims |= {place.claim: True for place in written}
    for place in [*named.read, named.code, asked.wheels if asked else None]:
        if place is not None and place.claim:
            claims.setdefault(place.claim, False)
    return claims, tuple(dict.fromkeys(place.config_map for place in named.read if place.config_map))


def _code(model: ParallelRunJob, named: _Named) -> str:
    if named.code is not None:
        return named.code.path
    return pod_layout.CHECKOUT if model.spec.source.config_map is None else pod_layout.CODE


def _needs(
    model: ParallelRunJob, claims: dict[str, bool], config_maps: tuple[str, ...], asked: Packages | None
) -> tuple[tuple[str, str], ...]:
    """What pods cannot start without. Secrets are not among it: the operator may not read them."""
    spec, environment = model.spec, model.spec.environment
    maps = [spec.source.config_map.name] if spec.source.config_map else []
    maps += [
        one.config_map_ref.name
        for one in environment.env_from
        if one.config_map_ref is not None and not one.config_map_ref.optional
    ]
    references_ = [one.value_from.config_map_key_ref for one in environment.env if one.value_from is not None]
    maps += [one.name for one in references_ if one is not None and not one.optional]
    maps += [asked.certificates] if asked and asked.certificates else []
    needs = [("PersistentVolumeClaim", name) for name in claims]
    needs += [("ConfigMap", name) for name in dict.fromkeys([*maps, *config_maps])]
    return (*needs, *([("ServiceAccount", spec.service_account_name)] if spec.service_account_name else []))


def _files(settings: JobSettings, job: Json, kept: list[Json] | None) -> dict[str, str]:
    """``kept``: registered objects; None for a job that names none."""
    files = {layout.SETTINGS: json.dumps(settings.to_json()), layout.MANIFEST: manifest.as_applied(job)}
    if kept is not None:
        files[named_kinds.KEPT] = json.dumps(kept)
    size = sum(len(text.encode()) for text in files.values())
    if size > _MAX_BYTES:
        raise ManifestError(
            f"spec: settings and manifest take {size} bytes together; the cluster's limit for them is {_MAX_BYTES}.",
            "Put long arguments and lists of paths into files: side inputs, folders and wildcards name many at once.",
        )
    return files
