"""The objects that agents swap, and the settings that they read.

Shards and Leases begin empty: agents fill them, and a store reads an empty object as one that nobody wrote yet. The
header begins with its first state, and is made last: where there is a header, there was all the rest.
"""

from __future__ import annotations

import json
from typing import Any

from parallelrun.api import pod_layout
from parallelrun.kube.resources import CONFIG_MAPS, LEASES
from parallelrun.leases import header as headers
from parallelrun_operator.job.children import security
from parallelrun_operator.job.children.objects import child
from parallelrun_operator.job.settings import Resolved
from parallelrun_operator.job.world import World

Json = dict[str, Any]

_COMPONENT = "state"


def settings(world: World, resolved: Resolved) -> Json:
    """settings.json and job.yaml, which the agents' container mounts; how a pod that reads the files starts; and what
    registered objects the job was resolved with, where it names such."""
    config = world.config
    reader = {
        "image": config.runner_image,
        "pull_policy": config.runner_pull_policy,
        "pull_secrets": [{"name": name} for name in config.runner_pull_secrets],
        "security": security.of_pod(config),
    }
    data = {**resolved.settings_files, pod_layout.READER: json.dumps(reader)}
    return child(world, CONFIG_MAPS, world.names.settings, "settings", data=data)


def node_lease(world: World, node: int) -> Json:
    """Never taken yet."""
    return child(world, LEASES, world.names.node(node), "node", spec={})


def shard(world: World, number: int) -> Json:
    """Never written yet."""
    return child(world, CONFIG_MAPS, world.names.shard(number), _COMPONENT)


def header(world: World, first: headers.Header) -> Json:
    """In its ``first`` state."""
    return child(world, CONFIG_MAPS, world.names.header, _COMPONENT, data={"state": json.dumps(first.to_json())})
