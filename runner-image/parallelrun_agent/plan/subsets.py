"""Which files of an input its ``subset`` takes: by globs on where they are, by number, or a sample.

A glob with a slash is matched with the whole path below the input's root, one without with the name alone, in any
folder. A sample is drawn from the path, so that the same files are in it in whatever order and store they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from parallelrun.api.errors import InputError
from parallelrun.api.settings import SubsetSettings
from parallelrun_agent.plan.listing import Found
from parallelrun_agent.plan.patterns import below, glob, is_glob, single


def require_possible(name: str, subset: SubsetSettings, is_table: bool) -> None:
    """Raises InputError for conditions on columns of files."""
    if subset.where and not is_table:
        raise InputError(
            f"input {name!r}: subset.where is for tables",
            "Choose files with include and exclude, or set type: Tabular.",
        )


def takes_rows(subset: SubsetSettings) -> bool:
    """Whether a table's rows are counted: some at its beginning or end are left out."""
    return bool(subset.skip) or subset.take is not None


def chooses_rows(subset: SubsetSettings) -> bool:
    """Whether not every row of a table is taken."""
    return takes_rows(subset) or bool(subset.where) or subset.sample is not None


class OutOfOrder(Exception):
    """A choice that comes after one that a subset makes later."""


def narrowed(first: SubsetSettings, then: SubsetSettings) -> SubsetSettings:
    """The subset that takes what ``then`` takes of what ``first`` takes; include and exclude, being of files, come
    before all else. Raises OutOfOrder where there is none."""
    if then.where and takes_rows(first):
        raise OutOfOrder("conditions on rows that were counted already (skip, take) are not supported: filter first")
    if first.sample is not None and (takes_rows(then) or then.sample is not None):
        raise OutOfOrder("a sample of rows is the last that is chosen: skip and take come before it")
    if then.include and first.include:
        raise OutOfOrder("include is said twice")
    remaining = None if first.take is None else max(0, first.take - then.skip)
    takes = [one for one in (remaining, then.take) if one is not None]
    return SubsetSettings(
        include=first.include or then.include,
        exclude=[*first.exclude, *then.exclude],
        where=[*first.where, *then.where],
        skip=first.skip + then.skip,
        take=min(takes) if takes else None,
        sample=then.sample if first.sample is None else first.sample,
        seed=then.seed if first.sample is None else first.seed,
    )


def files(subset: SubsetSettings, found: Iterator[Found], root: str, is_table: bool) -> Iterator[Found]:
    """The files that are taken, in their order; of a table include and exclude alone say which."""
    if subset.include:
        included = _any(subset.include)
        found = (file for file in found if included(below(file[0], root)))
    if subset.exclude:
        excluded = _any(subset.exclude)
        found = (file for file in found if not excluded(below(file[0], root)))
    if is_table:
        return found
    stop = None if subset.take is None else subset.skip + subset.take
    found = islice(found, subset.skip, stop)
    if subset.sample is not None:
        limit = int(subset.sample * (1 << 64))
        found = (file for file in found if _drawn(subset.seed, below(file[0], root)) < limit)
    return found


def _drawn(seed: int, path: str) -> int:
    """A number below 2^64, by chance, that is always the same for a path."""
    data = f"{seed} {path}".encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


def _any(globs: Sequence[str]) -> Callable[[str], bool]:
    matchers = [_matcher(text) for text in globs]
    return lambda path: any(matches(path) for matches in matchers)


def _matcher(text: str) -> Callable[[str], bool]:
    path = b"/" + text.strip("/").encode("utf-8", "surrogateescape")
    pattern = glob(text, b"/", path) if is_glob(path) else single(text, path)
    if "/" in text:
        return lambda below_root: pattern.takes(b"/" + below_root.encode("utf-8", "surrogateescape"))
    return lambda below_root: pattern.takes(b"/" + below_root.rpartition("/")[2].encode("utf-8", "surrogateescape"))
