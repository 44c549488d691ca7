"""Manifests to start from."""

import copy
from typing import Any

import pytest

MINIMAL: dict[str, Any] = {
    "apiVersion": "parallelrun.dev/v1alpha1",
    "kind": "ParallelRunJob",
    "metadata": {"name": "mnist"},
    "spec": {
        "source": {"directory": "./code"},
        "entryScript": "score.py",
        "inputs": [{"name": "images", "type": "File", "paths": ["images/*.png"]}],
    },
}


@pytest.fixture
def minimal() -> dict[str, Any]:
    """The smallest manifest, as values."""
    return copy.deepcopy(MINIMAL)
