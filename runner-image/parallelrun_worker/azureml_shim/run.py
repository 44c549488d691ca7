"""``azureml.core.Run`` for entry scripts: what the job is, and a place to log to."""

# The signatures are Azure ML's.
# ruff: noqa: ARG002, ARG003
from __future__ import annotations

import os

from parallelrun_worker.azureml_shim.unavailable import NotAvailableError

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any


class Run:
    """The job as Azure's scripts see their run; metrics go to the entry script log.

    Attributes: ``id``, ``parent`` (a Run), ``experiment``, ``input_datasets`` and ``output_datasets`` (name -> path),
    ``tags``, ``display_name``.
    """

    _config: dict[str, Any] = {}  # noqa: RUF012  # set once per process

    def __init__(self, is_parent: bool = False) -> None:
        job = self._config["job"]
        self.id: str = job["uid"] if is_parent else job["run_id"]
        self.name: str = job["name"]
        self.display_name = self.name
        self.tags = dict(job["tags"])
        self.experiment = Experiment(job["experiment"], job["namespace"])
        self.input_datasets = Datasets("input", self._config["inputs"], self._config["side_inputs"])
        self.output_datasets = Datasets("output", self._config["outputs"])
        self._is_parent = is_parent

    @classmethod
    def get_context(cls, allow_offline: bool = True, **options: Any) -> Run:
        """The run that this process works for."""
        return cls()

    @property
    def parent(self) -> Run:
        """The job as a whole."""
        return self if self._is_parent else Run(is_parent=True)

    def log(self, name: str, value: Any, description: str = "", step: Any = None) -> None:
        """Write a metric to the entry script log."""
        import logging

        logging.getLogger("azureml.metrics").info("%s = %s", name, value)

    def log_list(self, name: str, value: Any, description: str = "") -> None:
        """Write a list of metrics to the entry script log."""
        self.log(name, list(value), description)

    def log_row(self, name: str, description: str = "", **columns: Any) -> None:
        """Write a row of metrics to the entry script log."""
        self.log(name, columns, description)

    def log_table(self, name: str, value: Any, description: str = "") -> None:
        """Write a table of metrics to the entry script log."""
        self.log(name, value, description)

    def tag(self, key: str, value: Any = None) -> None:
        """Set a tag, for this process only."""
        self.tags[key] = value

    def set_tags(self, tags: dict[str, Any]) -> None:
        """Set tags, for this process only."""
        self.tags.update(tags)

    def get_details(self) -> dict[str, Any]:
        """What is known of the run."""
        return {"runId": self.id, "status": "Running", "tags": dict(self.tags)}

    def get_status(self) -> str:
        """A process that asks is running."""
        return "Running"

    def flush(self, timeout_seconds: float = 300) -> None:
        """Nothing is buffered."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotAvailableError(
            "Run.%s needs an Azure ML workspace, and there is none here: write files to a folder of spec.outputs, "
            "metrics with Run.log(name, value)" % name
        )

    def __repr__(self) -> str:
        return "Run(id=%r, job=%r, experiment=%r)" % (self.id, self.name, self.experiment.name)


class Place(str):
    """The path of named data; what only a dataset of Azure's could do says how it is done with a path."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotAvailableError(
            "input_datasets[...].%s: named data are a path here, %s; read it, as with pandas.read_csv(path)"
            % (name, str.__str__(self))
        )


class Datasets(dict):  # type: ignore[type-arg]
    """Paths of named data; an unknown name is answered with the names there are."""

    def __init__(self, kind: str, *named: dict[str, str]) -> None:
        super().__init__()
        self._kind = kind
        for paths in named:
            self.update({name: Place(path) for name, path in paths.items()})

    def __missing__(self, name: str) -> str:
        raise KeyError("the job has no %s %r; it has: %s" % (self._kind, name, ", ".join(sorted(self)) or "none"))


class Experiment:
    """``run.experiment``: its ``name`` and ``workspace``."""

    def __init__(self, name: str, namespace: str) -> None:
        self.name = name
        self.workspace = Workspace(namespace)

    def __repr__(self) -> str:
        return "Experiment(name=%r)" % self.name


class Workspace:
    """``run.experiment.workspace``: good to be passed on to Model; its ``name`` is the job's namespace."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.subscription_id = ""
        self.resource_group = ""
        self.location = os.environ.get("AZ_BATCH_NODE_ID", "")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotAvailableError(
            "Workspace.%s needs an Azure ML workspace, and there is none here: declare what the script needs in the "
            "manifest: spec.models, spec.sideInputs, spec.outputs" % name
        )

    def __repr__(self) -> str:
        return "Workspace(name=%r)" % self.name
