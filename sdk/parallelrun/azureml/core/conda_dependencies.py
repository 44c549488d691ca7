"""``azureml.core.conda_dependencies``: lists of packages."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from parallelrun.api.errors import InputError
from parallelrun.azureml.backend.support import azure

CONDA_FILE = "conda_dependencies.yml"
_NAME = "project_environment"
_PYTHON = "python"


class CondaDependencies:
    """Packages of conda and pip, as a conda environment file has them."""

    DEFAULT_NUMBER_OF_CONDA_PACKAGES = 0

    def __init__(
        self, conda_dependencies_file_path: str | None = None, _underlying_structure: dict[str, Any] | None = None
    ) -> None:
        if _underlying_structure is not None:
            read: Any = _underlying_structure
        elif conda_dependencies_file_path is not None:
            import yaml

            read = yaml.safe_load(Path(conda_dependencies_file_path).read_text(encoding="utf-8"))
            if not isinstance(read, dict):
                raise InputError(f"{conda_dependencies_file_path} is no conda environment file.", "It is a YAML map.")
        else:
            read = {}
        self._others = {key: value for key, value in read.items() if key not in ("dependencies", "channels")}
        self._channels = [str(one) for one in read.get("channels") or []]
        self._conda = [str(one) for one in read.get("dependencies") or [] if not isinstance(one, dict)]
        self._pip = [
            str(text) for one in read.get("dependencies") or [] if isinstance(one, dict) for text in one["pip"]
        ]

    @staticmethod
    @azure(
        refuses={"pip_indexurl": "Set PIP_INDEX_URL, or UV_INDEX_URL, where packages are installed."},
        notes={"pin_sdk_version": "azureml packages are not needed, and left out"},
    )
    def create(
        pip_indexurl: str | None = None,
        pip_packages: Iterable[str] | None = None,
        conda_packages: Iterable[str] | None = None,
        python_version: str | None = None,
        pin_sdk_version: bool = True,
    ) -> CondaDependencies:
        """Of lists of packages."""
        made = CondaDependencies()
        if python_version is not None:
            made.set_python_version(python_version)
        for package in conda_packages or []:
            made.add_conda_package(package)
        for package in pip_packages or []:
            made.add_pip_package(package)
        return made

    @azure()
    def add_pip_package(self, pip_package: str) -> None:
        """Add a package of pip, in place of the same one with another version."""
        self._pip = [one for one in self._pip if _base(one) != _base(pip_package)] + [pip_package]

    @azure()
    def add_conda_package(self, conda_package: str) -> None:
        """Add a package of conda, in place of the same one with another version."""
        self._conda = [one for one in self._conda if _base(one) != _base(conda_package)] + [conda_package]

    @azure()
    def remove_pip_package(self, pip_package: str) -> None:
        """Take a package of pip out."""
        self._pip = [one for one in self._pip if _base(one) != _base(pip_package)]

    @azure()
    def remove_conda_package(self, conda_package: str) -> None:
        """Take a package of conda out."""
        self._conda = [one for one in self._conda if _base(one) != _base(conda_package)]

    @azure()
    def add_channel(self, channel: str) -> None:
        """Add a channel of conda."""
        self._channels += [] if channel in self._channels else [channel]

    @azure()
    def set_python_version(self, version: str) -> None:
        """Say which Python; it needs an image with conda, or an image that has it."""
        self.add_conda_package(f"{_PYTHON}={version}")

    @azure()
    def set_pip_option(self, pip_option: str) -> None:
        """Add a line such as --extra-index-url."""
        self._pip += [] if pip_option in self._pip else [pip_option]

    @azure()
    def set_pip_requirements(self, pip_requirements: Iterable[str]) -> None:
        """Let these be the packages of pip."""
        self._pip = list(pip_requirements)

    @property
    def pip_packages(self) -> list[str]:
        """Packages of pip."""
        return [one for one in self._pip if not one.startswith("-")]

    @property
    def pip_options(self) -> list[str]:
        """Lines such as --extra-index-url."""
        return [one for one in self._pip if one.startswith("-")]

    @property
    def conda_packages(self) -> list[str]:
        """Packages of conda, Python among them."""
        return list(self._conda)

    @property
    def conda_channels(self) -> list[str]:
        """Channels of conda."""
        return list(self._channels)

    @property
    def python_version(self) -> str | None:
        """The Python that was asked for."""
        return self.get_python_version()

    @azure()
    def get_python_version(self) -> str | None:
        """The Python that was asked for."""
        found = next((one for one in self._conda if _base(one) == _PYTHON), None)
        return None if found is None else re.sub(r"^python\s*[=<>!~]*", "", found) or None

    @azure()
    def as_dict(self) -> dict[str, Any]:
        """As a conda environment file has it."""
        pip: list[Any] = [{"pip": list(self._pip)}] if self._pip else []
        channels = {"channels": self._channels} if self._channels else {}
        return {"name": _NAME, **self._others, **channels, "dependencies": [*self._conda, *pip]}

    @azure()
    def serialize_to_string(self) -> str:
        """The text of a conda environment file."""
        import yaml

        return yaml.safe_dump(self.as_dict(), sort_keys=False)

    @azure()
    def save_to_file(self, base_directory: str, conda_file_path: str | None = None) -> str:
        """Write a conda environment file into a folder; its name."""
        name = conda_file_path or CONDA_FILE
        Path(base_directory, name).write_text(self.serialize_to_string(), encoding="utf-8")
        return name

    @azure()
    def save(self, path: str | None = None) -> str:
        """Write a conda environment file; its path."""
        target = Path(path or CONDA_FILE)
        if target.is_dir():
            target = target / CONDA_FILE
        target.write_text(self.serialize_to_string(), encoding="utf-8")
        return os.fspath(target)

    def __repr__(self) -> str:
        return f"CondaDependencies(conda={self._conda}, pip={self._pip})"


def _base(package: str) -> str:
    """The name of a package without version, channel and extras, as it is compared."""
    name = re.split(r"[\s=<>!~\[;@]", package.rpartition("::")[2].strip(), maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()
