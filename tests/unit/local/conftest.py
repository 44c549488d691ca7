"""A small job on disk, and its manifest as the API hands it over."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from parallelrun.api.models import ParallelRunJob
from parallelrun.local import front_door


@dataclass
class Loaded:
    """What `load_manifest` gives, without a file."""

    job: ParallelRunJob
    documents: list[dict[str, Any]]
    path: Path


@dataclass
class Site:
    """A folder with a manifest, code, images and labels; and what was said while a job of it was prepared."""

    base: Path
    said: list[str] = field(default_factory=list)
    spec: dict[str, Any] = field(default_factory=dict)

    def loaded(self, *documents: dict[str, Any], name: str = "mnist", **spec: Any) -> Loaded:
        """The manifest with these fields of spec over the defaults; None removes one."""
        fields = {key: value for key, value in {**copy.deepcopy(self.spec), **spec}.items() if value is not None}
        value = {
            "apiVersion": "parallelrun.dev/v1alpha1",
            "kind": "ParallelRunJob",
            "metadata": {"name": name},
            "spec": fields,
        }
        return Loaded(ParallelRunJob.model_validate(value), [value, *documents], self.base / "job.yaml")

    @staticmethod
    def registered(kind: str, object_name: str, **spec: Any) -> dict[str, Any]:
        """A document that registers something by name."""
        metadata = {"name": object_name}
        return {"apiVersion": "parallelrun.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}

    def prepare(self, *documents: dict[str, Any], options: dict[str, Any] | None = None, **spec: Any) -> Any:
        """Prepare a run and give its lock back."""
        prepared = front_door.open_job(self.loaded(*documents, **spec), say=self.said.append, **(options or {}))
        prepared.lock.close()
        return prepared


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    base = tmp_path / "site"
    for name in ("code", "images", "model"):
        (base / name).mkdir(parents=True)
    (base / "code" / "score.py").write_text("def run(mini_batch):\n    return mini_batch\n")
    (base / "code" / "helper.py").write_text("LABELS = 1\n")
    for number in (1, 2, 10):
        (base / "images" / f"{number}.png").write_bytes(b"png")
    (base / "labels.txt").write_text("zero\none\n")
    (base / "model" / "weights.bin").write_bytes(b"w")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    spec = {
        "source": {"directory": "code"},
        "entryScript": "score.py",
        "inputs": [{"name": "images", "type": "File", "paths": ["images/*.png"]}],
    }
    return Site(base, spec=spec)
