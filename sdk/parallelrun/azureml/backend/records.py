"""What is remembered of submitted runs, so that a later session finds them: a small file each."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from parallelrun.azureml.backend.settings import Settings

_FOLDER = "submitted"


@dataclass(frozen=True)
class StepRecord:
    """One step of a run."""

    called: str  # as the notebook calls it
    name: str  # as the manifest does
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)  # by name: key, datastore, path


@dataclass(frozen=True)
class Record:
    """One run."""

    id: str
    experiment: str
    where: str  # local | cluster
    run: str  # its folder, or its name in the cluster
    submitted: float
    parameters: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    steps: list[StepRecord] = field(default_factory=list)


def keep(settings: Settings, record: Record) -> None:
    """Write it down."""
    folder = settings.folder / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{record.id}.json").write_text(json.dumps(asdict(record), indent=1) + "\n", encoding="utf-8")


def all_runs(settings: Settings) -> list[Record]:
    """The newest first."""
    folder = settings.folder / _FOLDER
    found = [_read(json.loads(path.read_text(encoding="utf-8"))) for path in sorted(folder.glob("*.json"))]
    return sorted(found, key=lambda record: -record.submitted)


def of_experiment(settings: Settings, experiment: str) -> list[Record]:
    """The newest first."""
    return [record for record in all_runs(settings) if record.experiment == experiment]


def experiments(settings: Settings) -> list[str]:
    """Names, in the order of the alphabet."""
    return sorted({record.experiment for record in all_runs(settings)})


def _read(said: dict[str, Any]) -> Record:
    return Record(**{**said, "steps": [StepRecord(**step) for step in said["steps"]]})
