"""A script asks for a model by name: the newest is meant unless it says which."""

import pytest

from parallelrun.api.settings import ModelSettings
from parallelrun_agent import registered_models

REGISTERED = [
    ModelSettings("digits", "/digits/9", "9"),
    ModelSettings("digits", "/digits/10", "10"),
    ModelSettings("digits", "/digits/beta", "beta"),
    ModelSettings("other", "/other", "11"),
]


@pytest.mark.parametrize(("version", "path"), [(None, "/digits/10"), ("9", "/digits/9"), ("beta", "/digits/beta")])
def test_a_version_or_else_the_highest_number(version: str | None, path: str) -> None:
    found = registered_models.find(REGISTERED, "digits", version)
    assert found is not None
    assert found.path == path
    assert registered_models.answer(REGISTERED, "digits", version) == [path, found.version]


def test_what_is_not_there_is_named_with_what_is() -> None:
    assert registered_models.answer(REGISTERED[2:], "digits", "3") == [
        None,
        "there is no model 'digits' version 3 (registered: digits version beta, other version 11)",
    ]
    assert registered_models.answer([], "digits", None) == [None, "there is no model 'digits' (registered: none)"]
