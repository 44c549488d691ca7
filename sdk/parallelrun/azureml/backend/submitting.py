"""Has a pipeline run: in a process of its own here, or in the cluster."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from parallelrun.azureml.backend import compile, records
from parallelrun.azureml.backend.parameters import RUN
from parallelrun.azureml.backend.records import Record, StepRecord

if TYPE_CHECKING:
    from parallelrun.azureml.core.workspace import Workspace
    from parallelrun.azureml.pipeline.core.pipeline import Pipeline
    from parallelrun.azureml.pipeline.core.run import PipelineRun
    from parallelrun.client.pipeline import Pipeline as OurPipeline


def submit(
    pipeline: Pipeline,
    experiment: str,
    given: Mapping[str, Any],
    regenerate: bool,
    go_on: bool,
    tags: Mapping[str, str] | None = None,
) -> PipelineRun:
    """Run ``pipeline`` with these parameters. Raises ManifestError, UserErrorException and KubeError."""
    from parallelrun.azureml.core.experiment import Experiment
    from parallelrun.azureml.pipeline.core.run import PipelineRun
    from parallelrun.client.pipeline import Pipeline as OurPipeline

    workspace = pipeline.workspace
    settings = workspace._settings
    compiled = pipeline.compiled(experiment, experiment)
    if tags:
        compiled.document["spec"]["tags"] = {key: str(value) for key, value in tags.items()}
    run_id = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
    values = {**compiled.parameters.values(given), RUN: run_id}
    ours = OurPipeline.from_manifest(compiled.document)
    ours.validate()
    settings.pipelines.mkdir(parents=True, exist_ok=True)
    kept = OurPipeline.from_manifest(compile.to_keep(compiled.document))
    (settings.pipelines / f"{ours.name}.yaml").write_text(kept.to_yaml(), encoding="utf-8")
    if settings.in_cluster:
        started = ours.submit(
            values, settings.namespace, settings.context, regenerate=regenerate, continue_on_step_failure=go_on
        )
        where, place = "cluster", started.name
    else:
        settings.registered.mkdir(parents=True, exist_ok=True)  # nothing has to be registered
        started = ours.run_local(
            values,
            wait=False,
            regenerate=regenerate,
            continue_on_step_failure=go_on,
            register=[settings.registered],
            maps=workspace._files.maps(),
        )
        where, place = "local", str(started.folder)
    record = Record(
        id=run_id,
        experiment=experiment,
        where=where,
        run=place,
        submitted=time.time(),
        parameters={key: value for key, value in values.items() if key != RUN},
        tags={key: str(value) for key, value in (tags or {}).items()},
        steps=[_step(one, run_id) for one in compiled.steps],
    )
    records.keep(settings, record)
    return PipelineRun._of(Experiment(workspace, experiment), record, started)


def publish(workspace: Workspace, pipeline: OurPipeline) -> None:
    """Have the pipeline in the namespace, with the code of its steps."""
    from parallelrun.client.kube_calls import call
    from parallelrun.cluster import pipeline_submission
    from parallelrun.kube.client import Kube

    settings = workspace._settings

    async def work(kube: Kube) -> None:
        made = pipeline_submission.make(
            pipeline.to_yaml(),
            {},
            settings.namespace,
            kube.namespace,
            run=False,
            name=str(pipeline.base / "pipeline.yaml"),
        )
        await pipeline_submission.submit(kube, made)

    call(settings.place, work)


def _step(one: compile.Step, run_id: str) -> StepRecord:
    outputs = {
        output.name: {"key": output.key, "datastore": output.datastore, "path": output.path.replace("{run}", run_id)}
        for output in one.outputs
    }
    return StepRecord(one.step.name, one.name, outputs)
