"""The Indexed Job and its pods: who mounts what, who may do what, and where they run."""

from __future__ import annotations

import json
from typing import Any

import pytest
import restricted
from builders import UID, a_job, a_world
from kubernetes_expansion import expand

from parallelrun.api import exit_codes
from parallelrun_operator.config import Config
from parallelrun_operator.job import children
from parallelrun_operator.job.settings import resolve

Json = dict[str, Any]
BASE = f"mnist-{UID}"
FETCHED = [{"git": {"url": "https://git.example/x.git", "ref": "v1", "path": "code"}}, {"imagePath": "/app"}]
SOURCES = [{"configMap": {"name": "code"}}, {"claim": {"name": "code", "path": "a/b"}}, *FETCHED]


def the_job(config: Config | None = None, **spec: Any) -> Json:
    job = a_job(**spec)
    config = config or Config()
    return children.job(a_world(job, config=config), resolve(job, config))


def pod(config: Config | None = None, **spec: Any) -> Json:
    found: Json = the_job(config, **spec)["spec"]["template"]["spec"]
    return found


def container(pod: Json, name: str) -> Json:
    return next(one for one in restricted.containers(pod) if one["name"] == name)


def mounts(pod: Json, name: str) -> dict[str, Json]:
    """Of a container, by path."""
    return {mount["mountPath"]: mount for mount in container(pod, name)["volumeMounts"]}


def volume(pod: Json, name: str) -> Json:
    return next(one for one in pod["volumes"] if one["name"] == name)


def test_the_job_keeps_a_pod_for_each_node_until_one_says_it_is_done() -> None:
    job = the_job(nodeCount=3)
    spec = job["spec"]
    assert job["metadata"]["name"] == BASE
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 3, 3)
    assert spec["successPolicy"] == {"rules": [{"succeededCount": 1}]}
    assert (spec["backoffLimitPerIndex"], spec["podReplacementPolicy"]) == (2147483647, "Failed")
    assert "suspend" not in spec


def test_every_exit_code_that_an_agent_chooses_is_ignored_but_success() -> None:
    chosen = {code for name, code in vars(exit_codes).items() if name.startswith("AGENT_")}
    codes, disruption = the_job()["spec"]["podFailurePolicy"]["rules"]
    assert codes["onExitCodes"]["containerName"] == "agent"
    assert set(codes["onExitCodes"]["values"]) == chosen - {0}
    assert disruption["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]


def test_a_suspended_job_or_one_with_a_queue_is_created_suspended_and_carries_kueue_s_labels() -> None:
    queue = {"kueue.x-k8s.io/queue-name": "q", "kueue.x-k8s.io/priority-class": "p", "team": "vision"}
    queued = the_job(labels=queue)
    assert queued["spec"]["suspend"] is True
    assert {key for key in queued["metadata"]["labels"] if not key.startswith(("app.", "parallelrun."))} == {
        "kueue.x-k8s.io/queue-name",
        "kueue.x-k8s.io/priority-class",
    }
    assert the_job(suspend=True)["spec"]["suspend"] is True


@pytest.mark.parametrize(
    ("source", "names"),
    [
        (SOURCES[0], ["program", "prepare", "worker"]),
        (SOURCES[1], ["program", "prepare", "worker"]),
        (SOURCES[2], ["program", "fetch", "prepare", "worker"]),
        (SOURCES[3], ["program", "fetch", "prepare", "worker"]),
    ],
)
def test_containers_get_ready_in_order_and_the_agent_is_the_one_that_counts(source: Json, names: list[str]) -> None:
    found = pod(source=source)
    assert [one["name"] for one in found["initContainers"]] == names
    assert [one["name"] for one in found["containers"]] == ["agent"]
    assert [one["name"] for one in found["initContainers"] if one.get("restartPolicy") == "Always"] == ["worker"]
    assert restricted.violations(found) == restricted.malformed(found) == []


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (SOURCES[0], "/parallelrun/code"),
        (SOURCES[1], "/parallelrun/claims/code/a/b"),
        (SOURCES[2], "/parallelrun/checkout"),
        (SOURCES[3], "/parallelrun/checkout"),
    ],
)
def test_prepare_is_told_where_the_source_is_and_mounts_it_read_only(source: Json, code: str) -> None:
    found = pod(source=source)
    command = container(found, "prepare")["command"]
    assert command[command.index("--code") + 1] == code
    holding = [mount for path, mount in mounts(found, "prepare").items() if f"{code}/".startswith(f"{path}/")]
    assert [mount.get("readOnly") for mount in holding] == [True]


def test_a_source_in_the_user_s_image_is_copied_by_that_image_and_one_in_git_by_ours() -> None:
    image = {"image": "registry.example/x:1", "imagePullPolicy": "Always"}
    copied = container(pod(source={"imagePath": "/app"}, environment=image), "fetch")
    assert (copied["image"], copied["imagePullPolicy"]) == ("registry.example/x:1", "Always")
    program = "/parallelrun/program/parallelrun_worker/copy_tree.py"
    assert copied["command"] == ["python3", program, "/app", "/parallelrun/checkout"]
    cloned = container(pod(source=FETCHED[0], environment=image), "fetch")
    assert cloned["image"] == Config().runner_image
    assert cloned["command"][-4:] == ["https://git.example/x.git", "v1", "code", "/parallelrun/checkout"]


@pytest.mark.parametrize("source", SOURCES)
def test_only_prepare_and_agent_have_a_token_and_the_settings(source: Json) -> None:
    found = pod(source=source)
    assert found["automountServiceAccountToken"] is False
    for name in ("token", "settings"):
        holders = [
            one["name"] for one in restricted.containers(found) if any(m["name"] == name for m in one["volumeMounts"])
        ]
        assert holders == ["prepare", "agent"]
    assert mounts(found, "agent")["/var/run/secrets/kubernetes.io/serviceaccount"]["readOnly"] is True


def test_the_worker_sees_of_claims_its_job_s_folder_and_what_the_manifest_names() -> None:
    found = pod(
        inputs=[{"name": "x", "type": "File", "paths": ["images/*.png", "pvc://data/more/"]}],
        outputs=[{"name": "o", "path": "pvc://results/o"}],
        output={"path": "pvc://secret/out"},
        source={"claim": {"name": "code"}},
    )
    seen = {
        path: (
            volume(found, mount["name"])["persistentVolumeClaim"]["claimName"],
            mount["subPath"],
            "readOnly" in mount,
        )
        for path, mount in mounts(found, "worker").items()
        if "persistentVolumeClaim" in volume(found, mount["name"])
    }
    assert seen == {
        "/parallelrun/job": ("parallelrun", f"team/{BASE}", False),
        "/parallelrun/claims/parallelrun/images": ("parallelrun", "images", True),
        "/parallelrun/claims/data/more": ("data", "more", True),
        "/parallelrun/claims/results/o": ("results", "o", False),
    }


def test_the_agent_sees_what_the_worker_reads_and_writes_the_output() -> None:
    found = pod(
        inputs=[{"name": "x", "type": "File", "paths": ["pvc://data/more/"]}],
        outputs=[{"name": "o", "path": "pvc://results/o"}],
        output={"path": "pvc://results/out"},
        source={"claim": {"name": "code"}},
    )
    claims = {
        path: (mount["subPath"], mount.get("readOnly", False))
        for path, mount in mounts(found, "agent").items()
        if "/claims/" in path
    }
    assert claims == {
        "/parallelrun/claims/data/more": ("more", True),
        "/parallelrun/claims/results/o": ("o", True),
        "/parallelrun/claims/results/out": ("out", False),
    }
    assert mounts(found, "agent")["/parallelrun/job"] == mounts(found, "worker")["/parallelrun/job"]


def test_prepare_mounts_claims_whole_and_writes_only_where_something_is_written() -> None:
    found = pod(
        inputs=[{"name": "x", "type": "File", "paths": ["pvc://data/more/"]}], output={"path": "pvc://results/out"}
    )
    claims = {path: mount for path, mount in mounts(found, "prepare").items() if "/claims/" in path}
    assert {path: mount.get("readOnly", False) for path, mount in claims.items()} == {
        "/parallelrun/claims/parallelrun": False,
        "/parallelrun/claims/results": False,
        "/parallelrun/claims/data": True,
    }
    assert not any("subPath" in mount for mount in claims.values())


def test_config_maps_that_the_job_reads_are_mounted_read_only_in_agent_and_worker() -> None:
    found = pod(models=[{"name": "m", "path": "configmap://tiny.model/weights"}])
    for name in ("prepare", "agent", "worker"):
        mount = mounts(found, name)["/parallelrun/configmaps/tiny.model"]
        assert mount["readOnly"] is True
        assert volume(found, mount["name"])["configMap"] == {"name": "tiny.model"}


def test_agent_and_prepare_know_their_pod_by_its_uid() -> None:
    found = pod()
    agent = container(found, "agent")
    assert agent["command"] == [
        *("python", "-m", "parallelrun_agent", "--node", "$(JOB_COMPLETION_INDEX)", "--holder", "$(POD_UID)"),
        *("--meeting", "/parallelrun/meeting", "--folder", "/parallelrun/job"),
        *("--store", f"kube:$(POD_NAMESPACE)/{BASE}", "--drain-seconds", "20"),
    ]
    for name in ("prepare", "agent"):
        variables = {one["name"]: one.get("valueFrom") for one in container(found, name)["env"]}
        assert variables["POD_UID"] == {"fieldRef": {"fieldPath": "metadata.uid"}}


def test_the_grace_period_is_longer_than_draining_takes() -> None:
    assert pod(Config(drain_seconds=50))["terminationGracePeriodSeconds"] == 60


def test_the_worker_alone_gets_the_job_s_variables_over_ours() -> None:
    found = pod(
        environment={
            "env": [
                {"name": "OMP_NUM_THREADS", "value": "1"},
                {"name": "HOME", "value": "/home/me"},
                {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "login", "key": "token"}}},
            ],
            "envFrom": [{"prefix": "A_", "configMapRef": {"name": "endpoints"}}],
        }
    )
    worker = container(found, "worker")
    assert {one["name"]: one.get("value") for one in worker["env"]} == {
        "PYTHONUNBUFFERED": "1",
        "HOME": "/home/me",
        "OMP_NUM_THREADS": "1",
        "KEY": None,
    }
    assert worker["env"][-1]["valueFrom"] == {"secretKeyRef": {"name": "login", "key": "token", "optional": False}}
    assert worker["envFrom"] == [{"prefix": "A_", "configMapRef": {"name": "endpoints", "optional": False}}]
    assert "login" not in json.dumps([one for one in restricted.containers(found) if one is not worker])


@pytest.mark.parametrize("text", ["$$(POD_UID)", "$5 $$ $$$", "a$", "$$(x)$$(y)", "ü"])
def test_kubernetes_replaces_nothing_in_what_the_job_s_variables_say(text: str) -> None:
    """It would replace $(NAME), which in a manifest is written $$(NAME) where the text itself is meant."""
    meant = text.replace("$$(", "$(")
    worker = container(pod(environment={"env": [{"name": "A", "value": text}]}), "worker")
    assert expand(worker["env"][-1]["value"], {"POD_UID": "leaked", "x": "leaked"}) == meant
    fetch = container(pod(source={"imagePath": f"/{meant}"}), "fetch")
    assert expand(fetch["command"][2], {"POD_UID": "leaked", "x": "leaked"}) == f"/{meant}"


def test_resources_are_the_job_s_for_the_worker_and_the_operator_s_for_all_else() -> None:
    config = Config(agent_resources={"limits": {"memory": "1Gi"}}, worker_resources={"requests": {"cpu": 1}})
    own = pod(config, resources={"limits": {"memory": "4Gi", "nvidia.com/gpu": 1}})
    resources = {one["name"]: one["resources"] for one in restricted.containers(own)}
    assert resources.pop("worker") == {"limits": {"memory": "4Gi", "nvidia.com/gpu": 1}}
    assert resources == {name: {"limits": {"memory": "1Gi"}} for name in ("program", "prepare", "agent")}
    assert container(pod(config), "worker")["resources"] == {"requests": {"cpu": 1}}


def test_a_pod_on_a_machine_that_is_gone_is_given_up_after_half_a_minute_unless_the_job_says_otherwise() -> None:
    taints = {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}

    def seconds(*own: Json) -> dict[str, int | None]:
        listed = pod(tolerations=list(own))["tolerations"]
        return {one.get("key", ""): one.get("tolerationSeconds") for one in listed}

    assert seconds() == dict.fromkeys(taints, 30)
    assert seconds({"key": "gpu", "operator": "Exists"}) == {"gpu": None, **dict.fromkeys(taints, 30)}
    patient = {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"}
    assert seconds({**patient, "tolerationSeconds": 600}) == {
        "node.kubernetes.io/not-ready": 30,
        "node.kubernetes.io/unreachable": 600,
    }
    assert seconds({"operator": "Exists"}) == {"": None}
    assert seconds({"operator": "Exists", "effect": "NoSchedule"}) == {"": None, **dict.fromkeys(taints, 30)}


def test_where_pods_run_is_the_job_s_to_say_and_different_machines_are_preferred() -> None:
    config = Config(runner_pull_secrets=("ours", "shared"))
    found = pod(
        config,
        nodeSelector={"pool": "gpu"},
        priorityClassName="low",
        environment={"imagePullSecrets": [{"name": "shared"}, {"name": "theirs"}]},
    )
    assert found["nodeSelector"] == {"pool": "gpu"}
    assert found["priorityClassName"] == "low"
    assert found["imagePullSecrets"] == [{"name": "ours"}, {"name": "shared"}, {"name": "theirs"}]
    (spread,) = found["topologySpreadConstraints"]
    assert (spread["topologyKey"], spread["whenUnsatisfiable"]) == ("kubernetes.io/hostname", "ScheduleAnyway")
    assert not {"nodeSelector", "priorityClassName", "imagePullSecrets"} & pod().keys()


def test_users_are_numbers_of_the_operator_s_or_left_to_the_platform() -> None:
    assert pod()["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "fsGroup": 10001,
        "fsGroupChangePolicy": "OnRootMismatch",
    }
    left = pod(Config(run_as_user=None, run_as_group=None, fs_group=None))
    assert left["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert restricted.violations(left) == []


def test_our_containers_have_a_read_only_root_and_all_have_a_place_for_temporary_files() -> None:
    found = pod(source={"imagePath": "/app"})
    writable = [
        one["name"] for one in restricted.containers(found) if not one["securityContext"]["readOnlyRootFilesystem"]
    ]
    assert writable == ["worker"]
    assert all("/tmp" in mounts(found, one["name"]) for one in restricted.containers(found))
    assert mounts(found, "agent")["/tmp"]["name"] != mounts(found, "worker")["/tmp"]["name"]


def test_a_service_account_of_the_user_s_own_is_used() -> None:
    assert pod(serviceAccountName="scoring")["serviceAccountName"] == "scoring"
    assert pod()["serviceAccountName"] == BASE
