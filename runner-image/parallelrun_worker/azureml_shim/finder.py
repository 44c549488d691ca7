"""Finds ``azureml...`` modules: ours where they have to be ours, the real ones otherwise.

Real modules that we replace a name in are loaded as they are and then given ours, so that whatever else they hold
stays. A package that is not installed, or cannot be imported here, is made up, with the names that scripts import.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec, PathFinder

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Callable

#: Module -> the names in it that are ours even where the real package is installed.
_ALWAYS = {
    "azureml.core": ("Model", "Run"),
    "azureml.core.model": ("Model",),
    "azureml.core.run": ("Run",),
    "azureml_user.parallel_run": ("EntryScript",),
    "azureml_user.parallel_run.entry_script": ("EntryScript",),
}
#: Module -> the names in it that exist here where the real package does not.
_OTHERWISE = {
    "azureml": (),
    "azureml.core": ("Dataset", "Datastore", "Experiment", "Workspace"),
    "azureml.core.dataset": ("Dataset",),
    "azureml.core.datastore": ("Datastore",),
    "azureml.core.experiment": ("Experiment",),
    "azureml.core.workspace": ("Workspace",),
    "azureml.exceptions": ("AzureMLException", "ModelNotFoundException", "UserErrorException", "WebserviceException"),
    "azureml_user": (),
    "azureml_user.parallel_run": (),
}
_PACKAGES = ("azureml", "azureml.core", "azureml_user", "azureml_user.parallel_run")


class Finder:
    """A meta path finder, and the loader of what it finds."""

    def __init__(self, config: dict[str, Any], process: int, ask: Callable[[str, list[Any]], Any]) -> None:
        self._arguments = (config, process, ask)
        self._names: dict[str, Any] = {}

    @classmethod
    def install(cls, config: dict[str, Any], process: int, ask: Callable[[str, list[Any]], Any]) -> None:
        """Put one in front of all other finders, in place of one that was there before."""
        sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, cls)]
        sys.meta_path.insert(0, cls(config, process, ask))

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Of the protocol of finders."""
        if not name.startswith("azureml") or (name not in _ALWAYS and name not in _OTHERWISE):
            return None
        real = PathFinder.find_spec(name, path, target)
        if real is None or real.loader is None:
            # Not installed, or a namespace package: what is installed of it goes on being found.
            spec = ModuleSpec(name, self, is_package=name in _PACKAGES)  # type: ignore[arg-type]
            if name in _PACKAGES and real is not None and real.submodule_search_locations is not None:
                spec.submodule_search_locations = list(real.submodule_search_locations)
            return spec
        if name in _ALWAYS:
            self._add_after(real.loader, name)
        return real

    def create_module(self, spec: ModuleSpec) -> None:
        """Of the protocol of loaders: an ordinary module will do."""

    def exec_module(self, module: ModuleType) -> None:
        """Fill a module that is not installed."""
        for name in _ALWAYS.get(module.__name__, ()) + _OTHERWISE.get(module.__name__, ()):
            setattr(module, name, self._name(name))
        if module.__name__ == "azureml.core":
            module.VERSION = "1.0.0"  # type: ignore[attr-defined]

    def _add_after(self, loader: Any, module_name: str) -> None:
        """Let the real module load, then replace the names that are ours; all of it is ours where it cannot load."""
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            try:
                execute(module)
            except ImportError as error:
                # Old packages need what newer interpreters lack; scripts want no more than what is ours.
                sys.stderr.write("%s cannot be imported (%s): parallelrun stands for it\n" % (module_name, error))
                self.exec_module(module)
                return
            for name in _ALWAYS[module_name]:
                setattr(module, name, self._name(name))

        loader.exec_module = exec_module

    def _name(self, name: str) -> Any:
        if not self._names:
            from parallelrun_worker.azureml_shim.classes import make

            self._names = make(*self._arguments)
        return self._names[name]
