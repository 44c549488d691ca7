"""Parts of an Environment and of a RunConfiguration: attributes that have a meaning here, or are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from parallelrun.api import hints
from parallelrun.azureml.backend.support import NotAvailableHere, say_once

if TYPE_CHECKING:
    from parallelrun.azureml.core.conda_dependencies import CondaDependencies

_DOCKERFILE = "Build the image (docker build, push), and name it: env.docker.base_image = 'registry/image:tag'."


class Section:
    """Refuses attributes that it does not know, and what it knows to have no counterpart."""

    _refused: ClassVar[Mapping[str, str]] = {}  # by attribute: what to do instead
    _noted: ClassVar[Mapping[str, str]] = {}  # by attribute: why it changes nothing
    _known: ClassVar[Mapping[str, Any]] = {}  # by attribute: its default

    def __init__(self, **given: Any) -> None:
        self.__dict__.update(self._known)
        for name, value in given.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        kind = type(self).__name__
        default = self._known.get(name)
        if name in self._refused and value not in (None, default):
            raise NotAvailableHere(f"{kind}.{name} = {value!r} has no counterpart here.", self._refused[name])
        if name not in self._known and name not in self._refused and name not in self._noted:
            raise NotAvailableHere(f"{kind}.{name} is not known.", hints.known("attribute", name, self._known))
        if name in self._noted and value not in (None, default):
            say_once(f"{kind}.{name} = {value!r}: {self._noted[name]}")
        self.__dict__[name] = value

    def __repr__(self) -> str:
        said = {key: value for key, value in self.__dict__.items() if value != self._known.get(key)}
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in said.items())})"


class PythonSection(Section):
    """``environment.python``."""

    _known: ClassVar[Mapping[str, Any]] = {
        "user_managed_dependencies": False,
        "interpreter_path": "python",
        "conda_dependencies_file": None,
        "conda_dependencies": None,
        "base_conda_environment": None,
    }
    _refused: ClassVar[Mapping[str, str]] = {
        "base_conda_environment": "Export it: conda env export > conda.yml; Environment.from_conda_specification.",
        "interpreter_path": "The first python of the image's PATH is used.",
    }

    conda_dependencies: CondaDependencies
    user_managed_dependencies: bool

    def __init__(self, conda_dependencies: CondaDependencies) -> None:
        super().__init__(conda_dependencies=conda_dependencies)


class DockerSection(Section):
    """``environment.docker``."""

    _known: ClassVar[Mapping[str, Any]] = {
        "enabled": True,
        "base_image": None,
        "base_dockerfile": None,
        "gpu_support": True,
        "shared_volumes": True,
        "shm_size": None,
        "arguments": [],
        "platform": None,
        "base_image_registry": None,
    }
    _refused: ClassVar[Mapping[str, str]] = {
        "base_dockerfile": _DOCKERFILE,
        "arguments": "Name what pods need in a registered ComputeTarget: resources, nodeSelector, tolerations.",
        "base_image_registry": "Put the login into a Secret: imagePullSecrets of the registered Environment.",
    }
    _noted: ClassVar[Mapping[str, str]] = {
        "shm_size": "shared memory is the node's",
        "enabled": "in a cluster scripts always run in an image, and on this machine never",
    }

    base_image: str | None


class SparkSection(Section):
    """``environment.spark``: nothing here runs Spark."""

    _known: ClassVar[Mapping[str, Any]] = {"precache_packages": True, "repositories": [], "packages": []}
    _refused: ClassVar[Mapping[str, str]] = {
        "repositories": "Leave Spark out: scripts run in Python.",
        "packages": "Leave Spark out: scripts run in Python.",
    }
    _noted: ClassVar[Mapping[str, str]] = {"precache_packages": "nothing here runs Spark"}


class RSection(Section):
    """``environment.r``: scripts are in Python."""

    _refused: ClassVar[Mapping[str, str]] = {"r_version": "Scripts are in Python."}
