"""The objects of one entry of ``paths`` that is a URL: as if the store were a volume, in the same order.

Below one prefix everything is listed, matched with the pattern, and sorted on disk: a store's own order is not ours.
What stands for an empty folder in a store, an object without bytes and with a slash at the end of its name, is no file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from parallelrun.api.errors import InputError
from parallelrun_agent.plan import order, patterns, sorting
from parallelrun_agent.plan.patterns import Pattern

if TYPE_CHECKING:
    from parallelrun_agent.storage import Storage
    from parallelrun_agent.storage.listing import Found

#: Objects among which those without bytes are looked for at a time.
_BLOCK = 4096
#: Objects that are read to say what is there instead.
_LOOKED_AT = 10_000


def parse(name: str, text: str, storage: Storage) -> Pattern:
    """The pattern of a URL of input ``name``; one that exists as it is spelled is that object or prefix, never a glob.

    With a slash at its end it is a prefix, else an object before it is one. Raises InputError for what a web server
    cannot list, StorageError for what the store says.
    """
    place = storage.place(text)
    url = text.encode("utf-8", "surrogateescape")
    if place.store.kind == "https":
        if text.endswith("/") or b"*" in url:
            raise InputError(
                f"input {name!r}: {text}: a web server lists no files",
                "Name each file by its URL, without wildcards.",
            )
        return patterns.single(text, url)
    literal = place.url_of(place.key)
    root = place.url_of("").encode("utf-8", "surrogateescape")
    path = literal.encode("utf-8", "surrogateescape")
    if not place.key or path == root:
        return patterns.whole(text, root)
    if not text.endswith("/"):
        found = storage.entry(literal)
        if found is not None and (found[1] or not _is_prefix(literal, storage)):
            return patterns.single(text, path)
    if _is_prefix(literal, storage):
        return patterns.whole(text, path)
    if patterns.is_glob(path[len(root) :]):
        return patterns.glob(text, root + b"/", path)
    return patterns.single(text, path)


def _is_prefix(url: str, storage: Storage) -> bool:
    return next(storage.entries(url), None) is not None


def found(pattern: Pattern, storage: Storage, temporary: Path) -> Iterator[Found]:
    """The objects that the pattern takes, in natural order; ``temporary`` is a folder for sorting many."""
    if not pattern.components:
        one = storage.entry(os.fsdecode(pattern.base))
        return iter(() if one is None else (one,))
    base = pattern.base.rstrip(b"/") + b"/"
    listed = storage.entries(os.fsdecode(pattern.base))
    matching = _matching(pattern, ((path[len(base) :], size, version) for path, size, version in listed))
    rows = sorting.sort_on_disk(
        ((order.sortable(below), size, version) for below, size, version in matching), temporary
    )
    objects = ((base + order.path_of(key), size, version) for key, size, version in rows)
    return _without_folders(_each_once(objects), storage)


def _matching(pattern: Pattern, listed: Iterable[Found]) -> Iterator[Found]:
    accepts = lru_cache(1024)(pattern.accepts_in)
    for row in listed:
        folder, _, name = row[0].rpartition(b"/")
        if accepts(folder)(name):
            yield row


def _each_once(objects: Iterable[Found]) -> Iterator[Found]:
    """Without what a listing that broke off has told twice."""
    last: Found | None = None
    for one in objects:
        if one != last:
            yield one
        last = one


def _without_folders(objects: Iterator[Found], storage: Storage) -> Iterator[Found]:
    """Without those of no bytes that stand for folders.

    They have something below them, or their name again without the slash, or no object has just their name.
    """
    block = list(islice(objects, _BLOCK))
    while block:
        after = list(islice(objects, _BLOCK))
        followers = [one[0] for one in (*block[1:], *after[:1])] + [b""] * (not after)
        folders = {
            number
            for number, (one, next_path) in enumerate(zip(block, followers, strict=True))
            if not one[1] and (next_path == one[0] or next_path.startswith(one[0] + b"/"))
        }
        empty = [number for number, one in enumerate(block) if not one[1] and number not in folders]
        if empty:
            entries = storage.each_entry(os.fsdecode(block[number][0]) for number in empty)
            folders.update(number for number, entry in zip(empty, entries, strict=True) if entry is None)
        yield from (one for number, one in enumerate(block) if number not in folders)
        block = after


def nothing(name: str, pattern: Pattern, storage: Storage) -> InputError:
    """The error for a URL that takes nothing: says what is there instead."""
    place = storage.place(os.fsdecode(pattern.base))
    what = "matches no object" if pattern.components else "does not exist"
    if place.store.kind == "https":
        return InputError(f"input {name!r}: {pattern.text} {what}", "The web server answers 404: correct the URL.")
    folder = os.fsdecode(pattern.base)
    root = place.url_of("")
    there = _names(folder, storage) if pattern.components else []
    while not there and folder != root:
        folder = folder.rpartition("/")[0]
        there = _names(folder, storage)
    if not there:
        contents = f"{root} is empty."
    else:
        more = f" and {len(there) - 5} more" if len(there) > 5 else ""
        contents = f"{folder} holds {', '.join(map(repr, there[:5]))}{more}."
    return InputError(
        f"input {name!r}: {pattern.text} {what}",
        f"{contents} Correct the path, or set allowEmpty: true where no object is right.",
    )


def _names(folder: str, storage: Storage) -> list[str]:
    """What is directly in a prefix, folders with a slash, as far as is looked."""
    start = len(folder) + 1
    paths = (os.fsdecode(path)[start:] for path, _, _ in islice(storage.entries(folder), _LOOKED_AT))
    names = {path.partition("/")[0] + "/" * ("/" in path) for path in paths}
    return sorted((one for one in names if not one.startswith(".")), key=lambda one: order.key(one.encode()))
