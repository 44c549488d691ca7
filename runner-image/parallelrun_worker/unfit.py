"""The error for input or results that do not fit; apart, so that file input loads nothing about tables."""

from __future__ import annotations


class Unfit(Exception):
    """A mini-batch's input or result is no good; the message is one sentence that says what to change."""
