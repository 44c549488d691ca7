"""``azureml.pipeline.steps``."""

from parallelrun.azureml.backend.support import refused_class
from parallelrun.azureml.pipeline.steps.parallel_run_config import ParallelRunConfig
from parallelrun.azureml.pipeline.steps.parallel_run_step import ParallelRunStep
from parallelrun.azureml.pipeline.steps.python_script_step import PythonScriptStep

__all__ = [
    "AutoMLStep",
    "CommandStep",
    "DataTransferStep",
    "DatabricksStep",
    "EstimatorStep",
    "HyperDriveStep",
    "ModuleStep",
    "MpiStep",
    "ParallelRunConfig",
    "ParallelRunStep",
    "PythonScriptStep",
    "RScriptStep",
]

_SCRIPT = "Make a program of it: PythonScriptStep(script_name, source_directory)."
AutoMLStep = refused_class("AutoMLStep", __name__, _SCRIPT)
CommandStep = refused_class("CommandStep", __name__, f"{_SCRIPT} It can start a command with subprocess.run.")
DatabricksStep = refused_class("DatabricksStep", __name__, _SCRIPT)
DataTransferStep = refused_class("DataTransferStep", __name__, "Jobs read and write object stores: name the URL.")
EstimatorStep = refused_class("EstimatorStep", __name__, _SCRIPT)
HyperDriveStep = refused_class("HyperDriveStep", __name__, _SCRIPT)
ModuleStep = refused_class("ModuleStep", __name__, _SCRIPT)
MpiStep = refused_class("MpiStep", __name__, "run(mini_batch) runs in parallel: ParallelRunStep.")
RScriptStep = refused_class("RScriptStep", __name__, _SCRIPT)
