"""What changed between two plans, in a sentence."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from parallelrun.api.layout import PLAN_PREFIX
from parallelrun_agent.plan import difference, make_plan


def _made(planner, **settings):
    plan = make_plan(planner.settings(planner.input(), **settings), planner.folder)
    return planner.folder / (PLAN_PREFIX + plan.sha256)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda root: (root / "images/7.png").write_text("12345"), "images/7.png changed: 5 bytes, was 3"),
        (lambda root: (root / "images/7.png").unlink(), "images/7.png is gone"),
        (lambda root: (root / "images/8.png").touch(), "images/8.png is new"),
        (lambda root: (root / "images/1.png").touch(), "images/1.png is new"),
        (lambda root: (root / "images/10.png").unlink(), "images/10.png is gone"),
        (
            lambda root: os.utime(root / "images/7.png", ns=(5, 5)),
            "images/7.png changed: it was written again (3 bytes as before)",
        ),
        (lambda root: None, ""),
    ],
)
def test_the_first_file_that_differs_is_named(planner, change: Callable, sentence: str) -> None:
    planner.write({"images/7.png": "123", "images/9.png": "123", "images/10.png": ""})
    old = _made(planner)
    change(planner.root)
    assert difference(old, _made(planner)) == sentence


def test_a_setting_is_named_where_all_files_are_the_same(planner) -> None:
    planner.write({"a": "1"})
    assert difference(_made(planner), _made(planner, size=3)) == "mini_batch_size is 3, was 10"
