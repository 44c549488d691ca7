"""What every part of one agent knows: the job's folder and settings, the node it acts for, the leases, the plan."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from parallelrun.api import layout, web_addresses
from parallelrun.api.settings import InputSettings, JobSettings
from parallelrun.leases.client import Leases
from parallelrun_agent.pod import words
from parallelrun_agent.storage.places import is_url

if TYPE_CHECKING:
    from parallelrun_agent.storage import Storage


@dataclass(frozen=True)
class Job:
    """Of one agent process, fixed from its start."""

    folder: Path
    settings: JobSettings
    node: int
    holder: str
    leases: Leases
    meeting: Path  # where worker and agent meet, see parallelrun_worker.wire

    @property
    def name(self) -> str:
        """``node000``."""
        return layout.node_name(self.node)

    @cached_property
    def storage(self) -> Storage:
        """The object stores of the job. Its import takes a while: only jobs that have some ask."""
        from parallelrun_agent.storage import Storage

        return Storage(self.settings.stores)

    def waits_for(self, after: float) -> str:
        """Which of them does not answer for ``after`` seconds, and why; "" where none is waited for so long."""
        return self.storage.waits_for(after) if self.settings.stores else ""

    @property
    def cache(self) -> Path:
        """The folder for what is fetched from them."""
        return Path(self.settings.cache) if self.settings.cache else self.folder / layout.CACHE

    @property
    def fetches(self) -> bool:
        """Whether files of its inputs may have to be fetched."""
        inputs = self.settings.inputs
        return any(is_url(path) for one in inputs for path in one.paths) or (
            bool(self.settings.stores) and any(one.type == "MLTable" for one in inputs)
        )

    def shown(self, text: str) -> str:
        """A message as people read it: without signatures, and in pods with URLs, as manifests have them, in place of
        paths of volumes."""
        return web_addresses.shown(words.in_manifest(text) if self.settings.in_pod else text)


def read_settings(*folders: Path) -> JobSettings:
    """The settings in the first of ``folders`` that has some; raises OSError, ValueError or TypeError for none."""
    path = next((f / layout.SETTINGS for f in folders if (f / layout.SETTINGS).exists()), folders[-1] / layout.SETTINGS)
    settings = JobSettings.from_json(json.loads(path.read_text(encoding="utf-8")))
    return replace(settings, inputs=[_rooted(one) for one in settings.inputs])


def _rooted(one: InputSettings) -> InputSettings:
    """With a folder as its root: whoever resolved it without seeing the volume could not tell that it is one file."""
    return replace(one, root=os.path.dirname(one.root)) if os.path.isfile(one.root) else one
