"""Which folders of claims a container mounts: as few as show it all that the job names, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from parallelrun.api.errors import ManifestError
from parallelrun_operator.job.settings.places import Place
from parallelrun_operator.job.settings.resolved import Folder

_Key = tuple[str, tuple[str, ...]]  # claim, parts


def mounted(read: Iterable[Place], written: Iterable[tuple[str, Place]]) -> tuple[Folder, ...]:
    """Outermost folders, each once, outer before inner; what is ``written`` is writable, also inside what is ``read``.

    ``written`` are pairs of (where in the manifest, place on a claim). Raises ManifestError for one that cannot be
    mounted.
    """
    writable = {_exact(where, place) for where, place in written}
    readable = {(place.claim, place.mountable) for place in read if place.claim} - writable
    outermost = {key for key in readable if not any(_is_below(key, other) for other in readable)}
    found = [(key, True) for key in writable] + [(key, False) for key in outermost]
    return tuple(Folder(claim, "/".join(parts), writes) for (claim, parts), writes in sorted(found))


def _exact(where: str, place: Place) -> _Key:
    if place.mountable != place.parts:
        raise ManifestError(
            f"{where}: the path {'/'.join(place.parts)} has a colon in it and cannot be mounted.",
            "Choose a name without one.",
        )
    return place.claim, place.parts


def _is_below(key: _Key, other: _Key) -> bool:
    return key != other and key[0] == other[0] and key[1][: len(other[1])] == other[1]
