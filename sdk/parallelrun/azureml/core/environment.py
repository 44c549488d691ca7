"""``azureml.core.environment``: image, packages and variables, registered by name and version."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.api.registry import Entry, NotRegistered
from parallelrun.azureml.backend import environments
from parallelrun.azureml.backend.sections import (
    DockerSection,
    PythonSection,
    RSection,
    SparkSection,
)
from parallelrun.azureml.backend.support import NotAvailableHere, Refused, azure
from parallelrun.azureml.core.conda_dependencies import CondaDependencies
from parallelrun.azureml.data.abstract_dataset import as_version
from parallelrun.azureml.exceptions import UserErrorException

if TYPE_CHECKING:
    from parallelrun.azureml.core.workspace import Workspace

_KIND = "Environment"
_CURATED = "AzureML-"
_BUILD = "Build the image yourself (docker build, push), and name it: env.docker.base_image = 'registry/image:tag'."

__all__ = ["CondaDependencies", "DockerSection", "Environment", "PythonSection"]


class Environment:
    """What a script runs in: ``docker.base_image``, ``python.conda_dependencies``, ``environment_variables``."""

    def __init__(self, name: str, **options: Any) -> None:
        for option in options:
            raise NotAvailableHere(f"Environment({option}=...) has no counterpart here.", "Set it on the object.")
        self.name = name
        self.version: int | str | None = None
        self.python = PythonSection(CondaDependencies())
        self.docker = DockerSection()
        self.spark = SparkSection()
        self.r: RSection | None = None
        self.environment_variables: dict[str, str] = {}
        self.inferencing_stack_version: str | None = None
        self.databricks: Any = None

    @staticmethod
    @azure(
        differs="azureml packages are left out; where conda has to install no more than Python and pip, so is conda, "
        "and the image's Python is used."
    )
    def from_conda_specification(name: str, file_path: str) -> Environment:
        """Of a conda environment file."""
        made = Environment(name)
        made.python.conda_dependencies = CondaDependencies(file_path)
        return made

    @staticmethod
    @azure(refuses={"pip_version": "Leave it out: packages are installed with uv, or the image's pip."})
    def from_pip_requirements(name: str, file_path: str, pip_version: str | None = None) -> Environment:
        """Of a requirements file."""
        lines = Path(file_path).read_text(encoding="utf-8").splitlines()
        wanted = [
            line.partition(" #")[0].strip() for line in lines if line.strip() and not line.strip().startswith("#")
        ]
        made = Environment(name)
        made.python.conda_dependencies = CondaDependencies.create(pip_packages=wanted)
        return made

    @staticmethod
    @azure(
        refuses={"container_registry": "Put the login into a Secret: imagePullSecrets of the registered Environment."}
    )
    def from_docker_image(
        name: str,
        image: str,
        container_registry: Any = None,
        conda_specification: str | None = None,
        pip_requirements: str | None = None,
    ) -> Environment:
        """Of an image, with packages on top of it."""
        made = Environment(name)
        if conda_specification is not None:
            made = Environment.from_conda_specification(name, conda_specification)
        elif pip_requirements is not None:
            made = Environment.from_pip_requirements(name, pip_requirements)
        made.docker.base_image = image
        return made

    from_docker_build_context = Refused(_BUILD)
    from_dockerfile = Refused(_BUILD)
    build = Refused(_BUILD)
    build_local = Refused(_BUILD)
    get_image_details = Refused("The image is env.docker.base_image; a job's status.resolved.image has its digest.")
    add_private_pip_wheel = Refused("Put the wheel beside the script, and list it: pip_packages=['./name.whl'].")
    from_existing_conda_environment = Refused("Export it: conda env export > conda.yml; then from_conda_specification.")
    load_from_directory = Refused("Environment.from_conda_specification(name, file) reads a conda file.")
    save_to_directory = Refused("env.python.conda_dependencies.save(path) writes a conda file.")

    @staticmethod
    @azure(differs="There are no curated environments.")
    def get(workspace: Workspace, name: str, version: int | str | None = None, label: str | None = None) -> Environment:
        """A registered environment, the newest version unless another is named."""
        if name.startswith(_CURATED):
            raise NotAvailableHere(
                f"Environment.get(name={name!r}): there are no curated environments here.",
                "Make one with the packages that the script imports: Environment(name), "
                "env.python.conda_dependencies = CondaDependencies.create(pip_packages=[...]).",
            )
        try:
            wanted = None if version is None else str(version)
            return _of(workspace, workspace._objects.find("Environment.get", _KIND, name, wanted))
        except NotRegistered as error:
            raise UserErrorException(str(error)) from None

    @staticmethod
    @azure()
    def list(workspace: Workspace) -> Mapping[str, Environment]:
        """As workspace.environments."""
        return workspace.environments

    @azure(differs="Becomes an Environment of ours; the same again is the same version.")
    def register(self, workspace: Workspace) -> Environment:
        """Register it under its name."""
        entry = workspace._objects.register(_KIND, self.name, environments.fields(self, workspace._settings))
        self.version = as_version(entry.version)
        return self

    @azure()
    def clone(self, new_name: str) -> Environment:
        """A copy under another name."""
        made = copy.deepcopy(self)
        made.name, made.version = new_name, None
        return made

    def __repr__(self) -> str:
        return f"Environment(name={self.name!r}, image={self.docker.base_image!r}, {self.python.conda_dependencies!r})"


def _of(workspace: Workspace, entry: Entry) -> Environment:
    spec = entry.document["spec"]
    made = Environment(entry.name)
    made.version = as_version(entry.version)
    made.docker.base_image = spec.get("image")
    made.environment_variables = {one["name"]: one.get("value", "") for one in spec.get("env") or []}
    made.python.conda_dependencies = environments.packages_of(spec, workspace._settings)
    return made
