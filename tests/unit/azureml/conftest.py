"""A workspace of an empty folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from parallelrun.azureml.backend import support
from parallelrun.azureml.core import Workspace


@pytest.fixture
def ws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """It is the working directory, too."""
    monkeypatch.chdir(tmp_path)
    for name in ("PARALLELRUN_TARGET", "PARALLELRUN_PACKAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "no-kubeconfig"))
    support._said.clear()
    return Workspace.from_config()
