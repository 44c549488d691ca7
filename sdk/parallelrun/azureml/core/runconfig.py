"""``azureml.core.runconfig``: what a PythonScriptStep runs in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from parallelrun.azureml.backend.sections import DockerSection, Section
from parallelrun.azureml.backend.support import NotAvailableHere, refused_class
from parallelrun.azureml.core.conda_dependencies import CondaDependencies
from parallelrun.azureml.core.environment import Environment

__all__ = [
    "DEFAULT_CPU_IMAGE",
    "DEFAULT_GPU_IMAGE",
    "CondaDependencies",
    "DockerConfiguration",
    "DockerSection",
    "MpiConfiguration",
    "RunConfiguration",
]

DEFAULT_CPU_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04"
DEFAULT_GPU_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-cuda11.1-cudnn8-ubuntu20.04"


class DockerConfiguration(Section):
    """``run_config.docker``."""

    _known: ClassVar[Mapping[str, Any]] = {
        "use_docker": False,
        "shared_volumes": True,
        "arguments": [],
        "shm_size": None,
    }
    _refused: ClassVar[Mapping[str, str]] = {
        "arguments": "Name what pods need in a registered ComputeTarget: resources, nodeSelector."
    }
    _noted: ClassVar[Mapping[str, str]] = {
        "shm_size": "shared memory is the node's",
        "use_docker": "in a cluster scripts always run in an image, and on this machine never",
    }


class RunConfiguration:
    """What a program runs in: ``environment``, ``target``, ``environment_variables``."""

    def __init__(self, script: Any = None, conda_dependencies: CondaDependencies | None = None, **options: Any) -> None:
        if script is not None or options:
            named = next(iter(options), "script")
            raise NotAvailableHere(
                f"RunConfiguration({named}=...) has no counterpart here.",
                "Name script and arguments in PythonScriptStep.",
            )
        self.environment = Environment("run_config")
        if conda_dependencies is not None:
            self.environment.python.conda_dependencies = conda_dependencies
        self.target: Any = None
        self.docker = DockerConfiguration()
        self.environment_variables: dict[str, str] = {}
        self.auto_prepare_environment = True
        self.node_count = 1

    def __repr__(self) -> str:
        return f"RunConfiguration(target={self.target!r}, environment={self.environment!r})"


MpiConfiguration = refused_class(
    "MpiConfiguration", __name__, "A program of a PythonScriptStep runs once; run(mini_batch) runs in parallel."
)
