"""A job whose pods are prepared: its folder on a claim, what is mounted, and a header in memory."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from parallelrun.api import layout
from parallelrun.api.settings import InputSettings, JobSettings
from parallelrun.leases import header as headers
from parallelrun.leases.client import Leases
from parallelrun.leases.header import Header
from parallelrun.leases.store import MemoryStore
from parallelrun_agent.pod import prepare

SCRIPT = "def run(mini_batch):\n    return mini_batch\n"


@dataclass
class PodJob:
    """``root`` stands for the pod's file system: claims, code, config, and the pod's copy of the source."""

    root: Path
    spec: dict[str, Any] = field(default_factory=dict)
    store: MemoryStore = field(default_factory=MemoryStore)
    arguments: list[str] = field(default_factory=list)  # of the command, beside those that every job has

    def __post_init__(self) -> None:
        for name in ("claim/images", "config", "code"):
            (self.root / name).mkdir(parents=True)
        (self.code / "score.py").write_text(SCRIPT)
        self.spec = {"inputs": [{"name": "in", "paths": ["images/"]}], "source": {"configMap": {"name": "code"}}}
        data = str(self.claim / "images")
        inputs = [InputSettings(name="in", type="File", paths=[data], root=data)]
        self.settings = JobSettings(
            name="mnist", uid="1-2", namespace="ns", entry_script="score.py", inputs=inputs, in_pod=True,
            source=str(self.root / "source"),
        )  # fmt: skip
        asyncio.run(self.store.swap("header", "", headers.new("1-2", 1, "", "").to_json()))

    @property
    def claim(self) -> Path:
        return self.root / "claim"

    @property
    def code(self) -> Path:
        return self.root / "code"

    @property
    def folder(self) -> Path:
        return self.claim / "ns" / "mnist-1-2"

    @property
    def source(self) -> Path:
        return self.root / "source"

    def set(self, **changes: Any) -> None:
        """Change settings."""
        self.settings = replace(self.settings, **changes)

    def configure(self) -> list[str]:
        """Write what the operator would have; gives the command's arguments."""
        (self.root / "config" / layout.SETTINGS).write_text(json.dumps(self.settings.to_json()))
        (self.root / "config" / layout.MANIFEST).write_text(yaml.safe_dump({"spec": self.spec}))
        return [
            *("--folder", str(self.folder), "--code", str(self.code), "--store", "kube:ns/mnist"),
            *("--config", str(self.root / "config"), *self.arguments),
        ]

    def prepare(self, monkeypatch) -> int:
        """Run the container's program, its store in this process; the exit code."""

        @contextlib.asynccontextmanager
        async def here(_: str) -> AsyncIterator[MemoryStore]:
            yield self.store

        monkeypatch.setattr(prepare, "open_store", here)
        return prepare.main(self.configure())

    def header(self) -> Header:
        return asyncio.run(Leases(self.store).header())

    def in_phase(self, **changes: Any) -> None:
        """Put the header into another state."""
        asyncio.run(Leases(self.store).update_header(lambda h: (replace(h, **changes), None)))

    def mount_config_map(self, files: dict[str, bytes]) -> None:
        """As kubelet mounts a ConfigMap: names are links through ``..data``."""
        (self.code / "score.py").unlink()
        real = self.code / "..2026_01_31"
        real.mkdir()
        (self.code / "..data").symlink_to(real.name)
        for name, data in files.items():
            (real / name).write_bytes(data)
            (self.code / name).symlink_to(f"..data/{name}")


def names(folder: Path) -> list[str]:
    """All files below ``folder``."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())
