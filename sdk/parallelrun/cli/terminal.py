"""Where text goes: lines for people on stderr, made safe, and lines for programs on stdout, as they are."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from parallelrun.api.text import duration, one_line, plural, printable, size

__all__ = ["duration", "give", "is_terminal", "one_line", "plural", "printable", "size", "tell"]


def is_terminal(stream: TextIO) -> bool:
    """Whether a person looks at ``stream``; TERM=dumb and a closed stream count as no."""
    try:
        return stream.isatty() and os.environ.get("TERM") != "dumb"
    except ValueError:
        return False


def tell(text: str = "") -> None:
    """A line for people, on stderr; ``text`` is made safe."""
    print(printable(text), file=sys.stderr, flush=True)


def give(text: str) -> None:
    """A line for programs, on stdout, as it is."""
    print(text, flush=True)
