"""The lock files of the images hold what was tested, and no more than an image needs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
LOCKS = [
    "operator/requirements.lock",
    "runner-image/requirements.lock",
    "runner-image/requirements-build.lock",
    "runner-image/requirements-tensorflow.lock",
]


def pins(lock: str) -> dict[str, set[str]]:
    """Versions by package; more than one where they depend on the Python."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.\[\]-]+)==([^\s;]+)", (REPOSITORY / lock).read_text(), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_every_version_is_one_that_the_development_environment_has(lock: str) -> None:
    tested = pins("requirements.lock")
    assert {name: versions for name, versions in pins(lock).items() if not versions <= tested.get(name, set())} == {}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_has_hashes_and_no_index_is_named(lock: str) -> None:
    text = (REPOSITORY / lock).read_text()
    packages = re.split(r"\n(?=\S)", text.strip())
    assert [package.split()[0] for package in packages if "--hash=sha256:" not in package] == []
    assert "://" not in text


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_of_the_list_is_locked(lock: str) -> None:
    listed = re.findall(r"^([a-z][\w-]*)$", (REPOSITORY / lock.replace(".lock", ".in")).read_text(), re.MULTILINE)
    assert listed
    assert set(listed) <= set(pins(lock)), "run: make lock"


def test_the_operator_has_no_table_libraries() -> None:
    assert {"pandas", "pyarrow", "numpy"} & set(pins("operator/requirements.lock")) == set()
