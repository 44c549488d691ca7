"""Which files of an input its subset takes."""

from __future__ import annotations

import os
from typing import Any

import pytest

from parallelrun.api.errors import InputError
from parallelrun.api.settings import Condition, SubsetSettings

FILES = ["a/1.png", "a/2.png", "a/10.png", "a/x.txt", "b/1.png", "b/c/1.png", "b/c/x.tmp", "top.png"]


def taken(planner: Any, **subset: Any) -> list[str]:
    planner.write(dict.fromkeys(FILES, b"x"))
    return [name for [name] in planner.names(planner.plan(planner.input(subset=SubsetSettings(**subset)), size=1))]


@pytest.mark.parametrize(
    ("subset", "expected"),
    [
        ({"include": ["*.png"]}, ["a/1.png", "a/2.png", "a/10.png", "b/1.png", "b/c/1.png", "top.png"]),
        ({"include": ["a/*.png", "top.png"]}, ["a/1.png", "a/2.png", "a/10.png", "top.png"]),
        ({"include": ["b/**"], "exclude": ["*.tmp"]}, ["b/1.png", "b/c/1.png"]),
        ({"exclude": ["**/1.png"]}, ["a/2.png", "a/10.png", "a/x.txt", "b/c/x.tmp", "top.png"]),
        ({"skip": 2, "take": 3}, ["a/10.png", "a/x.txt", "b/1.png"]),
        ({"include": ["*.png"], "skip": 1, "take": 2}, ["a/2.png", "a/10.png"]),
        ({"skip": 6}, ["b/c/x.tmp", "top.png"]),
    ],
)
def test_globs_and_numbers_choose_files(planner: Any, subset: dict[str, Any], expected: list[str]) -> None:
    assert taken(planner, **subset) == expected


def test_a_sample_is_drawn_from_paths_and_seed_alone(planner: Any) -> None:
    names = [f"{number}.bin" for number in range(400)]
    planner.write(dict.fromkeys(names, b"x"))

    def sample(fraction: float, seed: int, *paths: str) -> list[str]:
        chosen = SubsetSettings(sample=fraction, seed=seed)
        return [name for [name] in planner.names(planner.plan(planner.input(*paths, subset=chosen), size=1))]

    third = sample(0.3, 0)
    assert 80 < len(third) < 160
    assert set(third) < set(sample(0.6, 0)), "a larger sample holds a smaller one"
    assert sample(0.3, 1) != third
    assert set(sample(0.3, 0, "3*.bin")) == {name for name in third if name.startswith("3")}
    assert sample(1.0, 0) == sorted(names, key=lambda name: int(name[:-4]))


def test_a_plan_s_name_depends_on_the_subset(planner: Any) -> None:
    planner.write({"x": b"", "y": b""})
    subsets = [SubsetSettings(), SubsetSettings(take=5)]
    plans = [planner.plan(planner.input(subset=subset)) for subset in subsets]
    assert plans[0].document["inputs"] != plans[1].document["inputs"]


def test_a_subset_without_files_is_an_error_unless_it_may_be_empty(planner: Any) -> None:
    with pytest.raises(InputError, match="input 'in': its subset takes none of its files"):
        taken(planner, include=["*.jpg"])
    empty = planner.input(subset=SubsetSettings(take=0), allow_empty=True)
    assert planner.plan(empty).total == 0


def test_a_table_s_files_are_chosen_by_globs(planner: Any) -> None:
    planner.write({"x.csv": "a\n1\n", "y.csv": "a\n2\n"})
    reader = planner.table("*.csv", subset=SubsetSettings(exclude=["y.csv"]))
    assert [os.path.basename(piece[0]) for piece in reader.work(0, reader.total)[0][1]] == ["x.csv"]


def test_conditions_on_columns_are_for_tables(planner: Any) -> None:
    with pytest.raises(InputError, match=r"subset.where is for tables"):
        taken(planner, where=[Condition("a", "isNull")])
