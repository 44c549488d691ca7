"""A shard's allocator: who may run which mini-batches of a contiguous part of the plan.

At every moment each mini-batch of a shard is in exactly one place: in an unclaimed range, in the range of one lease,
or completed; completed is what is left over, so it cannot disagree with the rest. A lease is known by holder and
epoch, and an epoch is given once: whoever lost a lease, however late it speaks, changes nothing.

Counts become final when a range is completed or given back, together with the range itself. What was sealed in a range
that went back whole is counted by whoever completes it: the range names its *former* holders, whose segments (and
tries) the claimant reads first, so that nothing sealed is run again.

Every function is pure. Unclaimed and leased ranges together stay at or under :data:`MAX_RANGES`, which bounds the size
of the JSON form: see :func:`claim` and :func:`give_back` for what they do at the limit. Ranges are never merged across
completed mini-batches to get there, since the counts of those are final and no longer known one by one.

A holder that expired may still win a claim that was under way: callers who expire holders look for leases of holders
that are not alive (:func:`holders`) from time to time, not once.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from parallelrun.leases.header import GENERATION_SHIFT

#: How many unclaimed ranges a shard is built with at most, and may have before claims only take whole ones.
MAX_UNCLAIMED = 256
#: Unclaimed and leased ranges together: 256 and two leases for each of the 64 nodes that a shard is made for.
MAX_RANGES = 384
#: One shard for about so many nodes: what one API object bears.
NODES_PER_SHARD = 64

Range = tuple[int, int]


@dataclass(frozen=True)
class Counts:
    """Mini-batches (``completed`` includes ``failed``; ``retried`` needed more than one try) and items."""

    completed: int = 0
    failed: int = 0
    retried: int = 0
    items_succeeded: int = 0
    items_failed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(a + b for a, b in zip(self.as_tuple(), other.as_tuple(), strict=True)))

    def __sub__(self, other: Counts) -> Counts:
        """Each count less the other's, and 0 where that would be negative."""
        return Counts(*(max(0, a - b) for a, b in zip(self.as_tuple(), other.as_tuple(), strict=True)))

    def as_tuple(self) -> tuple[int, int, int, int, int]:
        """The five counts in the order of their declaration."""
        return (self.completed, self.failed, self.retried, self.items_succeeded, self.items_failed)


@dataclass(frozen=True)
class Unclaimed:
    """Mini-batches from ``start`` up to, not including, ``stop`` that nobody holds; ``former`` may have sealed some."""

    start: int
    stop: int
    former: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lease:
    """The right of ``holder`` to run [start, stop); ``former`` holders may have sealed some of it."""

    holder: str
    epoch: int
    start: int
    stop: int
    former: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shard:
    """Mini-batches [start, stop) of the plan. ``unclaimed`` is sorted and disjoint; ``leases`` in order of epoch."""

    start: int
    stop: int
    epoch: int
    unclaimed: tuple[Unclaimed, ...] = ()
    leases: tuple[Lease, ...] = ()
    counts: Counts = Counts()


def shards_for(max_node_count: int) -> int:
    """How many shards a job that may grow to so many nodes has."""
    return max(1, -(-max_node_count // NODES_PER_SHARD))


def split(total: int, shards: int) -> list[Range]:
    """[start, stop) of each shard: contiguous, in order, sizes differing by one at most."""
    return [(total * k // shards, total * (k + 1) // shards) for k in range(shards)]


def shard_of(mini_batch: int, total: int, shards: int) -> int:
    """The shard that holds ``mini_batch`` after :func:`split`."""
    return ((mini_batch + 1) * shards - 1) // total


def new(start: int, stop: int, generation: int) -> Shard:
    """A shard of which nothing has been claimed."""
    unclaimed = (Unclaimed(start, stop),) if stop > start else ()
    return Shard(start, stop, generation << GENERATION_SHIFT, unclaimed)


def resumed(
    start: int,
    stop: int,
    generation: int,
    todo: Iterable[Range],
    former: Sequence[str],
    counts: Callable[[int, int], Counts],
) -> Shard:
    """A shard rebuilt from what is sealed: ``todo`` (sorted, disjoint) is what is not.

    At most MAX_UNCLAIMED ranges come out: the smallest gaps between them are closed, and a range that holds such
    finished mini-batches names ``former``, so that its claimant finds and counts them. ``counts(a, b)`` gives the
    counts of the finished mini-batches [a, b); it is asked once for each gap that stays, never for what is unclaimed,
    so each mini-batch is counted here or by the claimant, not by both.
    Raises ValueError where ``todo`` is not sorted and disjoint, or ``counts`` does not count a gap in full.
    """
    ranges = _checked(todo, start, stop)
    merged = _close_smallest_gaps(ranges, MAX_UNCLAIMED)
    unclaimed = tuple(Unclaimed(a, b, tuple(former) if closed else ()) for a, b, closed in merged)
    total = Counts()
    for a, b in _gaps(start, stop, unclaimed):
        gap = counts(a, b)
        _require_count(gap, b - a, f"mini-batches {a} to {b - 1}")
        total += gap
    return Shard(start, stop, generation << GENERATION_SHIFT, unclaimed, (), total)


def claim(shard: Shard, holder: str, want: int) -> tuple[Shard, Lease | None]:
    """A lease on up to ``want`` mini-batches, from the first unclaimed range; None where there is nothing to claim.

    At MAX_RANGES ranges none is split any more: the smallest is given whole if it is no more than ``want`` or if there
    are MAX_UNCLAIMED unclaimed ones; otherwise so many leases are out that the claimant has to wait for one to end.
    """
    part = _claimable(shard, max(1, want))
    if part is None:
        return shard, None
    source, stop = part
    lease = Lease(holder, shard.epoch + 1, source.start, stop, source.former)
    rest = (Unclaimed(stop, source.stop, source.former),) if stop < source.stop else ()
    i = shard.unclaimed.index(source)
    unclaimed = shard.unclaimed[:i] + rest + shard.unclaimed[i + 1 :]
    return replace(shard, epoch=lease.epoch, unclaimed=unclaimed, leases=(*shard.leases, lease)), lease


def complete(shard: Shard, holder: str, epoch: int, counts: Counts) -> tuple[Shard, bool]:
    """Every mini-batch of the lease is sealed; ``counts`` are theirs. False, unchanged: the lease is another's now."""
    return give_back(shard, holder, epoch, (), counts)


def give_back(shard: Shard, holder: str, epoch: int, unfinished: Iterable[Range], counts: Counts) -> tuple[Shard, bool]:
    """End a lease early: ``unfinished`` (sorted, disjoint) become unclaimed, the rest is completed with ``counts``.

    False, unchanged: the lease is another's now. Unclaimed ranges name the holder as former, besides those before it.
    Where so many pieces would exceed MAX_RANGES the lease goes back whole and uncounted, as if it had expired: the next
    holder finds and counts what is sealed.
    Raises ValueError where ranges are not within the lease or ``counts`` are not of all the rest.
    """
    lease = _lease(shard, holder, epoch)
    if lease is None:
        return shard, False
    ranges = _checked(unfinished, lease.start, lease.stop)
    finished = lease.stop - lease.start - sum(b - a for a, b in ranges)
    _require_count(counts, finished, f"the finished part of mini-batches {lease.start} to {lease.stop - 1}")
    after = _without(shard, (lease,), ranges)
    if len(_taken(after)) > max(MAX_RANGES, len(_taken(shard))):
        return _without(shard, (lease,), ((lease.start, lease.stop),)), True
    return replace(after, counts=shard.counts + counts), True


def shrink(shard: Shard, holder: str, epoch: int, stop: int) -> tuple[Shard, bool]:
    """Return [stop, lease.stop), of which nothing was started, and keep the rest of the lease.

    The returned part does not name the holder. False, unchanged: the lease is another's now. It adds a range even at
    MAX_RANGES, since the holder has let go of it when it asks: shrink only where nothing is left for others to claim.
    Raises ValueError where ``stop`` leaves nothing to either side.
    """
    lease = _lease(shard, holder, epoch)
    if lease is None:
        return shard, False
    if not lease.start < stop < lease.stop:
        raise ValueError(f"mini-batches {lease.start} to {lease.stop - 1} cannot be cut at {stop}")
    leases = tuple(replace(x, stop=stop) if x is lease else x for x in shard.leases)
    unclaimed = _merged((*shard.unclaimed, Unclaimed(stop, lease.stop, lease.former)))
    return replace(shard, unclaimed=unclaimed, leases=leases), True


def expire(shard: Shard, holder: str) -> Shard:
    """All leases of ``holder`` go back, uncounted, naming it as former."""
    leases = held(shard, holder)
    if not leases:
        return shard
    return _without(shard, leases, tuple((x.start, x.stop) for x in leases))


def reopen(
    shard: Shard, start: int, stop: int, former: Sequence[str], uncount: Counts, epoch: int | None = None
) -> Shard:
    """Completed mini-batches [start, stop) are unclaimed again, and ``uncount`` (their counts) is taken back.

    ``former`` must not name the holders of the corrupt records, or the claimant takes these for finished. No count
    falls below 0: a success that was sealed late may stand in the table where a failure was counted.
    ``epoch`` is the shard's as the finalizer read it: where a lease was granted since, this finalizer was superseded
    and nothing changes. Nothing changes either where any of them is not completed (they were reopened already) or at
    MAX_RANGES ranges (the next finalizer finds the rest). Raises ValueError where ``uncount`` is not of all of them.
    """
    _require_count(uncount, stop - start, f"mini-batches {start} to {stop - 1}")
    if epoch not in (None, shard.epoch) or not _all_completed(shard, start, stop):
        return shard
    unclaimed = _merged((*shard.unclaimed, Unclaimed(start, stop, tuple(dict.fromkeys(former)))))
    if len(unclaimed) + len(shard.leases) > MAX_RANGES:
        return shard
    return replace(shard, unclaimed=unclaimed, counts=shard.counts - uncount)


def held(shard: Shard, holder: str) -> tuple[Lease, ...]:
    """The leases of ``holder``: also one whose grant it never heard of, since the store's answer was lost."""
    return tuple(x for x in shard.leases if x.holder == holder)


def holders(shard: Shard) -> frozenset[str]:
    """Everybody who has a lease."""
    return frozenset(x.holder for x in shard.leases)


def done(shard: Shard) -> bool:
    """Whether every mini-batch is completed."""
    return not shard.unclaimed and not shard.leases


def unclaimed(shard: Shard) -> int:
    """How many mini-batches could be claimed."""
    return sum(x.stop - x.start for x in shard.unclaimed)


def remaining(shard: Shard) -> int:
    """How many mini-batches are not completed."""
    return unclaimed(shard) + sum(x.stop - x.start for x in shard.leases)


def completed(shard: Shard) -> int:
    """How many mini-batches are completed."""
    return shard.stop - shard.start - remaining(shard)


def check(shard: Shard) -> None:
    """Raise AssertionError where a promise of this module is broken."""
    ranges = sorted(_taken(shard))
    assert all(a < b for a, b in ranges), f"an empty range: {ranges}"
    at = shard.start
    for a, b in ranges:
        assert a >= at, f"mini-batches {a} to {at - 1} are in two places"
        at = b
    assert at <= max(shard.stop, shard.start), f"mini-batches {shard.stop} to {at - 1} are outside of the shard"
    starts = [x.start for x in shard.unclaimed]
    assert starts == sorted(starts), f"unclaimed ranges are not sorted: {starts}"
    epochs = [x.epoch for x in shard.leases]
    assert len(set(epochs)) == len(epochs), f"an epoch was given twice: {epochs}"
    assert all(e <= shard.epoch for e in epochs), f"a lease is from the future: {epochs}, shard {shard.epoch}"
    assert shard.counts.completed == completed(shard), f"{shard.counts} where {completed(shard)} are completed"
    assert min(shard.counts.as_tuple()) >= 0, f"negative counts: {shard.counts}"


def _claimable(shard: Shard, want: int) -> tuple[Unclaimed, int] | None:
    """The unclaimed range to claim from, and where the claim stops."""
    if not shard.unclaimed:
        return None
    if len(_taken(shard)) < MAX_RANGES:
        first = shard.unclaimed[0]
        return first, min(first.stop, first.start + want)
    smallest = min(shard.unclaimed, key=lambda x: x.stop - x.start)
    if smallest.stop - smallest.start <= want or len(shard.unclaimed) >= MAX_UNCLAIMED:
        return smallest, smallest.stop
    return None


def _lease(shard: Shard, holder: str, epoch: int) -> Lease | None:
    return next((x for x in shard.leases if x.epoch == epoch and x.holder == holder), None)


def _without(shard: Shard, leases: Sequence[Lease], ranges: Iterable[Range]) -> Shard:
    """``shard`` less ``leases``, of which ``ranges`` are unclaimed."""
    returned = [
        Unclaimed(a, b, tuple(dict.fromkeys((*lease.former, lease.holder))))
        for a, b in ranges
        for lease in leases
        if lease.start <= a < lease.stop
    ]
    kept = tuple(x for x in shard.leases if x not in leases)
    return replace(shard, unclaimed=_merged((*shard.unclaimed, *returned)), leases=kept)


def _merged(ranges: Iterable[Unclaimed]) -> tuple[Unclaimed, ...]:
    """Sorted; neighbours that touch and have the same former holders as one."""
    out: list[Unclaimed] = []
    for x in sorted(ranges, key=lambda x: x.start):
        if out and out[-1].stop == x.start and set(out[-1].former) == set(x.former):
            out[-1] = replace(out[-1], stop=x.stop)
        else:
            out.append(x)
    return tuple(out)


def _checked(ranges: Iterable[Range], start: int, stop: int) -> list[Range]:
    """``ranges`` without empty ones; raises ValueError where they are not sorted, disjoint and in [start, stop)."""
    out = [(a, b) for a, b in ranges if a != b]
    at = start
    for a, b in out:
        if not at <= a < b <= stop:
            raise ValueError(f"[{a}, {b}) is out of order, overlaps or lies outside of [{start}, {stop})")
        at = b
    return out


def _close_smallest_gaps(ranges: Sequence[Range], limit: int) -> list[tuple[int, int, bool]]:
    """At most ``limit`` ranges that cover ``ranges``, each with whether it covers a gap."""
    keep = set(heapq.nlargest(limit - 1, range(1, len(ranges)), key=lambda i: (ranges[i][0] - ranges[i - 1][1], -i)))
    out: list[tuple[int, int, bool]] = []
    for i, (a, b) in enumerate(ranges):
        if i and (i not in keep or a == ranges[i - 1][1]):
            start, stop, closed = out[-1]
            out[-1] = (start, b, closed or a > stop)
        else:
            out.append((a, b, False))
    return out


def _gaps(start: int, stop: int, ranges: Iterable[Unclaimed]) -> Iterator[Range]:
    at = start
    for x in ranges:
        if x.start > at:
            yield at, x.start
        at = x.stop
    if stop > at:
        yield at, stop


def _all_completed(shard: Shard, start: int, stop: int) -> bool:
    """Whether all of [start, stop) is completed."""
    inside = shard.start <= start < stop <= shard.stop
    return inside and all(b <= start or a >= stop for a, b in _taken(shard))


def _taken(shard: Shard) -> list[Range]:
    """Every range that is not completed."""
    return [(x.start, x.stop) for x in shard.unclaimed] + [(x.start, x.stop) for x in shard.leases]


def _require_count(counts: Counts, mini_batches: int, what: str) -> None:
    if counts.completed != mini_batches:
        raise ValueError(f"counts of {what} are of {counts.completed} mini-batches, not of {mini_batches}")
