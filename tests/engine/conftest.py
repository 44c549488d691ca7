"""A site of its own for each test that starts a run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_harness import Site, opened


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with opened(tmp_path) as site:
        yield site
