"""What is left of a fetch that was given up."""

from __future__ import annotations

import os

from parallelrun_agent.storage.fetching import _File


def test_a_late_write_of_a_fetch_that_was_given_up_touches_no_other_file(tmp_path):
    """A thread cannot be cancelled, and a descriptor's number is soon another file's."""
    given_up = _File(tmp_path / "given-up")
    before = given_up._descriptor
    given_up.close()
    other = os.open(tmp_path / "other", os.O_WRONLY | os.O_CREAT)
    try:
        assert other == before
        given_up.write(b"late", 0)
    finally:
        os.close(other)
    assert (tmp_path / "other").read_bytes() == b""


def test_a_fetch_that_was_given_up_leaves_nothing(tmp_path):
    given_up = _File(tmp_path / "given-up")
    given_up.write(b"some", 0)
    given_up.close()
    assert list(tmp_path.iterdir()) == []
