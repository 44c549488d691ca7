"""What an agent may do: read and swap its own job's few objects, each by its name, and see which Models there are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from parallelrun.kube.resources import CONFIG_MAPS, LEASES, MODELS, ROLE_BINDINGS, ROLES, SERVICE_ACCOUNTS
from parallelrun_operator.job.children.objects import child
from parallelrun_operator.job.world import World

Json = dict[str, Any]

_COMPONENT = "access"


def service_account(world: World) -> Json:
    """Of the job's pods, unless the job names one."""
    return child(world, SERVICE_ACCOUNTS, world.names.base, _COMPONENT, automountServiceAccountToken=False)


def role(world: World, shards: int, nodes: Iterable[int]) -> Json:
    """Header and shards are watched as well: agents wait for changes in them. Nobody may list these, create or delete.

    Models are listed, since a script asks for one by its registered name, which no object has to have.
    """
    names = world.names
    state = [names.header, *(names.shard(shard) for shard in range(shards))]
    rules = [
        _rule(CONFIG_MAPS.group, CONFIG_MAPS.plural, state, ["get", "update", "watch"]),
        _rule(LEASES.group, LEASES.plural, [names.node(node) for node in nodes], ["get", "update"]),
        {"apiGroups": [MODELS.group], "resources": [MODELS.plural], "verbs": ["list"]},
    ]
    return child(world, ROLES, names.base, _COMPONENT, rules=rules)


def role_binding(world: World, account: str) -> Json:
    """Of the role to the service account ``account``."""
    subject = {"kind": SERVICE_ACCOUNTS.kind, "name": account, "namespace": world.namespace}
    reference = {"apiGroup": ROLES.group, "kind": ROLES.kind, "name": world.names.base}
    return child(world, ROLE_BINDINGS, world.names.base, _COMPONENT, roleRef=reference, subjects=[subject])


def _rule(group: str, resource: str, names: list[str], verbs: list[str]) -> Json:
    return {"apiGroups": [group], "resources": [resource], "resourceNames": names, "verbs": verbs}
