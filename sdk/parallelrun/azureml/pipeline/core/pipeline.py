"""``azureml.pipeline.core.pipeline``: steps, put together and run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.azureml.backend import compile, submitting
from parallelrun.azureml.backend.support import Refused, azure, say_once

if TYPE_CHECKING:
    from parallelrun.azureml.core.datastore import Datastore
    from parallelrun.azureml.core.workspace import Workspace
    from parallelrun.azureml.pipeline.core.run import PipelineRun

_REST = (
    "There is no REST endpoint of ours: make a ParallelRunPipelineRun, with kubectl or the API server's own REST API; "
    "or call published.submit(ws, experiment_name)."
)
_DEFAULT_NAME = "pipeline"


class Pipeline:
    """Steps of one pipeline. It becomes a ParallelRunPipeline when it is submitted."""

    @azure(
        refuses={"default_source_directory": "Say source_directory in ParallelRunConfig, or in PythonScriptStep."},
        notes={"resolve_closure": "steps whose outputs are read are always part of the pipeline"},
    )
    def __init__(
        self,
        workspace: Workspace,
        steps: Sequence[Any] | Any,
        description: str | None = None,
        default_datastore: Datastore | None = None,
        default_source_directory: str | None = None,
        resolve_closure: bool = True,
    ) -> None:
        self.workspace = workspace
        self.description = description
        self._steps = steps if isinstance(steps, list | tuple) else [steps]
        if default_datastore is not None:
            default_datastore.set_as_default()

    @azure(differs="Checks the manifest that the pipeline becomes; what is wrong is raised.")
    def validate(self) -> list[str]:
        """Check all that can be checked without looking at files; an empty list."""
        from parallelrun.client.pipeline import Pipeline as OurPipeline

        OurPipeline.from_manifest(self.compiled().document).validate()
        return []

    @azure(
        refuses={
            "parent_run_id": "Leave it out: runs have no parents.",
            "credential_passthrough": "Leave it out: data are read with the datastore's Secret.",
        }
    )
    def submit(
        self,
        experiment_name: str,
        pipeline_parameters: Mapping[str, Any] | None = None,
        continue_on_step_failure: bool = False,
        regenerate_outputs: bool = False,
        parent_run_id: str | None = None,
        credential_passthrough: bool = False,
    ) -> PipelineRun:
        """Run it, in an experiment of that name."""
        return submitting.submit(
            self, experiment_name, pipeline_parameters or {}, regenerate_outputs, continue_on_step_failure
        )

    @azure(
        differs="Writes the manifest, a file in .parallelrun/pipelines, to be run with parallelrun run or kept in a "
        "Git repository; in a cluster it is a ParallelRunPipeline, too. There is no REST endpoint.",
        refuses={"continue_on_step_failure": "Say it when a run is submitted."},
        notes={"version": "a new one of the same name takes its place"},
    )
    def publish(
        self,
        name: str | None = None,
        description: str | None = None,
        version: str | None = None,
        continue_on_step_failure: bool | None = None,
    ) -> PublishedPipeline:
        """Keep it under a name."""
        return PublishedPipeline(self, name or _DEFAULT_NAME, description or self.description)

    service_endpoint = Refused(_REST)
    load_yaml = Refused("parallelrun import azureml FILE.yml -o DIR makes our manifests of v2's YAML.")
    set_default_datastore = Refused("datastore.set_as_default() does it for the workspace.")

    def compiled(self, name: str = _DEFAULT_NAME, experiment: str = "") -> compile.Compiled:
        """The manifest, and what its steps are called."""
        return compile.pipeline(self.workspace, self._steps, name, experiment, self.description)

    def __repr__(self) -> str:
        return f"Pipeline({self._steps!r})"


class PublishedPipeline:
    """A pipeline that is kept under a name."""

    def __init__(self, pipeline: Pipeline, name: str, description: str | None) -> None:
        self._pipeline = pipeline
        self.name = name
        self.description = description
        self.id = compile.name_of(name)
        self.status = "Active"
        document = compile.to_keep(pipeline.compiled(name, name).document)
        if description:
            document["spec"]["description"] = description
        settings = pipeline.workspace._settings
        self.path: Path = settings.pipelines / f"{self.id}.yaml"
        from parallelrun.client.pipeline import Pipeline as OurPipeline

        ours = OurPipeline.from_manifest(document)
        ours.validate()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(ours.to_yaml(), encoding="utf-8")
        say_once(f"the pipeline is published as {self.path}")
        if settings.in_cluster:
            submitting.publish(pipeline.workspace, ours)

    @azure()
    def submit(
        self,
        workspace: Workspace,
        experiment_name: str,
        pipeline_parameters: Mapping[str, Any] | None = None,
        continue_on_step_failure: bool | None = None,
        parent_run_id: str | None = None,
    ) -> PipelineRun:
        """Run it, in an experiment of that name."""
        return submitting.submit(
            self._pipeline, experiment_name, pipeline_parameters or {}, False, bool(continue_on_step_failure)
        )

    endpoint = Refused(_REST)
    get = Refused("It is a ParallelRunPipeline: parallelrun.Pipeline.from_yaml(path), or kubectl get prp.")
    list = Refused("They are ParallelRunPipelines: kubectl get prp, or files in .parallelrun/pipelines.")
    enable = Refused("Publish it again.")

    @azure(differs="Removes the manifest; in a cluster: kubectl delete prp NAME.")
    def disable(self) -> None:
        """Forget it."""
        self.path.unlink(missing_ok=True)
        self.status = "Disabled"

    def __repr__(self) -> str:
        return f"PublishedPipeline(name={self.name!r}, id={self.id!r}, path={str(self.path)!r})"
