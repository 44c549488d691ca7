"""What every part of one agent knows: the job's folder and settings, the node it acts for, the leases, the plan."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

from parallelrun.api import layout
from parallelrun.api.settings import InputSettings, JobSettings
from parallelrun.leases.client import Leases
from parallelrun_agent.pod import words


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

    def shown(self, text: str) -> str:
        """A message as people read it: in pods with URLs, as manifests have them, in place of paths of volumes."""
        return words.in_manifest(text) if self.settings.in_pod else text


def read_settings(*folders: Path) -> JobSettings:
    """The settings in the first of ``folders`` that has some; raises OSError, ValueError or TypeError for none."""
    path = next((f / layout.SETTINGS for f in folders if (f / layout.SETTINGS).exists()), folders[-1] / layout.SETTINGS)
    settings = JobSettings.from_json(json.loads(path.read_text(encoding="utf-8")))
    return replace(settings, inputs=[_rooted(one) for one in settings.inputs])


def _rooted(one: InputSettings) -> InputSettings:
    """With a folder as its root: whoever resolved it without seeing the volume could not tell that it is one file."""
    return replace(one, root=os.path.dirname(one.root)) if os.path.isfile(one.root) else one
