"""Folders of runs, as the engine leaves them, and a way to call the command in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from parallelrun.api import layout
from parallelrun.api.settings import InputSettings, JobSettings
from parallelrun.cli.main import main


@dataclass
class Answer:
    code: int
    out: str
    err: str


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Runs `parallelrun` with these words in this process."""

    def run(*words: object) -> Answer:
        capfd.readouterr()
        code = main([str(word) for word in words])
        out, err = capfd.readouterr()
        return Answer(code, out, err)

    return run


@pytest.fixture(autouse=True)
def no_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever cluster whoever runs the tests speaks to is none of theirs."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "no-kubeconfig"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _settings(name: str = "mnist", **changes: Any) -> JobSettings:
    fields = {"uid": "u1", "entry_script": "score.py", "inputs": [InputSettings("x", "File", [], "/")], **changes}
    return JobSettings(name=name, **fields)


@pytest.fixture
def settings() -> Callable[..., JobSettings]:
    """Makes the settings of a job."""
    return _settings


def _write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


@pytest.fixture
def make_run() -> Callable[..., Path]:
    """Makes the folder of a run that nothing runs any more."""

    def make(folder: Path, phase: str = "Done", job: JobSettings | None = None, **header: Any) -> Path:
        job = job or _settings()
        _write_json(folder / layout.SETTINGS, job.to_json())
        _write_json(
            folder / layout.HEADER, {"phase": phase, "reason": "", "message": "", "plan": {"total": 10}, **header}
        )
        (folder / layout.LOCK).touch()
        if phase == "Done":
            output = folder / job.output.file_name
            output.write_text("a\nb\n")
            result = {
                "phase": "Done",
                "miniBatches": {"total": 10, "completed": 10, "failed": 1, "retried": 2},
                "items": {"succeeded": 95, "failed": 5},
                "output": {"path": str(output), "rows": 2, "bytes": 4, "sha256": ""},
            }
            _write_json(folder / layout.RESULT, result)
        return folder

    return make
