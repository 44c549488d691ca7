"""``azureml.core``."""

from parallelrun.azureml.backend.support import refused_class
from parallelrun.azureml.core.compute import ComputeTarget
from parallelrun.azureml.core.dataset import Dataset
from parallelrun.azureml.core.datastore import Datastore
from parallelrun.azureml.core.environment import Environment
from parallelrun.azureml.core.experiment import Experiment
from parallelrun.azureml.core.model import Model
from parallelrun.azureml.core.run import Run
from parallelrun.azureml.core.runconfig import RunConfiguration
from parallelrun.azureml.core.workspace import Workspace

__all__ = [
    "VERSION",
    "ComputeTarget",
    "Dataset",
    "Datastore",
    "Environment",
    "Experiment",
    "Keyvault",
    "Model",
    "Run",
    "RunConfiguration",
    "ScriptRunConfig",
    "Webservice",
    "Workspace",
]

#: Of the SDK that these classes stand for.
VERSION = "1.60.0"
ScriptRunConfig = refused_class(
    "ScriptRunConfig", __name__, "Make a step of it: PythonScriptStep(script_name, source_directory), in a Pipeline."
)
Webservice = refused_class("Webservice", __name__, "Web services are no part of this: run a job when there is data.")
Keyvault = refused_class(
    "Keyvault", __name__, "Put it into a Secret of the namespace: environment.env[].valueFrom.secretKeyRef."
)
