"""``azureml.pipeline.core.run``: runs of pipelines and of their steps."""

from __future__ import annotations

import builtins
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from parallelrun.api.errors import InputError, ParallelRunError
from parallelrun.azureml.backend.places import in_datastore
from parallelrun.azureml.backend.records import Record, StepRecord
from parallelrun.azureml.backend.support import Refused, azure
from parallelrun.azureml.core.run import Run
from parallelrun.azureml.exceptions import ActivityFailedException, UserErrorException

if TYPE_CHECKING:
    from parallelrun.azureml.core.datastore import Datastore
    from parallelrun.azureml.core.experiment import Experiment

_REST = "Publish the pipeline itself: pipeline.publish(name). Its manifest can be kept in a Git repository."
_OVER = ("Finished", "Failed", "Canceled")
_EVERY = 1.0
#: For the process of a run that has said how it ended.
_TO_END = 60.0


class PipelineRun(Run):
    """A run of a pipeline."""

    _record: Record
    _ours: Any
    _cancelled = False

    def __init__(self, experiment: Experiment, run_id: str, **_: Any) -> None:
        from parallelrun.azureml.backend import records

        found = next((one for one in records.all_runs(experiment.workspace._settings) if one.id == run_id), None)
        if found is None:
            raise UserErrorException(f"There is no run {run_id!r} of experiment {experiment.name!r}.")
        self._take(experiment, found, None)

    @classmethod
    def _of(cls, experiment: Experiment, record: Record, ours: Any = None) -> PipelineRun:
        made = object.__new__(cls)
        made._take(experiment, record, ours)
        return made

    def _take(self, experiment: Experiment, record: Record, ours: Any) -> None:
        super().__init__(experiment, record.id)
        self._record = record
        self._ours = ours if ours is not None else _opened(experiment, record)

    def _phase(self) -> str:
        phase = str(self._ours.phase)
        # Before it is prepared there is nothing that could say that it was cancelled.
        return "Cancelled" if phase == "Failed" and self._cancelled and not self._ours.steps else phase

    @property
    def tags(self) -> dict[str, str]:
        """As given when it was submitted."""
        return dict(self._record.tags)

    @azure()
    def get_tags(self) -> Mapping[str, str]:
        """As given when it was submitted."""
        return self.tags

    @azure(
        differs="Raises TimeoutError after timeout_seconds. An interrupt ends the waiting, not the run.",
    )
    def wait_for_completion(
        self, show_output: bool = True, timeout_seconds: float = float(2**63), raise_on_error: bool = True
    ) -> str:
        """Wait for its end; its status. Raises ActivityFailedException where a step failed."""
        deadline = time.monotonic() + timeout_seconds
        shown: dict[str, str] = {}
        if show_output:
            print(f"PipelineRunId: {self.id}\n{self._record.run}")
        while (status := self.get_status()) not in _OVER:
            if show_output:
                self._show(shown)
            if time.monotonic() >= deadline:
                raise TimeoutError(f"PipelineRun {self.id} still goes on: {status}.")
            try:
                self._ours.wait(timeout=max(0.0, min(_EVERY, deadline - time.monotonic())), check=False)
            except TimeoutError:
                continue
        if show_output:
            self._show(shown)
            print(f"PipelineRun Execution Summary\nPipelineRun Status: {status}\n{self.get_details()}")
        if status == "Failed" and raise_on_error:
            raise ActivityFailedException(self._why())
        return status

    def _show(self, shown: dict[str, str]) -> None:
        for step in self.get_steps():
            status = step.get_status()
            if shown.get(step.name) != status:
                shown[step.name] = status
                again = step._ours.reused_from if status == "Finished" else None
                reused = f" (reused from {again})" if again else ""
                print(f"StepRun {step.name}: {status}{reused}")

    def _why(self) -> str:
        try:
            self._ours.wait(timeout=_TO_END)
        except (ParallelRunError, TimeoutError) as error:
            return str(error)
        return f"PipelineRun {self.id} failed."

    @azure()
    def get_steps(self) -> Iterator[StepRun]:
        """Its steps' runs."""
        return iter([StepRun._of_run(self, one) for one in self._record.steps])

    @azure()
    def get_children(self, recursive: bool = False, **_: Any) -> Iterator[StepRun]:
        """As get_steps()."""
        return self.get_steps()

    @azure()
    def find_step_run(self, name: str) -> builtins.list[StepRun]:
        """The run of the step of a name, in a list; an empty one where there is none."""
        return [step for step in self.get_steps() if name in (step.name, step._step.name)]

    @azure()
    def cancel(self) -> None:
        """Stop it."""
        self._cancelled = True
        self._ours.cancel()

    @azure(differs="A folder, or the name of the object.")
    def get_portal_url(self) -> str:
        """Where the run is."""
        return self._record.run

    @azure(differs="Fewer keys.")
    def get_details(self) -> dict[str, Any]:
        """runId, status, parameters, tags and where the run is."""
        return {
            **super().get_details(),
            "properties": {"azureml.pipelineid": self._record.run},
            "parameters": dict(self._record.parameters),
            "tags": self.tags,
        }

    @azure()
    def get_pipeline_output(self, pipeline_output_name: str) -> PortDataReference:
        """The output of a name, of whichever step."""
        for step in self.get_steps():
            if pipeline_output_name in step._step.outputs:
                return step.get_output_data(pipeline_output_name)
        raise UserErrorException(f"No step has an output {pipeline_output_name!r}.")

    @azure(differs="Runs the steps that failed again; of parallel ones, the mini-batches that failed.")
    def rerun_failed(self) -> PipelineRun:
        """Not of Azure ML: go on from what succeeded."""
        from dataclasses import replace

        from parallelrun.azureml.backend import records

        again = self._ours.rerun_failed(wait=False)
        place = again.name if self._record.where == "cluster" else str(again.folder)
        record = replace(self._record, id=f"{self.id}-again", run=place, submitted=time.time())
        records.keep(self.experiment.workspace._settings, record)
        return PipelineRun._of(self.experiment, record, again)

    publish_pipeline = Refused(_REST)
    save = Refused("The manifest that it ran is pipeline.yaml in the run's folder.")
    get_graph = Refused("The manifest that it ran is pipeline.yaml in the run's folder.")
    complete = Refused("A run ends by itself.")


def _opened(experiment: Experiment, record: Record) -> Any:
    from parallelrun.client.pipeline_run import PipelineRun as OurRun

    settings = experiment.workspace._settings
    if record.where == "cluster":
        return OurRun.get(record.run, settings.namespace, settings.context)
    return OurRun.open(record.run)


class StepRun(Run):
    """A run of one step."""

    _run: PipelineRun
    _step: StepRecord

    @classmethod
    def _of_run(cls, run: PipelineRun, step: StepRecord) -> StepRun:
        made = object.__new__(cls)
        Run.__init__(made, run.experiment, f"{run.id}-{step.name}")
        made._run, made._step = run, step
        return made

    @property
    def name(self) -> str:
        """As the step was called."""
        return self._step.called

    @property
    def pipeline_run_id(self) -> str:
        """Of the pipeline's run."""
        return self._run.id

    @property
    def parent(self) -> PipelineRun:
        """The pipeline's run."""
        return self._run

    @property
    def _ours(self) -> Any:
        return self._run._ours.step(self._step.name)

    def _phase(self) -> str:
        if not self._run._ours.steps:  # it is still being prepared
            return "Waiting"
        return str(self._ours.phase)

    @azure()
    def get_output_data(self, name: str) -> PortDataReference:
        """What the step wrote to the output of a name."""
        if name not in self._step.outputs:
            known = ", ".join(self._step.outputs) or "none"
            raise UserErrorException(f"Step {self.name} has no output {name!r}; it has: {known}.")
        return PortDataReference(self, name)

    @azure()
    def get_output(self, name: str) -> PortDataReference:
        """As get_output_data(name)."""
        return self.get_output_data(name)

    @azure()
    def get_outputs(self) -> dict[str, PortDataReference]:
        """What the step wrote, by name."""
        return {name: PortDataReference(self, name) for name in self._step.outputs}

    @azure(differs="Raises TimeoutError after timeout_seconds.")
    def wait_for_completion(
        self, show_output: bool = True, timeout_seconds: float = float(2**63), raise_on_error: bool = True
    ) -> str:
        """Wait for its end; its status. Raises ActivityFailedException where it failed."""
        deadline = time.monotonic() + timeout_seconds
        while (status := self.get_status()) not in _OVER:
            if time.monotonic() >= deadline:
                raise TimeoutError(f"StepRun {self.name} still goes on: {status}.")
            time.sleep(min(_EVERY, max(0.0, deadline - time.monotonic())))
        if show_output:
            print(f"StepRun({self.name}) Execution Summary\nStepRun( {self.name} ) Status: {status}")
        if status == "Failed" and raise_on_error:
            raise ActivityFailedException(f"StepRun {self.name} failed: {self._ours.message}")
        return status

    @azure()
    def get_stdout_log(self) -> str:
        """What the script printed."""
        return str(self._ours.run.logs("stdout"))

    @azure()
    def get_stderr_log(self) -> str:
        """What the script printed as errors."""
        return str(self._ours.run.logs("stderr"))

    @azure()
    def get_job_log(self) -> str:
        """What parallelrun logged."""
        return str(self._ours.run.logs("sys"))

    @azure()
    def get_file_names(self) -> builtins.list[str]:
        """The logs and reports of the run's folder."""
        folder = self._files()
        return sorted(os.path.relpath(file, folder) for file in _logs(folder))

    @azure(refuses={"_validate_checksum": "Leave it out."})
    def download_file(self, name: str, output_file_path: str | None = None, _validate_checksum: bool = False) -> None:
        """Fetch one of get_file_names()."""
        import shutil

        found = self._files() / name
        if not found.is_file():
            raise UserErrorException(f"StepRun {self.name} has no file {name!r}; see get_file_names().")
        target = Path(output_file_path or os.path.basename(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(found, target / os.path.basename(name) if target.is_dir() else target)

    @azure(refuses={"output_paths": "Say output_directory.", "append_prefix": "Leave it out."})
    def download_files(
        self,
        prefix: str | None = None,
        output_directory: str | None = None,
        output_paths: Any = None,
        batch_size: int = 100,
        append_prefix: bool | None = None,
    ) -> None:
        """Fetch those of get_file_names() that begin so."""
        for name in self.get_file_names():
            if name.startswith(prefix or ""):
                self.download_file(name, os.path.join(output_directory or ".", name))

    @azure()
    def get_all_logs(self, destination: str | None = None) -> builtins.list[str]:
        """Fetch all of get_file_names(); their paths."""
        folder = destination or f"{self.id}-logs"
        self.download_files(output_directory=folder)
        return [os.path.join(folder, name) for name in self.get_file_names()]

    @azure(differs="Fewer keys.")
    def get_details_with_logs(self) -> dict[str, Any]:
        """get_details(), with what the script printed."""
        return {**self.get_details(), "logs": {"stdout": self.get_stdout_log(), "stderr": self.get_stderr_log()}}

    cancel = Refused("Cancel the pipeline's run: pipeline_run.cancel().")
    get_inputs = Refused("They are in the manifest: pipeline.yaml in the run's folder.")

    def _files(self) -> Path:
        run = self._ours.run
        if self._run._record.where == "cluster":
            import tempfile

            return Path(run.download(tempfile.mkdtemp(prefix="parallelrun-")))
        return Path(run.folder)


def _logs(folder: Path) -> Iterator[Path]:
    for name in ("job_result.json",):
        if (folder / name).is_file():
            yield folder / name
    for at, _, names in os.walk(folder / "logs"):
        yield from (Path(at, name) for name in names)


class PortDataReference:
    """What a step wrote to one of its outputs."""

    def __init__(self, step: StepRun, name: str) -> None:
        self._step = step
        self.name = name
        self._said = step._step.outputs[name]

    @property
    def datastore(self) -> Datastore:
        """The datastore that it is in."""
        from parallelrun.azureml.core.datastore import Datastore

        return Datastore.get(self._step.experiment.workspace, self._said["datastore"])

    @property
    def path_on_datastore(self) -> str:
        """The folder in the datastore; where the step's result was reused, that of the earlier run."""
        ours = self._step._ours
        place = ours.outputs.get(self._said["key"]) if ours.reused_from else None
        if place is None:
            return self._said["path"]
        return in_datastore(self._step.experiment.workspace, self._said["datastore"], place)

    @property
    def path_on_compute(self) -> str:
        """The same as path_on_datastore."""
        return self.path_on_datastore

    @property
    def data_reference_name(self) -> str:
        """Its name."""
        return self.name

    @azure()
    def download(self, local_path: str, overwrite: bool | None = None, show_progress: bool | None = None) -> int:
        """Fetch the folder to local_path/path_on_datastore; how many files."""
        status = self._step.get_status()
        if status != "Finished":
            raise InputError(f"Step {self._step.name} has no output yet: its status is {status}.", "Wait for it.")
        return self.datastore.download(local_path, self.path_on_datastore, overwrite=bool(overwrite))

    @azure()
    def as_mount(self) -> Self:
        """The same."""
        return self

    as_dataset = Refused("Make a dataset of it: Dataset.File.from_files((output.datastore, output.path_on_datastore)).")

    def __repr__(self) -> str:
        return f"PortDataReference({self.name!r}, {self._said['datastore']!r}, {self.path_on_datastore!r})"
