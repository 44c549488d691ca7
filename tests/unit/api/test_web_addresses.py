"""Web addresses in messages and reports."""

from __future__ import annotations

import pytest

from parallelrun.api.errors import InputError
from parallelrun.api.web_addresses import shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://h/x.csv?sig=a%2Fb%3D", "https://h/x.csv?..."),
        ("https://h/x?sig=a/b&c=(d does not exist.", "https://h/x?... does not exist."),
        ("(HTTP://h/x?a=b): no", "(HTTP://h/x?...): no"),
        ("['https://h/x?a=b', \"http://h/y?c\"]", "['https://h/x?...', \"http://h/y?...\"]"),
        ("https://h/x?... is gone; https://h/y?s", "https://h/x?... is gone; https://h/y?..."),
        ("s3://bucket/what?.csv", "s3://bucket/what?.csv"),
        ("is it https://h/x? Who knows.", "is it https://h/x? Who knows."),
    ],
)
def test_a_web_address_is_shown_without_its_query(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_what_is_shown_is_shown_again_as_it_is() -> None:
    assert shown(shown("a https://h/x?sig=1, b")) == "a https://h/x?..., b"


def test_errors_have_no_signature_in_message_or_hint() -> None:
    error = InputError("https://h/x?sig=S does not exist", "See https://h/y?sig=S.")
    assert str(error) == "https://h/x?... does not exist\nSee https://h/y?...."
    assert "sig" not in repr(error)
