"""The page on Python's classes is what the code says."""

from __future__ import annotations

from pathlib import Path

import parallelrun
from parallelrun.client import reference

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "python.md"


def test_the_page_is_written_from_the_code():
    assert PAGE.read_text() == reference.page(), "run `make generate`"


def test_the_page_has_all_that_is_exported():
    listed = {name for names in reference.GROUPS.values() for name in names}
    assert listed == set(parallelrun.__all__) - {"__version__"}
