"""Which registered models a step in a cluster is to have, as far as its script and arguments name them.

Azure ML's scripts ask for models by names that no configuration lists. A pod reads nothing but what its job declares,
so the models whose names stand in the step's arguments, or anywhere in its Python files, are declared.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.api import source_files
from parallelrun.azureml.backend.sources import LEFT_OUT

if TYPE_CHECKING:
    from parallelrun.azureml.core.workspace import Workspace

Json = dict[str, Any]


def named(workspace: Workspace, directory: str, arguments: Iterable[str]) -> list[Json]:
    """``spec.models`` of a job with this source folder and these arguments; a laptop's jobs see all models anyway."""
    if not workspace._settings.in_cluster:
        return []
    registered = workspace._objects.newest("Model")
    if not registered:
        return []
    texts = [*arguments, *_programs(Path(directory))]
    return [{"name": name} for name in sorted(registered) if any(map(_naming(name).search, texts))]


def _naming(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w-])")


def _programs(folder: Path) -> Iterator[str]:
    for file in source_files.files(folder, lambda path: os.path.basename(path) in LEFT_OUT):
        if file.name.endswith(".py"):
            yield (folder / file.name).read_text(encoding="utf-8", errors="replace")
