"""The errors for input or results that do not fit; apart, so that file input loads nothing about tables."""

from __future__ import annotations


class Unfit(Exception):
    """A mini-batch's input or result is no good; the message is one sentence that says what to change."""


class Unwritable(Exception):
    """A file beside the segments could not be written; no fault of the mini-batch, which is run again."""

    def __init__(self, path: str, error: OSError) -> None:
        super().__init__("cannot write %s: %s" % (path, error.strerror or error))
        self.path = path
        self.error = error
