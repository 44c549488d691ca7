"""What is made for a job and when: rights by name, empty state, the header last."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import restricted
from builders import UID, a_job, a_world

from parallelrun.kube.names import Names
from parallelrun.kube.resources import resource_of
from parallelrun.leases.header import Header, Phase
from parallelrun_operator.config import Config
from parallelrun_operator.job import children
from parallelrun_operator.job.actions import Action, Apply, Create
from parallelrun_operator.job.settings import Resolved, resolve
from parallelrun_operator.job.world import World

Json = dict[str, Any]
NAMES = Names.of("mnist", UID)


def case(**spec: Any) -> tuple[World, Resolved]:
    job = a_job(**spec)
    return a_world(job), resolve(job, Config())


def settled(world: World, resolved: Resolved) -> World:
    """``world`` after `first` and the Job."""
    objects = [made(action) for action in children.first(world, resolved)]
    kept = frozenset((one["kind"], one["metadata"]["name"]) for one in objects if one["kind"] != "Lease")
    nodes = dict.fromkeys(range(resolved.settings.node_count))
    return replace(world, children=kept, nodes=nodes, child=children.job(world, resolved))


def made(action: Action) -> Json:
    assert isinstance(action, Apply | Create)
    return action.obj


def named(actions: tuple[Action, ...]) -> list[tuple[str, str]]:
    return [(made(action)["kind"], made(action)["metadata"]["name"]) for action in actions]


def role_of(actions: tuple[Action, ...]) -> Json:
    return next(made(action) for action in actions if made(action)["kind"] == "Role")


def test_a_new_job_gets_rights_settings_leases_shards_and_last_its_header() -> None:
    world, resolved = case(nodeCount=2, maxNodeCount=65)
    assert named(children.first(world, resolved)) == [
        ("ServiceAccount", NAMES.base),
        ("Role", NAMES.base),
        ("RoleBinding", NAMES.base),
        ("ConfigMap", NAMES.settings),
        ("Lease", NAMES.node(0)),
        ("Lease", NAMES.node(1)),
        ("ConfigMap", NAMES.shard(0)),
        ("ConfigMap", NAMES.shard(1)),
        ("ConfigMap", NAMES.header),
    ]


def test_what_agents_swap_is_only_created_and_what_is_ours_alone_is_applied() -> None:
    """A second look must not wipe out a state that agents have written."""
    world, resolved = case()
    for action in children.first(world, resolved):
        component = made(action)["metadata"]["labels"]["app.kubernetes.io/component"]
        assert isinstance(action, Create if component in ("state", "node") else Apply)


def test_the_header_begins_in_planning_with_all_shards_open_and_shards_and_leases_empty() -> None:
    world, resolved = case(maxNodeCount=200)
    objects = {made(one)["metadata"]["name"]: made(one) for one in children.first(world, resolved)}
    header = Header.from_json(json.loads(objects[NAMES.header]["data"]["state"]))
    assert (header.phase, header.job_uid, header.shards, header.open_shards) == (Phase.PLANNING, UID, 4, 0b1111)
    assert header.spec_hash == resolved.settings.spec_hash
    assert not any("data" in objects[NAMES.shard(number)] for number in range(4))
    assert objects[NAMES.node(0)]["spec"] == {}
    assert "annotations" not in objects[NAMES.node(0)]["metadata"]


def test_every_child_is_owned_by_its_job_and_labelled_with_its_name_and_uid() -> None:
    world, resolved = case()
    objects = [*map(made, children.first(world, resolved)), children.job(world, resolved)]
    for one in objects:
        (owner,) = one["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["uid"]) == ("ParallelRunJob", "mnist", UID)
        assert (owner["controller"], owner["blockOwnerDeletion"]) == (True, False)
        labels = one["metadata"]["labels"]
        assert (labels["parallelrun.dev/job"], labels["parallelrun.dev/job-uid"]) == ("mnist", UID)
        assert one["metadata"]["namespace"] == "team"
        assert resource_of(one).namespaced


def test_an_agent_may_touch_its_own_job_s_state_by_name_and_list_models() -> None:
    world, resolved = case(nodeCount=2)
    state, leases, models = role_of(children.first(world, resolved))["rules"]
    assert (state["resources"], state["resourceNames"]) == (["configmaps"], [NAMES.header, NAMES.shard(0)])
    assert state["verbs"] == ["get", "update", "watch"]
    assert (leases["resources"], leases["resourceNames"]) == (["leases"], [NAMES.node(0), NAMES.node(1)])
    assert leases["verbs"] == ["get", "update"]
    assert models == {"apiGroups": ["parallelrun.dev"], "resources": ["models"], "verbs": ["list"]}


def test_the_role_is_bound_to_the_job_s_own_account_or_to_the_one_it_names() -> None:
    def subject(**spec: Any) -> tuple[Any, bool]:
        actions = children.first(*case(**spec))
        binding = next(made(one) for one in actions if made(one)["kind"] == "RoleBinding")
        return binding["subjects"][0]["name"], ("ServiceAccount", NAMES.base) in named(actions)

    assert subject() == (NAMES.base, True)
    assert subject(serviceAccountName="scoring") == ("scoring", False)


def test_a_job_that_has_all_it_needs_is_left_alone() -> None:
    world, resolved = case(nodeCount=2)
    assert children.standing(settled(world, resolved), resolved) == ()


@pytest.mark.parametrize("kind", ["ServiceAccount", "Role", "RoleBinding", "ConfigMap"])
def test_what_was_deleted_by_hand_comes_back(kind: str) -> None:
    world, resolved = case(nodeCount=2)
    name = NAMES.settings if kind == "ConfigMap" else NAMES.base
    there = settled(world, resolved)
    assert named(children.standing(replace(there, children=there.children - {(kind, name)}), resolved)) == [
        (kind, name)
    ]


def test_a_deleted_lease_comes_back_empty() -> None:
    world, resolved = case(nodeCount=2)
    there = replace(settled(world, resolved), nodes={0: None})
    assert named(children.standing(there, resolved))[-1] == ("Lease", NAMES.node(1))


def test_scaling_up_widens_rights_and_settings_before_it_makes_leases() -> None:
    world, resolved = case(nodeCount=1)
    there = settled(world, resolved)
    job = a_job(nodeCount=3)
    actions = children.standing(replace(there, job=job), resolve(job, Config()))
    assert named(actions) == [
        ("Role", NAMES.base),
        ("ConfigMap", NAMES.settings),
        ("Lease", NAMES.node(1)),
        ("Lease", NAMES.node(2)),
    ]
    assert role_of(actions)["rules"][1]["resourceNames"] == [NAMES.node(node) for node in range(3)]
    assert json.loads(made(actions[1])["data"]["settings.json"])["node_count"] == 3


def test_scaling_down_changes_settings_and_leaves_who_goes_the_right_to_give_back() -> None:
    world, resolved = case(nodeCount=3)
    there = settled(world, resolved)
    job = a_job(nodeCount=1)
    fewer = resolve(job, Config())
    assert named(children.standing(replace(there, job=job), fewer)) == [("ConfigMap", NAMES.settings)]
    role_gone = replace(there, job=job, children=there.children - {("Role", NAMES.base)})
    leases = role_of(children.standing(role_gone, fewer))["rules"][1]
    assert leases["resourceNames"] == [NAMES.node(node) for node in range(3)]


def test_settings_are_fresh_before_a_job_is_made_again() -> None:
    world, resolved = case()
    there = replace(settled(world, resolved), child=None)
    assert named(children.standing(there, resolved)) == [("ConfigMap", NAMES.settings)]


@pytest.mark.parametrize("name", ["a", "x" * 63, "1-2", "a-" * 20 + "b", "nineteen-characters-long"])
def test_names_of_children_and_hosts_are_such_as_kubernetes_takes(name: str) -> None:
    """A Job names its pods' hosts after itself and the index, and that is a label of DNS."""
    world, resolved = case(name=name, nodeCount=1, maxNodeCount=10_000)
    for action in children.first(world, resolved):
        assert restricted.SUBDOMAIN.fullmatch(made(action)["metadata"]["name"])
    base = children.job(world, resolved)["metadata"]["name"]
    assert restricted.LABEL.fullmatch(f"{base}-9999")
