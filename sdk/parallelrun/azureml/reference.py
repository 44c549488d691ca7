"""Writes docs/reference/azureml.md: what of each class works, works differently, or is refused with which message.

    python -m parallelrun.azureml.reference docs/reference

The file is checked in; a test compares.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parallelrun.azureml.backend.support import MARK, Mark, Refused

WORKS, DIFFERS, REFUSED = "works", "works differently", "refused"
#: Modules of Azure ML, with their public classes.
PUBLIC: dict[str, tuple[str, ...]] = {
    "azureml.core": (
        *("Workspace", "Experiment", "Datastore", "Dataset", "Model", "Environment", "ComputeTarget", "Run"),
        *("RunConfiguration", "ScriptRunConfig", "Webservice", "Keyvault"),
    ),
    "azureml.core.compute": ("AmlCompute", "ComputeInstance", "AksCompute", "KubernetesCompute", "RemoteCompute"),
    "azureml.core.conda_dependencies": ("CondaDependencies",),
    "azureml.core.authentication": ("InteractiveLoginAuthentication", "ServicePrincipalAuthentication"),
    "azureml.data": ("FileDataset", "TabularDataset", "OutputFileDatasetConfig", "DataType"),
    "azureml.data.dataset_factory": ("FileDatasetFactory", "TabularDatasetFactory"),
    "azureml.data.dataset_consumption_config": ("DatasetConsumptionConfig",),
    "azureml.data.datapath": ("DataPath", "DataPathComputeBinding"),
    "azureml.data.data_reference": ("DataReference",),
    "azureml.pipeline.core": (
        *(
            "Pipeline",
            "PublishedPipeline",
            "PipelineData",
            "PipelineParameter",
            "StepSequence",
            "PipelineRun",
            "StepRun",
        ),
        *("StepRun", "PortDataReference", "Schedule", "PipelineEndpoint", "TrainingOutput"),
    ),
    "azureml.pipeline.steps": (
        *("ParallelRunConfig", "ParallelRunStep", "PythonScriptStep", "AutoMLStep", "CommandStep", "DatabricksStep"),
        *("DataTransferStep", "EstimatorStep", "HyperDriveStep", "ModuleStep", "MpiStep", "RScriptStep"),
    ),
    "azureml.widgets": ("RunDetails",),
}
#: What others make, and nobody constructs.
_MADE = ("FileDataset", "TabularDataset", "DataType", "PublishedPipeline", "StepRun", "PortDataReference", "Run")
_HEAD = """\
# Azure ML's SDK v1

<!-- Written by `python -m parallelrun.azureml.reference docs/reference`; do not edit. -->

What of its classes is in `parallelrun.azureml`, which stands for `azureml` in
`python -m parallelrun.azureml FILE.py` (or `FILE.ipynb`). *Works*: with the calls that it has there. *Works
differently*: with what is said beside it. *Refused*: the use raises an error, `NotAvailableHere`, that says what stands
here. Arguments that a signature there does not have either raise a `TypeError`.

A workspace is the folder of the nearest `config.json` (in `.azureml/` or `aml_config/` as well), else the current one.

| setting | meaning |
|---|---|
| `PARALLELRUN_TARGET` | `local` (default): pipelines run on this machine. `cluster`: in a namespace of a cluster |
| `PARALLELRUN_PACKAGES` | of local runs. `install` (default): what an environment lists and this Python \
lacks is installed. `present`: this Python's packages are used as they are |
| `"parallelrun": {...}` in `config.json` | `target` and `packages` as above, `namespace` and `context` of the \
cluster, `claim` (its volume, default `parallelrun`), `folder` (default `.parallelrun`) |
| `.parallelrun/vm_sizes.yaml` | what pods get for a VM size: `STANDARD_D2_V2: {cpu: 500m, memory: 1Gi, gpus: 0}` |

In `.parallelrun/` are `registered/` (a YAML file for each datastore, dataset, model, environment and compute target),
`volumes/` (folders that stand for claims), `pipelines/` (the manifests that pipelines become) and `submitted/` (which
runs there were).
"""


@dataclass(frozen=True)
class Row:
    """One class, method or attribute."""

    owner: str
    name: str  # "" of the class itself
    status: str
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        shown = f"`{self.owner}.{self.name}`" if self.name else f"`{self.owner}(...)`"
        text = " ".join(self.notes).replace("|", "\\|")
        return f"| {shown} | {self.status} | {text} |"


def rows() -> Iterator[tuple[str, Row]]:
    """(module, row) of everything that is public."""
    for module, names in PUBLIC.items():
        found = importlib.import_module(f"parallelrun.{module}")
        for name in names:
            for row in of_class(name, getattr(found, name)):
                yield module, row


def of_class(name: str, cls: type) -> Iterator[Row]:
    """A class, and what it has."""
    instead = cls.__dict__.get("INSTEAD")
    if instead is not None:
        yield Row(name, "", REFUSED, (instead,))
        return
    if name not in _MADE and _takes_arguments(cls):
        yield _row(name, "", inspect.getattr_static(cls, "__init__"))
    for attribute in sorted(_members(cls)):
        found = inspect.getattr_static(cls, attribute)
        if isinstance(found, Refused):
            yield Row(name, attribute, REFUSED, (found.instead,))
        elif callable(getattr(found, "__func__", found)) or isinstance(found, property):
            yield _row(name, attribute, found)


def _takes_arguments(cls: type) -> bool:
    made = inspect.getattr_static(cls, "__init__")
    return made is not object.__init__ and len(inspect.signature(made).parameters) > 1


def _members(cls: type) -> set[str]:
    ours = [one for one in cls.__mro__ if one.__module__.startswith("parallelrun.azureml")]
    return {name for one in ours for name in vars(one) if not name.startswith("_")}


def _row(owner: str, name: str, found: Any) -> Row:
    function = found.fget if isinstance(found, property) else getattr(found, "__func__", found)
    mark: Mark = getattr(function, MARK, None) or Mark()
    notes = [mark.differs] if mark.differs else []
    notes += [f"`{argument}` is refused: {instead}" for argument, instead in mark.refuses.items()]
    notes += [f"`{argument}`: {note}." for argument, note in mark.notes.items()]
    return Row(owner, name, DIFFERS if mark.differs else WORKS, tuple(notes))


def page() -> str:
    """docs/reference/azureml.md."""
    lines = [_HEAD]
    last = ""
    for module, row in rows():
        if module != last:
            lines += ["", f"## {module}", "", "| call | here | |", "|---|---|---|"]
            last = module
        lines.append(str(row))
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write it into the folder that is named."""
    (Path(sys.argv[1]) / "azureml.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
