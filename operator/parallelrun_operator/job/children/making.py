"""Which objects are made, and in which order: rights first, then what agents read, the header last."""

from __future__ import annotations

from parallelrun.kube.resources import CONFIG_MAPS, ROLES
from parallelrun.leases import header as headers
from parallelrun.leases.allocator import shards_for
from parallelrun_operator.job.actions import Action, Apply, Create
from parallelrun_operator.job.children import access, state
from parallelrun_operator.job.children.pods import account_of
from parallelrun_operator.job.settings import Resolved
from parallelrun_operator.job.world import World


def first(world: World, resolved: Resolved) -> tuple[Action, ...]:
    """For a job that never had a header: rights, settings, Leases, shards and, last, the header."""
    shards = shards_for(resolved.settings.node_limit)
    header = headers.new(world.uid, shards, resolved.settings.spec_hash, resolved.settings.source_hash)
    return (
        *_rights(world, resolved),
        Apply(state.settings(world, resolved)),
        *(Create(state.node_lease(world, node)) for node in _nodes(world, resolved)),
        *(Create(state.shard(world, number)) for number in range(shards)),
        Create(state.header(world, header)),
    )


def standing(world: World, resolved: Resolved) -> tuple[Action, ...]:
    """For a job that has a header and goes on: what was deleted by hand, and what scaling changes. Mostly nothing.

    To be carried out before the Job is made or scaled: agents read the settings, and need their Lease, from the start.
    """
    missing = [node for node in range(resolved.settings.node_count) if node not in world.nodes]
    scaled = bool(missing) or world.child is None or world.child["spec"].get("parallelism") != _wanted(resolved)
    names = world.names
    actions: list[Action] = []
    for action in _rights(world, resolved):
        kind = action.obj["kind"]
        if (kind, names.base) not in world.children or (kind == ROLES.kind and missing):
            actions.append(action)
    if scaled or (CONFIG_MAPS.kind, names.settings) not in world.children:
        actions.append(Apply(state.settings(world, resolved)))
    return (*actions, *(Create(state.node_lease(world, node)) for node in missing))


def _rights(world: World, resolved: Resolved) -> list[Apply]:
    account = account_of(world, resolved)
    shards = shards_for(resolved.settings.node_limit)
    own = [Apply(access.service_account(world))] if account == world.names.base else []
    return [
        *own,
        Apply(access.role(world, shards, _nodes(world, resolved))),
        Apply(access.role_binding(world, account)),
    ]


def _nodes(world: World, resolved: Resolved) -> list[int]:
    """Those that are wanted; and those that are there, since who is scaled away still has work to give back."""
    return sorted({*range(_wanted(resolved)), *world.nodes})


def _wanted(resolved: Resolved) -> int:
    return resolved.settings.node_count
