"""What the shim gives scripts: Model, Run and EntryScript that work, and the rest, which says what to do instead."""

from __future__ import annotations

from parallelrun_worker.azureml_shim import exceptions
from parallelrun_worker.azureml_shim.entry_script import EntryScript
from parallelrun_worker.azureml_shim.model import Model
from parallelrun_worker.azureml_shim.run import Run
from parallelrun_worker.azureml_shim.unavailable import unavailable

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any, Callable

_INSTEAD = {
    "Dataset": "declare the data under spec.inputs (what run gets) or spec.sideInputs (whole, on every node, its path "
    "as an argument: $(sideInputs.<name>))",
    "Datastore": "declare what the script reads under spec.sideInputs and what it writes under spec.outputs; their "
    "paths come as arguments: $(sideInputs.<name>), $(outputs.<name>)",
    "Workspace": "what the script needs of a workspace is declared in the manifest: spec.models, spec.sideInputs, "
    "spec.environment.env",
    "Experiment": "the job's experiment is spec.experiment; log with Run.get_context().log(name, value)",
}


def make(config: dict[str, Any], process: int, ask: Callable[[str, list[Any]], Any]) -> dict[str, Any]:
    """The classes by name, bound to this job."""
    Model._config, Model._ask = config, staticmethod(ask)
    Run._config = config
    EntryScript._config, EntryScript._process = config, process
    classes: dict[str, Any] = {"Model": Model, "Run": Run, "EntryScript": EntryScript}
    classes.update({name: unavailable(name, instead) for name, instead in _INSTEAD.items()})
    classes.update({name: getattr(exceptions, name) for name in exceptions.NAMES})
    return classes
