"""``azureml.core.run``: what runs of all kinds have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from parallelrun.azureml.backend.support import Refused, azure

if TYPE_CHECKING:
    from parallelrun.azureml.core.experiment import Experiment

_LOG = "A script logs with Run.get_context().log(name, value); its metrics are in the entry script's log."
_PIPELINE = "Submit a pipeline: Experiment(ws, name).submit(pipeline)."
#: Of ours: Azure's word for it.
STATUS = {
    "Waiting": "NotStarted",
    "Pending": "NotStarted",
    "Preparing": "Preparing",
    "Planning": "Running",
    "Running": "Running",
    "Finalizing": "Running",
    "Committing": "Running",
    "Suspended": "Queued",
    "Succeeded": "Finished",
    "Reused": "Finished",
    "Done": "Finished",
    "Failed": "Failed",
    "Aborted": "Failed",
    "Interrupted": "Failed",
    "Skipped": "Canceled",
    "Cancelled": "Canceled",
}
_DETAILS = {"Finished": "Completed"}


class Run:
    """A run, by its id; submitted runs are PipelineRuns."""

    def __init__(self, experiment: Experiment, run_id: str) -> None:
        self.experiment = experiment
        self.id = run_id

    @classmethod
    @azure(differs="Outside of a run's script: a run that writes what is logged to the screen.")
    def get_context(cls, allow_offline: bool = True, **_: Any) -> OfflineRun:
        """The run that this process is part of. In a run's script the worker's own Run answers."""
        return OfflineRun()

    get = Refused("Open it: experiment.get_runs() has the runs that were submitted; or parallelrun.Run.open(folder).")
    list = Refused("experiment.get_runs() lists them.")
    start_logging = Refused(_PIPELINE)
    submit_child = Refused(_PIPELINE)
    child_run = Refused(_PIPELINE)
    register_model = Refused("Fetch the file, and register it: Model.register(ws, model_path, model_name).")
    upload_file = Refused("Write it to a folder of the step's own: PipelineData(name) in its outputs and arguments.")
    upload_folder = Refused("Write it to a folder of the step's own: PipelineData(name) in its outputs and arguments.")
    log = Refused(_LOG)
    log_list = Refused(_LOG)
    log_row = Refused(_LOG)
    log_table = Refused(_LOG)
    log_image = Refused(_LOG)

    @property
    def name(self) -> str:
        """Its id."""
        return self.id

    @property
    def number(self) -> int:
        """Runs have no numbers: 0."""
        return 0

    @azure()
    def get_id(self) -> str:
        """Its id."""
        return self.id

    def _phase(self) -> str:
        raise NotImplementedError

    @property
    def status(self) -> str:
        """As get_status()."""
        return self.get_status()

    @azure()
    def get_status(self) -> str:
        """NotStarted, Preparing, Queued, Running, Finished, Failed or Canceled."""
        return STATUS.get(self._phase(), self._phase())

    @azure(differs="Fewer keys.")
    def get_details(self) -> dict[str, Any]:
        """runId, status and what is known beside it."""
        status = self.get_status()
        return {"runId": self.id, "status": _DETAILS.get(status, status)}

    @azure(differs="Metrics are in the logs.")
    def get_metrics(self, name: str | None = None) -> dict[str, Any]:
        """None: an empty dict."""
        return {}

    @azure()
    def get_tags(self) -> Mapping[str, str]:
        """As given when it was submitted."""
        return {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(Experiment: {self.experiment.name}, Id: {self.id}, Status: {self.get_status()})"

    def _repr_html_(self) -> str:
        import html

        cells = (self.experiment.name, self.id, type(self).__name__, self.get_status())
        shown = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
        heads = "".join(f"<th>{cell}</th>" for cell in ("Experiment", "Id", "Type", "Status"))
        return f"<table><tr>{heads}</tr><tr>{shown}</tr></table>"


class OfflineRun:
    """What ``Run.get_context()`` gives outside of a run's script."""

    id = "OfflineRun"

    def _say(self, name: str, value: Any) -> None:
        print(f"Attempted to log scalar metric {name}:\n{value}")

    def log(self, name: str, value: Any, description: str = "", step: int | None = None) -> None:
        """Print it."""
        self._say(name, value)

    def log_list(self, name: str, value: Any, description: str = "") -> None:
        """Print it."""
        self._say(name, value)

    def log_row(self, name: str, description: str = "", **columns: Any) -> None:
        """Print it."""
        self._say(name, columns)

    def complete(self) -> None:
        """Nothing to do."""

    @property
    def experiment(self) -> Any:
        """Raises AttributeError, as there."""
        raise AttributeError("an offline run has no experiment: use Workspace.from_config()")
