"""The summary of a run fits on a screen, whatever went wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from parallelrun.cli import summary
from parallelrun.local.request import Outcome

LONG_TEXTS = {
    "many lines": "\n".join(f"line {n}" for n in range(500)),
    "a long line": "Traceback\n  File 'score.py'\nValueError: " + "x" * 100_000,
    "many long lines": "\n".join("y" * 1000 for _ in range(100)),
}


def shown(reason: str, message: str, failure: dict[str, Any] | None) -> list[str]:
    outcome = Outcome(Path("/runs/mnist"), "Aborted", reason, message, {}, failure)
    return "\n".join(summary.lines(outcome, None)).split("\n")


@pytest.mark.parametrize("text", LONG_TEXTS.values(), ids=LONG_TEXTS)
@pytest.mark.parametrize("reason", ["InitFailed", "SourceError", "OutputFailed"])
def test_a_long_message_is_cut_to_a_screen(reason: str, text: str) -> None:
    lines = shown(reason, text, None)
    assert len(lines) <= 30
    assert len("\n".join(lines)) < 3000


@pytest.mark.parametrize("text", LONG_TEXTS.values(), ids=LONG_TEXTS)
def test_a_long_failure_of_files_with_long_names_is_cut_to_a_screen(text: str) -> None:
    failure = {"miniBatch": 3, "files": [f"/{n}" * 2000 for n in range(50)], "traceback": text}
    lines = shown("ErrorThresholdExceeded", "1 item failed", failure)
    assert len(lines) <= 36
    assert len("\n".join(lines)) < 3600
    assert any("and 45 more" in line for line in lines)


def test_a_module_that_is_missing_brings_to_mind_where_packages_are_listed() -> None:
    lines = shown("SourceError", "ModuleNotFoundError: No module named 'cv2'", None)
    assert lines[0] == "Nothing was run: ModuleNotFoundError: No module named 'cv2'"
    assert any("spec.environment.pip" in line for line in lines)
