"""``azureml.core.experiment``: runs that belong together."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from parallelrun.azureml.backend import records, submitting
from parallelrun.azureml.backend.support import NotAvailableHere, Refused, azure

if TYPE_CHECKING:
    from parallelrun.azureml.core.workspace import Workspace
    from parallelrun.azureml.pipeline.core.run import PipelineRun


class Experiment:
    """A name that groups runs; of jobs it is spec.experiment."""

    @azure(refuses={"_create_in_cloud": "Leave it out."})
    def __init__(
        self, workspace: Workspace, name: str, _skip_name_validation: bool = False, _create_in_cloud: bool = True
    ):
        self.workspace = workspace
        self.name = name
        self.id = name

    @azure(
        differs="Pipelines only. The run goes on in a process of its own, or in the cluster.",
    )
    def submit(
        self,
        config: Any,
        tags: Mapping[str, str] | None = None,
        pipeline_parameters: Mapping[str, Any] | None = None,
        continue_on_step_failure: bool = False,
        regenerate_outputs: bool = False,
        **options: Any,
    ) -> PipelineRun:
        """Run a pipeline."""
        from parallelrun.azureml.pipeline.core.pipeline import Pipeline, PublishedPipeline

        for option in options:
            raise NotAvailableHere(f"Experiment.submit({option}=...) has no counterpart here.", "Leave it out.")
        if isinstance(config, PublishedPipeline):
            config = config._pipeline
        if not isinstance(config, Pipeline):
            raise NotAvailableHere(
                f"Experiment.submit(config={type(config).__name__}) has no counterpart here.",
                "Put steps into a Pipeline: Pipeline(workspace, steps=[PythonScriptStep(...)]).",
            )
        return submitting.submit(
            config, self.name, pipeline_parameters or {}, regenerate_outputs, continue_on_step_failure, tags
        )

    @azure(
        differs="Those that were submitted from this folder; kubectl get prpr lists all of a namespace.",
        refuses={"type": "Leave it out: all are pipelines' runs.", "properties": "Choose from the runs."},
    )
    def get_runs(
        self, type: Any = None, tags: Any = None, properties: Any = None, include_children: bool = False
    ) -> Iterator[PipelineRun]:
        """Its runs, the newest first."""
        from parallelrun.azureml.pipeline.core.run import PipelineRun

        for record in records.of_experiment(self.workspace._settings, self.name):
            if tags is None or all(record.tags.get(key) == value for key, value in dict(tags).items()):
                yield PipelineRun._of(self, record)

    @staticmethod
    @azure(differs="Those that runs were submitted to from this folder.")
    def list(workspace: Workspace, experiment_name: str | None = None) -> builtins.list[Experiment]:
        """Those that runs were submitted to."""
        names = [name for name in records.experiments(workspace._settings) if experiment_name in (None, name)]
        return [Experiment(workspace, name) for name in names]

    start_logging = Refused("Runs are of pipelines: experiment.submit(pipeline). A script logs with Run.get_context().")
    archive = Refused("Delete the run's folder, or in a cluster the object: kubectl delete prpr NAME.")
    delete = Refused("Delete the run's folder, or in a cluster the object: kubectl delete prpr NAME.")
    tag = Refused("Give tags when a run is submitted: experiment.submit(pipeline, tags={...}).")
    get_portal_url = Refused("Watch a run with RunDetails(run).show(), parallelrun watch, or kubectl get prpr.")

    def __repr__(self) -> str:
        return f"Experiment(Name: {self.name}, Workspace: {self.workspace.name})"


class Experiments(Mapping[str, Experiment]):
    """``workspace.experiments``: by name; listed are those that runs were submitted to."""

    def __init__(self, workspace: Workspace, make: Any) -> None:
        self._workspace = workspace
        self._make = make

    def __getitem__(self, name: str) -> Experiment:
        made: Experiment = self._make(self._workspace, name)
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(records.experiments(self._workspace._settings))

    def __len__(self) -> int:
        return len(records.experiments(self._workspace._settings))
