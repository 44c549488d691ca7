"""``azureml.core.Model`` for entry scripts: where a model is on this node."""

# The signatures are Azure ML's.
# ruff: noqa: ARG002, ARG003
from __future__ import annotations

import os

from parallelrun_worker.azureml_shim.exceptions import ModelNotFoundException
from parallelrun_worker.azureml_shim.unavailable import NotAvailableError

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any, Callable


class Model:
    """A model of the job: listed under ``spec.models``, or registered and found by name when the script asks.

    Attributes: ``name``, ``version`` (int where it is a number), ``path``.
    """

    _config: dict[str, Any] = {}  # noqa: RUF012  # set once per process, with _ask
    _ask: Callable[[str, list[Any]], Any]

    def __init__(self, workspace: Any = None, name: str = "", version: Any = None, **options: Any) -> None:
        self.name = name
        self.path, known = Model._find(name, version)
        self.version = int(known) if known.isdigit() else known

    @staticmethod
    def get_model_path(model_name: str, version: Any = None, _workspace: Any = None) -> str:
        """The path of a model's file, or of its folder. Raises ModelNotFoundException."""
        return Model._find(model_name, version)[0]

    @staticmethod
    def _find(name: str, version: Any) -> tuple[str, str]:
        """Path and version. Raises ModelNotFoundException."""
        listed = Model._config["models"].get(name)
        if listed is not None and (version is None or str(version) == str(listed["version"])):
            return str(listed["path"]), str(listed["version"])
        path, found = Model._ask("model", [name, None if version is None else str(version)])
        if path is None:
            raise ModelNotFoundException(found)
        return str(path), str(found)

    def download(self, target_dir: str = ".", exist_ok: bool = False, **options: Any) -> str:
        """Link the model into ``target_dir`` and return its path there. Raises FileExistsError unless ``exist_ok``."""
        os.makedirs(target_dir, exist_ok=True)
        target = os.path.join(target_dir, os.path.basename(os.path.normpath(self.path)))
        if not (exist_ok and os.path.lexists(target)):
            os.symlink(os.path.abspath(self.path), target)
        return target

    @classmethod
    def register(cls, *arguments: Any, **options: Any) -> Any:
        """Not from an entry script."""
        raise NotAvailableError(
            "Model.register() needs an Azure ML workspace, and there is none here: write the model to a folder of "
            "spec.outputs and register that when the job is done"
        )

    def __repr__(self) -> str:
        return "Model(name=%r, version=%r, path=%r)" % (self.name, self.version, self.path)
