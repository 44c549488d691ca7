"""A job with what is registered put in the place of names; pure.

What the job says itself counts, field by field. That needs fields whose being given can be told: the API server fills
in defaults, so fields that something registered may give have none, and what is empty is not given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from parallelrun.api import checks, store_urls
from parallelrun.api.models.base import Model
from parallelrun.api.models.compute_target import COMPUTE_TARGET, ComputeTargetSpec
from parallelrun.api.models.dataset import DatasetSpec
from parallelrun.api.models.environment import Environment
from parallelrun.api.models.environment_kind import ENVIRONMENT, EnvironmentSpec
from parallelrun.api.models.inputs import Input, JobModel
from parallelrun.api.models.model_kind import MODEL, ModelSpec
from parallelrun.api.models.pod import Resources, Volume
from parallelrun.api.models.spec import ParallelRunJobSpec
from parallelrun.api.problems import report
from parallelrun.api.registry import Entry, Registry, typed

if TYPE_CHECKING:
    from parallelrun.api.models.job import ParallelRunJob

Part = TypeVar("Part", bound=Model)


@dataclass(frozen=True)
class Resolution:
    """A job in which no name is left that something is registered by, but for those of datastores in URLs."""

    job: ParallelRunJob
    models: dict[str, str] = field(default_factory=dict)  # versions by registered name
    datasets: dict[str, str] = field(default_factory=dict)
    environment: str = ""  # name:version
    compute_target: str = ""
    queue_name: str = ""  # the Kueue queue of the compute target
    spot: bool = False
    used: tuple[Entry, ...] = ()  # what was put in, in the manifest's order


def resolve(job: ParallelRunJob, registry: Registry) -> Resolution:
    """``job`` with all that it names. Raises NotRegistered, and ManifestError where the two do not fit together."""
    spec = job.spec
    changes: dict[str, Any] = {}
    used: list[Entry] = []
    inputs, datasets = _inputs(spec.inputs, registry, used)
    models, versions = _models(spec.models, registry, used)
    changes |= {"inputs": inputs} if datasets else {}
    changes |= {"models": models} if versions else {}
    environment = target = ""
    if spec.environment.name is not None:
        entry = registry.refer("spec.environment.name", ENVIRONMENT, spec.environment.name)
        used.append(entry)
        environment = f"{entry.name}:{entry.version}"
        changes["environment"] = with_environment(spec.environment, typed(entry, EnvironmentSpec))
    queue, spot = "", False
    if spec.compute_target is not None:
        entry = registry.find("spec.computeTarget", COMPUTE_TARGET, spec.compute_target)
        used.append(entry)
        found = typed(entry, ComputeTargetSpec)
        target, queue, spot = entry.name, found.queue_name, found.spot
        changes |= of_compute_target(spec, found)
    if not used:
        return Resolution(job)
    merged = job.model_copy(update={"spec": spec.model_copy(update=changes)})
    _refuse_what_does_not_fit(merged)
    return Resolution(merged, versions, datasets, environment, target, queue, spot, tuple(used))


def _inputs(inputs: list[Input], registry: Registry, used: list[Entry]) -> tuple[list[Input], dict[str, str]]:
    merged, found = [], {}
    for number, one in enumerate(inputs):
        if one.dataset is not None:
            entry, spec = registry.dataset(f"spec.inputs[{number}].dataset", one.dataset)
            used.append(entry)
            found[entry.name] = entry.version
            merged.append(with_dataset(one, spec))
        else:
            merged.append(one)
    return merged, found


def _models(models: list[JobModel], registry: Registry, used: list[Entry]) -> tuple[list[JobModel], dict[str, str]]:
    merged, found = [], {}
    for number, one in enumerate(models):
        if one.path is None:
            entry = registry.find(f"spec.models[{number}].name", MODEL, one.name, one.version)
            used.append(entry)
            found[entry.name] = entry.version
            merged.append(with_model(one, typed(entry, ModelSpec)))
        else:
            merged.append(one)
    return merged, found


def with_dataset(one: Input, dataset: DatasetSpec) -> Input:
    """An input that names ``dataset``, with its paths and all that the input does not say itself."""
    paths = dataset.paths
    if dataset.datastore is not None:
        paths = [store_urls.below(dataset.datastore, path) for path in paths]
    return _with(
        one,
        dataset=None,
        paths=list(paths),
        type=one.type or dataset.type,
        partition_format=_first(one.partition_format, dataset.partition_format),
        table=_merged(one.table, dataset.table),
        mode=_first(one.mode, dataset.mode),
        allow_empty=_first(one.allow_empty, dataset.allow_empty),
        subset=_merged(one.subset, dataset.subset),
    )


def with_model(one: JobModel, model: ModelSpec) -> JobModel:
    """A listed model that has no path, with that of the registered one."""
    return _with(one, path=model.path, version=model.version, sha256=_first(one.sha256, model.sha256))


def with_environment(one: Environment, registered: EnvironmentSpec) -> Environment:
    """A job's environment, with all that it does not say itself. Packages are one field: pip, requirements or conda."""
    own = {variable.name for variable in one.env}
    merged = _with(
        one,
        name=None,
        image=_first(one.image, registered.image),
        image_pull_policy=_first(one.image_pull_policy, registered.image_pull_policy),
        image_pull_secrets=one.image_pull_secrets or registered.image_pull_secrets,
        env=[*(variable for variable in registered.env if variable.name not in own), *one.env],
    )
    if one.pip or one.requirements is not None or one.conda is not None:
        return merged
    return _with(merged, pip=registered.pip, requirements=registered.requirements, conda=registered.conda)


def of_compute_target(spec: ParallelRunJobSpec, target: ComputeTargetSpec) -> dict[str, Any]:
    """The fields of ``spec`` that ``target`` changes. A job never gets more nodes than the target has."""
    changes: dict[str, Any] = {
        "compute_target": None,
        "resources": Resources(
            requests={**target.resources.requests, **spec.resources.requests},
            limits={**target.resources.limits, **spec.resources.limits},
        ),
        "node_selector": {**target.node_selector, **spec.node_selector},
        "tolerations": [*spec.tolerations, *(one for one in target.tolerations if one not in spec.tolerations)],
        "priority_class_name": spec.priority_class_name or target.priority_class_name,
        "service_account_name": spec.service_account_name or target.service_account_name,
    }
    if target.max_nodes is not None:
        changes["node_count"] = min(spec.node_count, target.max_nodes)
        changes["max_node_count"] = min(spec.node_limit, target.max_nodes)
    if target.volume is not None and spec.volume.claim_name is None:
        changes["volume"] = Volume(claim_name=target.volume.claim_name)
    return changes


def _with(part: Part, **fields: Any) -> Part:
    return part.model_copy(update=fields)


def _first(own: Any, registered: Any) -> Any:
    return registered if own is None else own


def _merged(own: Part | None, registered: Part | None) -> Part | None:
    """Field by field; what is empty is not given."""
    if own is None or registered is None:
        return own or registered
    given = {name: getattr(own, name) for name in type(own).model_fields if getattr(own, name) not in (None, [], {})}
    for name, value in given.items():
        if isinstance(value, Mapping):
            given[name] = {**getattr(registered, name), **value}
    return registered.model_copy(update=given)


def _refuse_what_does_not_fit(job: ParallelRunJob) -> None:
    """Raise ManifestError where rules between fields are broken that now stand together."""
    document = job.model_dump(mode="json", by_alias=True, exclude_none=True)
    if problems := checks.problems(document):
        raise report(f"{job.metadata.name}, with what is registered", problems)
