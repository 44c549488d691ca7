"""From a pipeline's file on this machine to the objects that the API server is given, and a run of it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from parallelrun.api import source_files
from parallelrun.api.documents import read_documents
from parallelrun.api.errors import ManifestError
from parallelrun.api.models.metadata import API_VERSION
from parallelrun.api.models.pipeline import PIPELINE
from parallelrun.api.models.pipeline_run import PIPELINE_RUN
from parallelrun.api.shape import without_nulls
from parallelrun.cluster import packing, submission
from parallelrun.cluster.jobs import Observed
from parallelrun.cluster.pipelines import PipelineRun
from parallelrun.cluster.submitting import apply, own, refused
from parallelrun.kube import errors
from parallelrun.kube.client import Json, Kube
from parallelrun.local.pipelines import loading
from parallelrun.pipelines import bodies, parameters


@dataclass(frozen=True)
class PipelineSubmission:
    """What to apply: ``others``, then ``sources``, then the pipeline; then ``run`` is created."""

    namespace: str
    pipeline: Json | None  # None: the run brings it along
    run: Json | None  # None: only the pipeline is applied
    others: list[Json] = field(default_factory=list)
    sources: list[Json] = field(default_factory=list)  # ConfigMaps that were packed of source.directory

    @property
    def objects(self) -> list[Json]:
        """All, in order."""
        return [*self.others, *self.sources, *(one for one in (self.pipeline, self.run) if one is not None)]


def make(
    manifest: str | Path,
    given: Mapping[str, Any],
    namespace: str | None,
    default: str,
    *,
    run: bool = True,
    name: str = "pipeline.yaml",
    **spec: Any,
) -> PipelineSubmission:
    """Of a file, or of YAML text that is called ``name``, with the parameters ``given``.

    ``namespace``: what was said; ``default``: for what says none. ``spec``: more fields of the run's, such as
    ``regenerateOutputs``. Raises ManifestError and SourceError.
    """
    loaded = loading.load(manifest, name)
    documents = _documents(manifest, loaded.path)
    pipeline = next((one for one in documents if one.get("kind") == PIPELINE), None)
    written = next((one for one in documents if one.get("kind") == PIPELINE_RUN), None)
    inline = "pipelineSpec" in loaded.run
    said = next((_namespace_of(one) for one in (pipeline, written) if one is not None and _namespace_of(one)), None)
    chosen = submission.chosen_namespace(said, namespace, default)
    packed, sources = _packed(loaded.spec, loaded.path.absolute().parent, loaded.name, chosen)
    values = {**(loaded.run.get("parameters") or {}), **given}
    parameters.resolve(loaded.spec, values)  # said here, before anything is sent
    made = None
    if run:
        extra = {key: value for key, value in spec.items() if value not in (None, False, {})}
        named = {"pipelineSpec": packed} if inline else {"pipeline": {"name": loaded.name}}
        own_spec = {**loaded.run, **named, **({"parameters": values} if values else {}), **extra}
        made = _object(PIPELINE_RUN, _metadata(written, _run_name(written, loaded.name), chosen), own_spec)
    whole = None
    if not inline:
        whole = _object(PIPELINE, _metadata(pipeline, loaded.name, chosen), packed)
    others = [submission.in_namespace(one, chosen) for one in loaded.others]
    return PipelineSubmission(chosen, whole, made, others, sources)


async def submit(kube: Kube, made: PipelineSubmission, dry_run: bool = False) -> PipelineRun | None:
    """Apply all of it and create the run, if there is one; sources go with pipeline and run from then on.

    Raises ManifestError, and KubeError: Conflict where there is a run of that name already.
    """
    for one in (*made.others, *made.sources):
        await apply(kube, one, dry_run)
    owners = []
    if made.pipeline is not None:
        owners.append(Observed(await apply(kube, made.pipeline, dry_run)))
    run = None
    if made.run is not None:
        run = PipelineRun(await _create(kube, made.run, dry_run))
        owners.append(run)
    for config_map in made.sources if not dry_run else ():
        for owner in owners:
            await own(kube, config_map, owner)
    return run


async def rerun_failed(kube: Kube, earlier: PipelineRun) -> PipelineRun:
    """Create a run that goes on from ``earlier``: what succeeded is taken over. Raises KubeError and ManifestError."""
    kept = ("pipeline", "pipelineSpec", "parameters", "continueOnStepFailure")
    spec = {key: copy.deepcopy(value) for key, value in earlier.spec.items() if key in kept}
    labels = earlier.obj["metadata"].get("labels")
    meta: Json = {"name": new_name(earlier.pipeline or earlier.name), "namespace": earlier.namespace}
    meta |= {"labels": labels} if labels else {}
    return PipelineRun(
        await _create(kube, _object(PIPELINE_RUN, meta, {**spec, "rerunFailed": {"name": earlier.name}}), False)
    )


def new_name(pipeline: str) -> str:
    """``digits-x7k2p``: of a run that nobody named."""
    return f"{pipeline[: 62 - submission.RANDOM_LENGTH].rstrip('-')}-{submission.random()}"


def _documents(manifest: str | Path, other: Path) -> list[Json]:
    """Of the file, and of the one beside it that has its pipeline."""
    if isinstance(manifest, str) and "\n" in manifest:
        found = read_documents(manifest, "")
    else:
        path = Path(manifest)
        found = read_documents(path.read_text(encoding="utf-8-sig"), str(path))
        if path.absolute() != other.absolute():
            found += read_documents(other.read_text(encoding="utf-8-sig"), str(other))
    return [without_nulls(one.value) for one in found if isinstance(one.value, dict)]


def _namespace_of(document: Json) -> str | None:
    return (document.get("metadata") or {}).get("namespace")


def _metadata(document: Json | None, name: str, namespace: str) -> Json:
    kept = {key: value for key, value in ((document or {}).get("metadata") or {}).items() if key != "generateName"}
    return {**kept, "name": name, "namespace": namespace}


def _run_name(written: Json | None, pipeline: str) -> str:
    meta = (written or {}).get("metadata") or {}
    if meta.get("name"):
        return str(meta["name"])
    return new_name(str(meta.get("generateName") or pipeline).rstrip("-"))


def _object(kind: str, metadata: Json, spec: Json) -> Json:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def _packed(spec: Json, folder: Path, pipeline: str, namespace: str) -> tuple[Json, list[Json]]:
    """``spec`` with each step's source.directory as a ConfigMap, and these ConfigMaps, each once."""
    whole, made = copy.deepcopy(spec), {}
    for step in whole["steps"]:
        body = bodies.body(step)
        said = (body.get("source") or {}).get("directory")
        if said is None:
            continue
        field = f"step {step['name']}: source.directory"
        script = str(body.get("entryScript") or "")
        if "$(" in str(said):
            raise ManifestError(f"{field}: {said} is not known before the run.", "Write the folder's name itself.")
        directory = source_files.folder(field, folder / str(said))
        if script and "$(" not in script:
            packed = submission.pack(directory, script, pipeline, namespace, _is_program(step))
        else:
            packed = packing.config_map(packing.archive(directory), pipeline, namespace)
        made[packed["metadata"]["name"]] = packed
        step[bodies.kind(step)]["source"] = {"configMap": {"name": packed["metadata"]["name"]}}
    return whole, list(made.values())


def _is_program(step: Json) -> bool:
    return bodies.kind(step) == "script" or bodies.body(step).get("runOnce") is True


async def _create(kube: Kube, value: Json, dry_run: bool) -> Json:
    try:
        return await kube.create(value, dry_run)
    except errors.Invalid as error:
        raise refused(value, error) from error
