"""The guide for those who come from Azure ML explains messages that there are, with the fields that they name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "how-to" / "move-from-azure-ml.md").read_text()
TABLE = PAGE.partition("### What a message means")[2].partition("\n## ")[0].partition("### ")[0]
#: As they stand in the code, without what is put in.
MESSAGES = [
    "failed, more than",
    "the difference counts as failed items",
    "run took longer than runInvocationTimeoutSeconds (",
    "reading its input took longer than",
    "the worker process died with",
    "the script cannot be loaded",
    "times on one node",
    "no mini-batch was finished for longer than",
]


@pytest.fixture(scope="module")
def sources() -> str:
    folders = ("sdk/parallelrun/leases", "runner-image/parallelrun_agent")
    return "\n".join(file.read_text() for folder in folders for file in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_of_the_guide_is_one_of_the_code(message, sources):
    assert message in TABLE
    assert message in sources


def test_fields_of_the_guide_are_fields_of_a_job():
    reference = (ROOT / "docs" / "reference" / "manifest.md").read_text()
    fields = {path.rpartition(".")[2] for path in re.findall(r"^\| `([^`]+)`", reference, re.MULTILINE)}
    named = set(re.findall(r"`(?:advanced\.|output\.|source\.)?([a-z]+[A-Z]\w+)`", PAGE)) - {"allowReuse"}
    assert named
    assert named <= fields
