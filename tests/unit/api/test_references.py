import pytest
from hypothesis import given
from hypothesis import strategies as st

from parallelrun.api.errors import ManifestError
from parallelrun.api.references import substitute

VALUES = {"sideInputs.labels": "/data/labels.txt", "job.name": "mnist", "models.m": "$(job.name)"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("--labels=$(sideInputs.labels)", "--labels=/data/labels.txt"),
        ("$(job.name)/$(job.name)", "mnist/mnist"),
        ("$$(job.name)", "$(job.name)"),
        ("$(models.m)", "$(job.name)"),  # what is put in is not looked at again
        ("$HOME ${x} $5 (a)", "$HOME ${x} $5 (a)"),
        ("$(unclosed", "$(unclosed"),
    ],
)
def test_references_become_values_and_nothing_else_changes(text: str, expected: str) -> None:
    assert substitute([("spec.arguments[0]", text)], VALUES) == [expected]


def test_every_unknown_reference_is_named_with_its_field_and_the_nearest_name() -> None:
    with pytest.raises(ManifestError) as caught:
        substitute([("spec.arguments[0]", "$(sideInputs.lables)"), ("spec.arguments[3]", "$(date)")], VALUES)
    message = str(caught.value)
    assert "spec.arguments[0]: $(sideInputs.lables) refers to nothing" in message
    assert 'Did you mean "sideInputs.labels"?' in message
    assert "spec.arguments[3]: $(date)" in message
    assert "$$(x)" in message


@given(st.text())
def test_an_escaped_text_comes_out_as_it_was(text: str) -> None:
    assert substitute([("x", text.replace("$(", "$$("))], {}) == [text]
