"""Finds the files of an input, in order, without holding them in memory.

Folders are walked depth first, each folder's names in natural order (files and folders together), which is the natural
order of whole paths below one entry of ``paths``. Entries come in the order given; a file that an earlier entry of the
same input took is not taken again. Links to files and folders are followed; a folder that is its own ancestor is
passed over. Only regular files are taken. What cannot be read, or matches nothing, is an InputError. URLs are taken
in the same order, see ``url_listing``.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from parallelrun.api import pod_layout
from parallelrun.api.errors import InputError
from parallelrun_agent.plan import order, sorting, url_listing
from parallelrun_agent.plan.patterns import Pattern, States, parse
from parallelrun_agent.storage.places import is_url

if TYPE_CHECKING:
    from parallelrun_agent.storage import Storage

#: ConfigMaps are written into each pod when it starts.
_MOUNTED_ANEW = os.fsencode(pod_layout.CONFIG_MAPS + "/")
#: path, size in bytes, modification time in ns
Found = tuple[bytes, int, int]


def list_files(
    name: str, paths: Sequence[str], allow_empty: bool, temporary: Path, storage: Storage
) -> Iterator[Found]:
    """Every file of input ``name``; ``temporary`` is a folder for sorting large folders.

    Raises InputError naming the input and the path: an entry that takes nothing (unless ``allow_empty``), a folder or
    link that cannot be read; StorageError for a store that cannot be listed.
    """
    earlier: list[Pattern] = []
    for text in paths:
        pattern = url_listing.parse(name, text, storage) if is_url(text) else parse(text)
        taken = _Count()
        try:
            for found in url_listing.found(pattern, storage, temporary) if is_url(text) else _walk(pattern, temporary):
                taken.files += 1
                if not earlier or not any(other.takes(found[0]) for other in earlier):
                    yield _lasting(found)
        except OSError as error:
            raise _unreadable(name, error) from error
        if not taken.files and not allow_empty:
            raise url_listing.nothing(name, pattern, storage) if is_url(text) else _nothing(name, pattern)
        earlier.append(pattern)


class _Count:
    files = 0


def _lasting(found: Found) -> Found:
    """``found`` with a number drawn from its content in place of a time that is another one in each pod."""
    path, size, _ = found
    if not path.startswith(_MOUNTED_ANEW):
        return found
    with open(path, "rb") as file:  # a ConfigMap's: small
        return path, size, int.from_bytes(hashlib.sha256(file.read()).digest()[:7], "big")


def _walk(pattern: Pattern, temporary: Path) -> Iterator[Found]:
    if pattern.components:
        if os.path.isdir(pattern.base):
            yield from _below(pattern, pattern.base, pattern.start, (), temporary)
    elif os.path.lexists(pattern.base):
        found = os.stat(pattern.base)
        if stat.S_ISREG(found.st_mode):
            yield pattern.base, found.st_size, found.st_mtime_ns


def _below(
    pattern: Pattern, folder: bytes, states: States, above: tuple[tuple[int, int], ...], temporary: Path
) -> Iterator[Found]:
    """The files below ``folder`` that match; ``above`` are the folders that hold it, to see loops of links."""
    here = os.stat(folder)
    if (identity := (here.st_dev, here.st_ino)) in above:
        return
    prefix = folder.rstrip(b"/") + b"/"
    for sorted_name in sorting.sort_on_disk(_matching(pattern, folder, states), temporary):
        name = order.name_of(sorted_name)
        if name.endswith(b"/"):
            name = name[:-1]
            yield from _below(pattern, prefix + name, pattern.step(states, name), (*above, identity), temporary)
            continue
        path = prefix + name
        found = os.stat(path)
        if stat.S_ISREG(found.st_mode):
            yield path, found.st_size, found.st_mtime_ns


def _matching(pattern: Pattern, folder: bytes, states: States) -> Iterator[bytes]:
    """Sort keys of the names in ``folder`` that match or may hold a match; a folder's name ends in a slash."""
    accepts = pattern.accepts(states)
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if entry.is_dir():
                if pattern.step(states, name):
                    yield order.natural(name) + order.END + name + b"/"
            elif accepts(name):
                yield order.key(name)


def _unreadable(name: str, error: OSError) -> InputError:
    path = os.fsdecode(error.filename) if error.filename else "?"
    if isinstance(error, FileNotFoundError) and os.path.islink(path):
        return InputError(
            f"input {name!r}: {path} is a link to {os.readlink(path)}, which does not exist",
            "Remove the link, or leave it out with a narrower path.",
        )
    return InputError(
        f"input {name!r}: {path}: {error.strerror}", "Every file and folder of an input must be readable."
    )


def _nothing(name: str, pattern: Pattern) -> InputError:
    """The error for an entry of ``paths`` that takes nothing: says what is there instead."""
    folder = pattern.base
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    if not pattern.components:
        what = "is not a regular file" if os.path.lexists(pattern.base) else "does not exist"
    elif pattern.components == (b"**",) and folder == pattern.base:
        what = "is a folder without files"
    else:
        what = "matches no file"
    return InputError(
        f"input {name!r}: {pattern.text} {what}",
        f"{_contents(folder)} Correct the path, or set allowEmpty: true where no file is right.",
    )


def _contents(folder: bytes, shown: int = 5) -> str:
    """A sentence on what is in ``folder``."""
    try:
        with os.scandir(folder) as entries:
            visible = (entry for entry in islice(entries, 10_000) if not entry.name.startswith(b"."))
            names = sorted((order.key(entry.name), entry.is_dir()) for entry in visible)
    except OSError as error:
        return f"{os.fsdecode(folder)} cannot be read: {error.strerror}."
    if not names:
        return f"{os.fsdecode(folder)} is empty."
    listed = [os.fsdecode(order.name_of(key)) + "/" * is_folder for key, is_folder in names[:shown]]
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return f"{os.fsdecode(folder)} holds {', '.join(map(repr, listed))}{more}."
