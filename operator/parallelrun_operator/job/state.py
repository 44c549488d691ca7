"""A job's state as its ConfigMaps and Leases hold it, read from what the watches saw."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from parallelrun.api.errors import ParallelRunError
from parallelrun.kube.lease_store import LEASE_ANNOTATION, STATE
from parallelrun.kube.names import Names
from parallelrun.leases.allocator import Shard
from parallelrun.leases.header import Header
from parallelrun.leases.node import NodeLease
from parallelrun.leases.shard_json import shard_from_json

T = TypeVar("T")
Json = dict[str, Any]
Objects = Mapping[str, Json]


class StateUnreadable(ParallelRunError):
    """Somebody wrote something else into an object that holds a part of a job's state."""


def header(config_maps: Objects, names: Names) -> Header | None:
    """None where its ConfigMap is missing or empty; raises StateUnreadable."""
    return _config_map_state(config_maps.get(names.header), Header.from_json)


def shards(config_maps: Objects, names: Names) -> dict[int, Shard | None]:
    """The shards that exist, by number; None for those still empty. Raises StateUnreadable."""
    found = _numbered(config_maps, names.shard(0))
    return {k: _config_map_state(obj, shard_from_json) for k, obj in found.items()}


def nodes(leases: Objects, names: Names) -> dict[int, NodeLease | None]:
    """The nodes' leases that exist, by number; None for those never taken. Raises StateUnreadable."""
    found = _numbered(leases, names.node(0))
    return {n: _state(obj, _annotation(obj), NodeLease.from_json) for n, obj in found.items()}


def _numbered(objects: Objects, name_of_first: str) -> dict[int, Json]:
    stem = name_of_first.removesuffix("0")
    ends = {name: name.removeprefix(stem) for name in objects if name.startswith(stem)}
    return {int(end): objects[name] for name, end in ends.items() if end.isdecimal()}


def _annotation(lease: Json) -> str | None:
    return (lease["metadata"].get("annotations") or {}).get(LEASE_ANNOTATION)


def _config_map_state(obj: Json | None, read: Callable[[Json], T]) -> T | None:
    return None if obj is None else _state(obj, (obj.get("data") or {}).get(STATE), read)


def _state(obj: Json, text: str | None, read: Callable[[Json], T]) -> T | None:
    if text is None:
        return None
    try:
        return read(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StateUnreadable(
            f"{obj['kind']} {obj['metadata']['name']} was changed by hand and cannot be read: {error}",
            hint="Put back what it held, or delete it: the job then goes on without it, or fails and says so.",
        ) from error
