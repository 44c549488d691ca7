"""What one entry of ``paths`` takes: a file, a folder with all that is below it, or a glob.

The same object walks (which folders can hold a match, which files match) and answers whether it takes a given path,
so that a later entry leaves out what an earlier one has taken without a set of a million paths in memory.

Globs: ``*`` and ``?`` match within a name, ``[abc]``, ``[a-z]`` and ``[!a]`` one character, ``**`` as a whole component
any number of folders. A wildcard at the start of a name, and a folder that is taken whole, leave out hidden names
(with a leading dot); a name that is spelled out is taken, hidden or not. A glob takes files, never folders.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from parallelrun_agent.storage.places import unescaped

_MAGIC = re.compile(rb"[*?[]")
_ANY_DEPTH = b"**"
_DOT = ord(".")
#: Positions in a pattern's components that a path, read so far, can be at.
States = frozenset[int]

Matcher = Callable[[bytes], bool]


@dataclass(frozen=True)
class Pattern:
    """One entry of ``paths``: a literal folder (or file, if ``components`` is empty) and what to match below it."""

    text: str  # as it was given
    base: bytes  # absolute, no trailing slash but for "/"
    components: tuple[bytes, ...]
    matchers: tuple[Matcher | None, ...]  # None: any depth

    @property
    def start(self) -> States:
        """Where matching begins, at ``base``."""
        return self._closed({0})

    def step(self, states: States, name: bytes) -> States:
        """Where matching is after the component ``name``; empty: nothing there or below it can match."""
        after = set()
        for position in states:
            if position == len(self.matchers):
                continue
            matcher = self.matchers[position]
            if matcher is None:
                if not name.startswith(b"."):
                    after.add(position)
            elif matcher(name):
                after.add(position + 1)
        return self._closed(after)

    def accepts(self, states: States) -> Matcher:
        """Which names of files are taken in a folder that was reached with these states."""
        last = len(self.matchers)
        choices = [
            _visible if matcher is None else matcher
            for position, matcher in enumerate(self.matchers)
            if position in states and last in self._closed({position + 1})
        ]
        return choices[0] if len(choices) == 1 else lambda name: any(choice(name) for choice in choices)

    def takes(self, path: bytes) -> bool:
        """Whether this entry takes the file ``path`` (absolute)."""
        if not self.components:
            return path == self.base
        prefix = self.base.rstrip(b"/") + b"/"
        if not path.startswith(prefix):
            return False
        folder, _, name = path[len(prefix) :].rpartition(b"/")
        return self.accepts_in(folder)(name)

    def accepts_in(self, folder: bytes) -> Matcher:
        """Which names of files are taken in ``folder``, a path below ``base``; "" for that itself."""
        states = self.start
        for name in folder.split(b"/") if folder else ():
            states = self.step(states, name)
        return self.accepts(states)

    def _closed(self, states: set[int]) -> States:
        """With what is reached by letting ``**`` match no folder."""
        for position in sorted(states):
            while position < len(self.matchers) and self.matchers[position] is None:
                position += 1
                states.add(position)
        return frozenset(states)


def parse(text: str) -> Pattern:
    """The pattern of an absolute path; a path that exists as it is spelled is that file or folder, never a glob."""
    path = _normal(os.fsencode(text))
    if os.path.isdir(path):
        return whole(text, path)
    if os.path.lexists(path) or not is_glob(path):
        return single(text, path)
    return glob(text, b"", path)


def is_glob(path: bytes) -> bool:
    """Whether a path holds wildcards."""
    return _MAGIC.search(path) is not None


def whole(text: str, folder: bytes) -> Pattern:
    """All that is below a folder."""
    return _pattern(text, folder, (_ANY_DEPTH,))


def single(text: str, path: bytes) -> Pattern:
    """One file."""
    return _pattern(text, path, ())


def glob(text: str, root: bytes, path: bytes) -> Pattern:
    """A glob; ``path`` begins with ``root``, in which nothing is a wildcard."""
    components = path[len(root) :].split(b"/")
    first = next(number for number, component in enumerate(components) if _MAGIC.search(component))
    return _pattern(text, root + b"/".join(components[:first]) or b"/", tuple(components[first:]))


def below(path: bytes, root: str) -> str:
    """A file's path below ``root``: a folder above it, or the file itself (then its name), or "" (then all of it)."""
    text, folder = os.fsdecode(path), root.rstrip("/")
    if text == folder:
        return unescaped(text).rpartition("/")[2]
    if text.startswith(folder + "/"):
        return unescaped(text, len(folder) + 1)
    return os.path.relpath(text, root or "/") if text.startswith("/") else unescaped(text).partition("://")[2]


def _pattern(text: str, base: bytes, components: tuple[bytes, ...]) -> Pattern:
    return Pattern(text, base, components, tuple(_matcher(component) for component in components))


def _matcher(component: bytes) -> Matcher | None:
    if component == _ANY_DEPTH:
        return None
    if not _MAGIC.search(component):
        return component.__eq__
    # Characters, not bytes, are what "?" and "[...]" match: names are matched as text.
    if component.startswith(b"*") and not _MAGIC.search(component, 1):
        suffix = component[1:]
        return lambda name: name.endswith(suffix) and name[0] != _DOT
    match = re.compile(fnmatch.translate(os.fsdecode(component))).match
    if component.startswith(b"."):
        return lambda name: match(os.fsdecode(name)) is not None
    return lambda name: not name.startswith(b".") and match(os.fsdecode(name)) is not None


def _visible(name: bytes) -> bool:
    return name[0] != _DOT


def _normal(path: bytes) -> bytes:
    """Without doubled slashes, "." and a trailing slash; ".." stays, since the folder before it may be a link."""
    return b"/" + b"/".join(part for part in path.split(b"/") if part not in (b"", b"."))
