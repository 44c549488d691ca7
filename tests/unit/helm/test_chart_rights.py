"""Who may do what: nothing with a wildcard, nothing with Secrets, nothing outside the namespaces that values name."""

from __future__ import annotations

import pytest
from chart import EVERYTHING, NAMESPACE, Json, of_kind

WATCHED = {"watchNamespaces": ["team-a", "team-b"]}


def rules(objects: list[Json]) -> list[Json]:
    return [rule for one in objects if one["kind"] in ("Role", "ClusterRole") for rule in one["rules"]]


@pytest.mark.parametrize("chosen", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_no_rule_has_a_wildcard_or_names_secrets(helm, chosen):
    found = rules(helm.objects(chosen))
    assert len(found) > 20
    for rule in found:
        words = [word for part in rule.values() for word in part]
        assert not any("*" in word for word in words), rule
        assert not any(word.startswith("secrets") for word in words), rule


def test_the_operator_of_all_namespaces_is_bound_in_the_cluster(helm):
    objects = helm.objects()
    bound = {one["roleRef"]["name"] for one in of_kind(objects, "ClusterRoleBinding")}
    assert bound == {"parallelrun-operator", "parallelrun-operator-nodes"}


def test_the_operator_of_some_namespaces_has_rights_in_these_and_reads_nodes_else(helm):
    objects = helm.objects(WATCHED)
    assert [one["roleRef"]["name"] for one in of_kind(objects, "ClusterRoleBinding")] == ["parallelrun-operator-nodes"]
    (nodes,) = of_kind(objects, "ClusterRole", "parallelrun-operator-nodes")
    assert nodes["rules"] == [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list", "watch"]}]
    bound = {
        (one["metadata"]["namespace"], one["roleRef"]["name"])
        for one in of_kind(objects, "RoleBinding")
        if one["subjects"][0]["name"] == "parallelrun-operator"
    }
    assert bound == {
        ("team-a", "parallelrun-operator"),
        ("team-b", "parallelrun-operator"),
        (NAMESPACE, "parallelrun-operator-own"),
    }


def test_all_bindings_of_the_operator_follow_a_service_account_of_ones_own(helm):
    objects = helm.objects({**WATCHED, "operator": {"serviceAccount": {"create": False, "name": "mine"}}})
    bindings = [*of_kind(objects, "RoleBinding"), *of_kind(objects, "ClusterRoleBinding")]
    names = {one["subjects"][0]["name"] for one in bindings}
    assert names == {"mine", "parallelrun-test"}
    assert not of_kind(objects, "ServiceAccount", "mine")
    assert of_kind(objects, "Deployment")[0]["spec"]["template"]["spec"]["serviceAccountName"] == "mine"


def test_the_test_may_touch_its_own_job_only(helm):
    (role,) = of_kind(helm.objects(), "Role", "parallelrun-test")
    create, rest = role["rules"]
    assert create["verbs"] == ["create"]
    assert rest["resourceNames"] == ["parallelrun-test"]
    assert {*create["resources"], *rest["resources"]} == {"parallelrunjobs"}
