"""What the chart makes: snapshots, and properties that every choice of values keeps."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from chart import EVERYTHING, NAMESPACE, ROOT, Json, of_kind, pods

from parallelrun_operator.config import Config
from parallelrun_operator.flags import ENVIRONMENT, parse

GOLDEN = Path(__file__).parent / "golden"
CHOICES: dict[str, Json] = {"defaults": {}, "everything": EVERYTHING}
CLUSTER_WIDE = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "PriorityClass"}

both = pytest.mark.parametrize("chosen", CHOICES.values(), ids=CHOICES)


@pytest.mark.parametrize("name", CHOICES)
def test_objects_are_those_of_the_golden_file(helm, name):
    """UPDATE_GOLDEN=1 writes it anew. The definition is left out: it is in crds/."""
    made = [one for one in helm.objects(CHOICES[name]) if one["kind"] != "CustomResourceDefinition"]
    for pod in pods(made):  # changes with every field of the definition
        pod["metadata"]["annotations"].pop("checksum/crd", None)
    text = yaml.safe_dump_all(made, sort_keys=False, width=120)
    path = GOLDEN / f"{name}.yaml"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text(), "the chart makes other objects: look at them with UPDATE_GOLDEN=1 and git diff"


@both
def test_objects_are_in_the_releases_namespace_or_in_one_that_values_name(helm, chosen):
    named = {*chosen.get("watchNamespaces", []), *(claim["namespace"] for claim in chosen.get("claims", []))}
    for one in helm.objects(chosen):
        place = one["metadata"].get("namespace")
        assert (place is None) == (one["kind"] in CLUSTER_WIDE), one["metadata"]
        assert place in {None, NAMESPACE, *named}


@both
def test_no_object_is_made_twice_and_names_start_with_the_releases(helm, chosen):
    keys = [(one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) for one in helm.objects(chosen)]
    assert len(keys) == len(set(keys))
    others = {name for kind, _, name in keys if not name.startswith("parallelrun")}
    assert {name for name in others if not name.endswith(".parallelrun.dev")} <= {"scratch"}


def test_a_release_of_another_name_has_all_names_of_its_own(helm):
    def names(release: str) -> set[tuple[str, str]]:
        made = helm.objects({**EVERYTHING, "claims": [], "crds": {"install": False}}, release=release)
        return {(one["kind"], one["metadata"]["name"]) for one in made if one["kind"] != "PriorityClass"}

    assert not names("first") & names("second")


def test_the_operator_is_told_what_its_own_defaults_are(helm):
    config = config_of(helm.objects())
    assert config.agent_resources == {"requests": {"cpu": "100m", "memory": "256Mi"}}
    assert config == Config(agent_resources=config.agent_resources, namespace="ns", identity="pod")


def test_the_operator_understands_every_value(helm):
    config = config_of(helm.objects({**EVERYTHING, "user": {"runAsUser": 1000650000, "runAsGroup": None}}))
    assert config == Config(
        runner_image=f"registry.example:5000/parallelrun/runner@{EVERYTHING['runner']['image']['digest']}",
        runner_pull_secrets=("our-registry", "another"),
        agent_resources={"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        worker_resources={"requests": {"cpu": 1, "memory": "1Gi"}},
        cache_size="100Gi",
        proxy={"http": "", "https": "http://proxy.example:3128", "none": ".example"},
        packages={
            "index": "https://pypi.example/simple",
            "extraIndex": "",
            "wheels": "pvc://wheels/cp311",
            "channelAlias": "",
            "certificates": "our-ca",
        },
        spot={"nodeSelector": {"kubernetes.azure.com/scalesetpriority": "spot"}, "tolerations": []},
        run_as_user=1000650000,
        run_as_group=None,
        watch_namespaces=("team-a", "team-b"),
        log_format="plain",
        namespace="ns",
        identity="pod",
    )


def test_every_setting_of_the_operator_is_a_value(helm):
    container = of_kind(helm.objects(), "Deployment")[0]["spec"]["template"]["spec"]["containers"][0]
    told = {flag.partition("=")[0].removeprefix("--").replace("-", "_") for flag in container["args"]}
    fixed = {"port", "kubeconfig", "context"}  # the chart's containerPort; and for use outside of a cluster
    assert told | fixed | set(ENVIRONMENT) == {field.name for field in fields(Config)}
    assert {one["name"] for one in container["env"]} == set(ENVIRONMENT.values())
    assert container["ports"][0]["containerPort"] == Config().port


def config_of(objects: list[Json]) -> Config:
    """What the operator makes of its command line."""
    container = of_kind(objects, "Deployment")[0]["spec"]["template"]["spec"]["containers"][0]
    return parse(container["args"], {"POD_NAME": "pod", "POD_NAMESPACE": "ns"})


def test_the_definitions_are_those_of_crds_and_are_kept(helm):
    made = of_kind(helm.objects(), "CustomResourceDefinition")
    files = [yaml.safe_load(path.read_text()) for path in (ROOT / "crds").iterdir()]
    assert {one["metadata"]["name"]: one["spec"] for one in made} == {
        one["metadata"]["name"]: one["spec"] for one in files
    }
    assert [one["metadata"]["annotations"] for one in made] == [{"helm.sh/resource-policy": "keep"}] * len(files)


def test_the_definitions_are_not_kept_where_that_is_asked(helm):
    made = of_kind(helm.objects({"crds": {"keep": False}}), "CustomResourceDefinition")
    assert made
    assert not any("annotations" in one["metadata"] for one in made)


def test_claims_are_kept_on_uninstall(helm):
    claims = of_kind(helm.objects(EVERYTHING), "PersistentVolumeClaim")
    assert [one["metadata"]["annotations"]["helm.sh/resource-policy"] for one in claims] == ["keep", "keep"]


def test_only_a_class_that_is_given_is_written_into_a_claim(helm):
    """No class means the default one; "" means none."""
    first, second = of_kind(helm.objects(EVERYTHING), "PersistentVolumeClaim")
    assert "storageClassName" not in first["spec"]
    assert second["spec"]["storageClassName"] == ""


def test_selectors_of_the_operator_find_its_pods_and_not_the_tests(helm):
    objects = helm.objects(EVERYTHING)
    test, operator = (pod["metadata"]["labels"].items() for pod in pods(objects))
    selectors = [
        of_kind(objects, "Deployment")[0]["spec"]["selector"]["matchLabels"],
        of_kind(objects, "Service")[0]["spec"]["selector"],
        of_kind(objects, "PodDisruptionBudget")[0]["spec"]["selector"]["matchLabels"],
        of_kind(objects, "NetworkPolicy", "parallelrun-operator")[0]["spec"]["podSelector"]["matchLabels"],
    ]
    for selector in selectors:
        assert selector.items() <= operator
        assert not selector.items() <= test
