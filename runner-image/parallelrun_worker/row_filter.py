"""Which rows of a mini-batch are its items: those that an input's ``subset`` takes.

Where rows begin and end in the order of the input was decided when the job was planned; here it is decided of each row
alone, so that it does not matter which mini-batch it is in. A sample is drawn by a hash of seed, file and place: the
row's first byte in text files that are cut, else its number in the file.
"""

from __future__ import annotations

import bisect
import hashlib

from parallelrun_worker import conditions

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any

_ALL = 1 << 64


class Part:
    """The rows of one file in a mini-batch, a run of its frame's."""

    __slots__ = ("below", "number", "places", "start", "stop")

    def __init__(self, number: int, start: int, stop: int, below: str, places: Any) -> None:
        self.number = number  # of the file
        self.start, self.stop = start, stop  # rows of the frame
        self.below = below  # the file's path below its input's root; where rows are drawn
        self.places = places  # likewise: of its rows in the file


class Rule:
    """What one input says of its rows."""

    def __init__(self, said: dict[str, Any]) -> None:
        """``said``: one of ``rows`` of worker.json's table."""
        self.where: list[conditions.Condition] = [tuple(one) for one in said["where"]]
        self.trimmed = {int(number): tuple(rows) for number, rows in said["trimmed"].items()}
        sample: tuple[float, int] = tuple(said["sample"] or (1.0, 0))
        self.seed = sample[1]
        self.limit = int(sample[0] * _ALL)

    @property
    def draws(self) -> bool:
        """Whether rows are drawn."""
        return self.limit < _ALL

    def keep(self, mask: Any, part: Part) -> None:
        """Clear ``mask`` where a row of ``part`` that met the conditions is not taken."""
        import numpy

        rows = mask[part.start : part.stop]
        if part.number in self.trimmed:
            first, last = self.trimmed[part.number]
            there = numpy.flatnonzero(rows)
            rows[there[:first]] = False
            rows[there[last:]] = False
        if self.draws:
            rows &= drawn(self.seed, part.below, part.places) < numpy.uint64(self.limit)


class RowFilter:
    """The rules of all inputs."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        """``rows`` of worker.json's table, by input."""
        self._stops = [one["files"] for one in rows]
        self._rules = [Rule(one) for one in rows]

    def rule(self, number: int) -> Rule:
        """What is said of the rows of a file."""
        return self._rules[bisect.bisect_right(self._stops, number)]

    def mask(self, frame: Any, parts: list[Part]) -> Any:
        """For each row of ``frame`` whether it is taken; ``parts`` are all of it. Raises Unfit."""
        import numpy

        mask = numpy.ones(len(frame), dtype=bool)
        first = 0
        while first < len(parts):
            rule = self.rule(parts[first].number)
            last = first + 1
            while last < len(parts) and self.rule(parts[last].number) is rule:
                last += 1
            start, stop = parts[first].start, parts[last - 1].stop
            if rule.where:
                mask[start:stop] = conditions.met(frame.iloc[start:stop], rule.where)
            for part in parts[first:last]:
                rule.keep(mask, part)
            first = last
        return mask


def drawn(seed: int, path: str, places: Any) -> Any:
    """A number of 64 bits for each row, by chance, that is always the same for seed, file and place."""
    import numpy

    data = ("%d %s" % (seed, path)).encode("utf-8", "surrogateescape")
    key = int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")
    mixed = numpy.asarray(places, dtype=numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15) + numpy.uint64(key)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # splitmix64
        mixed = (mixed ^ (mixed >> numpy.uint64(shift))) * numpy.uint64(factor)
    return mixed ^ (mixed >> numpy.uint64(31))
