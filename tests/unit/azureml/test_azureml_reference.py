"""What the reference page says of Azure ML's classes is what they do, and each of them has a test."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest

from parallelrun.azureml import reference
from parallelrun.azureml.backend.support import MARK, NotAvailableHere, Refused

ROOT = Path(__file__).parents[3]
ROWS = list(reference.rows())


def cls_of(module: str, row: reference.Row) -> Any:
    return getattr(importlib.import_module(f"parallelrun.{module}"), row.owner)


def test_the_page_is_what_the_code_makes() -> None:
    assert (ROOT / "docs/reference/azureml.md").read_text() == reference.page(), "run make generate"


@pytest.mark.parametrize(("module", "row"), [one for one in ROWS if one[1].status == "refused"], ids=str)
def test_what_is_refused_says_what_to_do_instead(module: str, row: reference.Row) -> None:
    cls = cls_of(module, row)
    use = cls if not row.name else lambda: getattr(object.__new__(cls), row.name)
    with pytest.raises(NotAvailableHere) as refused:
        use()
    owner = next((one.__name__ for one in cls.__mro__ if row.name in vars(one)), row.owner)
    assert refused.value.message == f"{owner}{f'.{row.name}' if row.name else ''} has no counterpart here."
    assert refused.value.hint == row.notes[0]


def refused_arguments() -> list[Any]:
    found = []
    for module, row in ROWS:
        cls = cls_of(module, row)
        member = inspect.getattr_static(cls, row.name or "__init__", None)
        if isinstance(member, property | Refused):
            continue
        function = getattr(member, "__func__", member)
        for argument in getattr(getattr(function, MARK, None), "refuses", {}):
            found.append(pytest.param(function, argument, id=f"{row.owner}.{row.name}-{argument}"))
    return found


@pytest.mark.parametrize(("function", "argument"), refused_arguments())
def test_an_argument_without_counterpart_is_refused_by_name(function: Any, argument: str) -> None:
    """Before anything else happens: the other arguments are None."""
    needed = [one.name for one in inspect.signature(function).parameters.values() if one.default is one.empty]
    with pytest.raises(NotAvailableHere, match=argument) as refused:
        function(**(dict.fromkeys(needed) | {argument: "something"}))
    assert refused.value.hint == getattr(function, MARK).refuses[argument]


def test_whatever_works_is_used_in_a_test() -> None:
    texts = "".join(
        path.read_text()
        for path in [
            *(ROOT / "tests/unit/azureml").glob("test_*.py"),
            *(ROOT / "tests").glob("engine/test_azureml_*.py"),
        ]
        if path.name != Path(__file__).name
    )
    untested = [
        f"{row.owner}.{row.name}"
        for _, row in ROWS
        if row.status != "refused" and (f".{row.name}" if row.name else f"{row.owner}(") not in texts
    ]
    assert untested == []


def test_a_class_of_another_sdk_is_not_found_by_the_module_that_names_it() -> None:
    from parallelrun.azureml.imports import Alias

    with pytest.raises(ModuleNotFoundError, match=r"azureml\.train\.hyperdrive is not part of parallelrun\.azureml"):
        Alias().find_spec("azureml.train.hyperdrive")
