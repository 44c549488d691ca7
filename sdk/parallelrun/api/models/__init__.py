"""The ParallelRunJob as pydantic models: the one source of the CRD, of the checks and of ``kubectl explain``."""

from parallelrun.api.models.environment import Environment, EnvVar
from parallelrun.api.models.inputs import Input, JobModel, SideInput, Table
from parallelrun.api.models.job import KIND, ParallelRunJob
from parallelrun.api.models.metadata import API_VERSION, GROUP, VERSION, Metadata
from parallelrun.api.models.output import CsvOptions, Output, ScriptOutput
from parallelrun.api.models.pod import RerunOf, Resources, Toleration, Volume
from parallelrun.api.models.source import Source
from parallelrun.api.models.spec import Advanced, ParallelRunJobSpec
from parallelrun.api.models.subset import Condition, Sample, Subset

__all__ = [
    "API_VERSION",
    "GROUP",
    "KIND",
    "VERSION",
    "Advanced",
    "Condition",
    "CsvOptions",
    "EnvVar",
    "Environment",
    "Input",
    "JobModel",
    "Metadata",
    "Output",
    "ParallelRunJob",
    "ParallelRunJobSpec",
    "RerunOf",
    "Resources",
    "Sample",
    "ScriptOutput",
    "SideInput",
    "Source",
    "Subset",
    "Table",
    "Toleration",
    "Volume",
]
