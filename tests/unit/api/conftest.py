"""Manifests to start from."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from parallelrun.api.problems import Problem

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


def _repairs(document: dict[str, Any], problem: Problem) -> Iterator[dict[str, Any]]:
    """The manifest with the example in place of what is wrong, in the places where a reader would put it."""
    example = yaml.safe_load(problem.example)
    for depth in range(len(problem.path), -1, -1):
        for fresh in (False, True):
            candidate = copy.deepcopy(document)
            around: Any = None
            here: Any = candidate
            for part in problem.path[:depth]:
                around, here = here, here[part] if isinstance(part, int) else here.get(part, {})
            if depth < len(problem.path) and isinstance(here, dict) and not isinstance(problem.path[depth], int):
                here.pop(problem.path[depth], None)
            if isinstance(example, list) and around is not None:
                around[problem.path[depth - 1]] = example[0]
            elif isinstance(example, dict) and isinstance(here, dict):
                if fresh:
                    here.clear()
                here.update(example)
            else:
                continue
            yield candidate


@pytest.fixture
def repairs() -> Callable[[dict[str, Any], Problem], Iterator[dict[str, Any]]]:
    """Manifests with a problem's example in place of what is wrong."""
    return _repairs
