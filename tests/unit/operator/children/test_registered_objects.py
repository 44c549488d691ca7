"""Jobs that name what is registered, or what is in an object store: what agents are told, and what their pods mount."""

from __future__ import annotations

import json
from typing import Any

import pytest
import restricted
from builders import a_job, a_world

from parallelrun.api.errors import ManifestError
from parallelrun.api.settings import StoreSettings
from parallelrun_operator.config import Config
from parallelrun_operator.job import children
from parallelrun_operator.job.settings import Lacking, Resolved, named, resolve

Json = dict[str, Any]
CACHE = "/parallelrun/cache"


def registered(kind: str, name: str, **spec: Any) -> Json:
    """An object; its own name is of no interest."""
    return {
        "apiVersion": "parallelrun.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": f"{name}-{spec.get('version', '0')}".replace("_", "-")},
        "spec": {"name": name, **spec},
    }


AZURE = registered(
    "Datastore",
    "mnist_store",
    azureBlob={"account": "pipelinedata", "container": "sampledata"},
    secretRef={"name": "key"},
)
CLAIM = registered("Datastore", "shared", claim={"name": "data", "path": "in"})
IMAGES = registered("Dataset", "mnist", type="File", datastore="mnist_store", paths=["mnist/*.png"])
SECOND = registered("Dataset", "mnist", version="2", type="File", datastore="shared", paths=["more/"])
MODEL = registered("Model", "digits", version="7", path="datastore://mnist_store/models/7/", sha256="a" * 64)
SCORING = registered(
    "Environment", "scoring", version="3", image="x:3", env=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
)
POOL = registered(
    "ComputeTarget",
    "gpu_pool",
    resources={"limits": {"nvidia.com/gpu": 1}},
    nodeSelector={"pool": "gpu", "zone": "a"},
    tolerations=[{"key": "gpu", "operator": "Exists"}],
    priorityClassName="low",
    serviceAccountName="scoring",
    maxNodes=3,
    queueName="gpus",
    volume={"claimName": "fast"},
)
OF_DATASET = {"inputs": [{"name": "images", "dataset": "mnist:1"}]}


def resolved(*objects: Json, config: Config | None = None, **spec: Any) -> Resolved:
    return resolve(a_job(**spec), config or Config(), objects)


def files(*paths: str) -> list[Json]:
    return [{"name": "images", "type": "File", "paths": list(paths)}]


def pod(*objects: Json, config: Config | None = None, **spec: Any) -> Json:
    job = a_job(**spec)
    config = config or Config()
    found = children.job(a_world(job, config=config), resolve(job, config, objects))["spec"]["template"]["spec"]
    assert restricted.violations(found) == restricted.malformed(found) == []
    return dict(found)


def mounts(pod: Json, name: str) -> dict[str, Json]:
    """Of a container, by path."""
    (found,) = [one for one in restricted.containers(pod) if one["name"] == name]
    return {mount["mountPath"]: mount for mount in found["volumeMounts"]}


# --- what agents are told ---


def test_a_dataset_in_a_datastore_is_read_by_its_url_from_the_store_that_has_its_secret() -> None:
    found = resolved(AZURE, IMAGES, **OF_DATASET).settings
    (images,) = found.inputs
    assert (images.type, images.paths) == ("File", ["datastore://mnist_store/mnist/*.png"])
    assert images.root == "datastore://mnist_store/mnist"
    assert found.stores == [
        StoreSettings(
            "datastore://mnist_store",
            "azureBlob",
            "mnist_store",
            "sampledata",
            account="pipelinedata",
            credentials="/parallelrun/credentials/mnist_store",
        )
    ]
    usable = 20 * 1024**3 * 90 // 100
    assert (found.cache, found.cache_bytes, found.cache_limit) == (CACHE, usable, usable)


@pytest.mark.parametrize(
    ("spec", "percent"),
    [
        ({"inputs": files("s3://bucket/x/")}, 90),
        ({"inputs": files("s3://bucket/x/"), "sideInputs": [{"name": "s", "path": "s3://bucket/s"}]}, 45),
        ({"inputs": files("s3://bucket/x/"), "models": [{"name": "m", "path": "s3://bucket/m"}]}, 45),
        ({"inputs": files("s3://bucket/x/"), "models": [{"name": "m", "path": "model"}]}, 90),
        ({"inputs": [{**files("s3://bucket/x/")[0], "mode": "Download"}]}, 45),
    ],
)
def test_files_that_come_and_go_leave_room_for_what_stays(spec: Json, percent: int) -> None:
    """A pod whose cache outgrows its volume is sent away."""
    assert resolved(config=Config(cache_size="1G"), **spec).settings.cache_bytes == 10**9 * percent // 100


def test_names_stand_for_where_things_are_fetched_to() -> None:
    found = resolved(
        AZURE,
        MODEL,
        inputs=files("datastore://mnist_store/mnist/*.png"),
        sideInputs=[{"name": "labels", "path": "az://account/container/labels.txt"}],
        models=[{"name": "digits"}],
        arguments=["$(inputs.images)", "$(sideInputs.labels)", "$(models.digits)"],
    ).settings
    assert found.arguments == [
        f"{CACHE}/inputs/images",
        f"{CACHE}/side_inputs/labels/labels.txt",
        f"{CACHE}/models/digits/7/7",
    ]
    assert found.side_inputs == {"labels": "az://account/container/labels.txt"}
    (model,) = found.models
    assert (model.path, model.version, model.sha256) == ("datastore://mnist_store/models/7/", "7", "a" * 64)


def test_a_datastore_on_a_claim_is_that_claim() -> None:
    found = resolved(CLAIM, inputs=files("datastore://shared/images/*.png"), output={"path": "datastore://shared/out"})
    assert found.settings.inputs[0].paths == ["/parallelrun/claims/data/in/images/*.png"]
    assert found.settings.output.path == "/parallelrun/claims/data/in/out"
    assert (found.settings.stores, found.settings.cache, found.fetches) == ([], "", False)
    assert found.claims == {"parallelrun": True, "data": True}


def test_urls_of_azure_are_taken_in_its_own_spelling() -> None:
    found = resolved(
        AZURE, inputs=files("azureml://datastores/mnist_store/paths/mnist/", "wasbs://c@a.blob.core.windows.net/x/")
    )
    assert found.settings.inputs[0].paths == ["datastore://mnist_store/mnist/", "az://a/c/x/"]
    assert found.settings.inputs[0].root == ""  # they have nothing in common


def test_the_output_may_be_in_a_store() -> None:
    assert resolved(output={"path": "s3://bucket/results"}).settings.output.path == "s3://bucket/results"


def test_a_script_has_no_credentials_to_write_to_a_store() -> None:
    with pytest.raises(ManifestError, match=r"spec\.outputs\[0\]\.path: s3://bucket/x is an object store"):
        resolved(outputs=[{"name": "o", "path": "s3://bucket/x"}])


def test_a_job_that_names_no_store_has_settings_as_ever() -> None:
    found = resolved(AZURE, IMAGES)
    assert (found.settings.stores, found.settings.cache, found.fetches, found.secrets) == ([], "", False, {})
    assert named.KEPT not in found.settings_files


# --- what was used ---


def test_what_a_job_was_resolved_with_is_kept_and_gives_the_same_whatever_is_registered_later() -> None:
    first = resolved(AZURE, CLAIM, IMAGES, MODEL, SCORING, inputs=[{"name": "images", "dataset": "mnist"}])
    kept = json.loads(first.settings_files[named.KEPT])
    assert [one["kind"] for one in kept] == ["Dataset", "Datastore"]
    again = resolved(*kept, inputs=[{"name": "images", "dataset": "mnist"}])
    assert again.settings_files == first.settings_files
    assert resolved(AZURE, CLAIM, IMAGES, SECOND, inputs=[{"name": "images", "dataset": "mnist"}]).used.datasets == {
        "mnist": "2"
    }


def test_what_names_stood_for_is_told() -> None:
    used = resolved(
        AZURE, IMAGES, SECOND, CLAIM, MODEL, SCORING, POOL,
        inputs=[{"name": "images", "dataset": "mnist@latest"}], models=[{"name": "digits", "version": "7"}],
        environment={"name": "scoring"}, computeTarget="gpu_pool",
    ).used  # fmt: skip
    assert (used.datasets, used.models) == ({"mnist": "2"}, {"digits": "7"})
    assert (used.environment, used.compute_target) == ("scoring:3", "gpu_pool")


@pytest.mark.parametrize(
    ("spec", "kind", "said"),
    [
        (OF_DATASET, "Dataset", 'spec.inputs[0].dataset: there is no Dataset registered as "mnist"'),
        ({"models": [{"name": "digits"}]}, "Model", "spec.models[0]"),
        ({"environment": {"name": "scoring:3"}}, "Environment", "spec.environment.name"),
        ({"computeTarget": "gpu_pool"}, "ComputeTarget", "spec.computeTarget"),
        ({"output": {"path": "datastore://out/x"}}, "Datastore", "spec.output.path"),
        ({"inputs": files("datastore://out/x")}, "Datastore", "spec.inputs[0].paths[0]"),
    ],
)
def test_what_is_not_registered_is_lacking_and_may_come(spec: Json, kind: str, said: str) -> None:
    with pytest.raises(Lacking) as caught:
        resolved(**spec)
    assert caught.value.kind == kind
    assert said in str(caught.value)


def test_a_dataset_is_lacking_as_long_as_its_datastore_is() -> None:
    with pytest.raises(Lacking) as caught:
        resolved(IMAGES, **OF_DATASET)
    assert caught.value.kind == "Datastore"


# --- what may be needed, by the manifest alone ---


@pytest.mark.parametrize(
    ("spec", "kinds"),
    [
        ({}, []),
        ({"inputs": files("images/", "pvc://data/x", "configmap://x")}, []),
        ({"inputs": files("datastore://x/y")}, ["Datastore"]),
        ({"inputs": files("azureml://datastores/x/paths/y")}, ["Datastore"]),
        ({"output": {"path": "datastore://x/y"}}, ["Datastore"]),
        (OF_DATASET, ["Datastore", "Dataset"]),
        ({"models": [{"name": "m"}]}, ["Datastore", "Model"]),
        ({"models": [{"name": "m", "path": "x"}]}, []),
        ({"environment": {"image": "x"}}, []),
        ({"environment": {"name": "x"}}, ["Environment"]),
        ({"computeTarget": "x"}, ["ComputeTarget"]),
        ({"inputs": 3, "models": ["x"], "environment": None, "output": "x"}, []),
    ],
)
def test_only_what_a_manifest_may_need_is_listed(spec: Json, kinds: list[str]) -> None:
    assert [kind.kind for kind in named.kinds(a_job(**spec))] == kinds


# --- pods ---


def test_the_agent_alone_mounts_secrets_of_stores() -> None:
    found = pod(AZURE, IMAGES, source={"git": {"url": "https://git.example/x.git", "ref": "v1"}}, **OF_DATASET)
    path = "/parallelrun/credentials/mnist_store"
    mount = mounts(found, "agent")[path]
    assert mount["readOnly"] is True
    (volume,) = [one for one in found["volumes"] if "secret" in one]
    assert volume == {"name": mount["name"], "secret": {"secretName": "key", "optional": False}}
    others = [one for one in restricted.containers(found) if one["name"] != "agent"]
    assert {one["name"] for one in others} == {"program", "fetch", "prepare", "worker"}
    assert [one["name"] for one in others if mount["name"] in {m["name"] for m in one["volumeMounts"]}] == []
    assert "secretKeyRef" not in json.dumps(found)


def test_the_cache_is_written_by_the_agent_and_read_by_the_worker() -> None:
    found = pod(inputs=files("s3://bucket/x/"), config=Config(cache_size="5Gi"))
    assert [one for one in found["volumes"] if one["name"] == "cache"] == [
        {"name": "cache", "emptyDir": {"sizeLimit": "5Gi"}}
    ]
    assert mounts(found, "agent")[CACHE] == {"name": "cache", "mountPath": CACHE}
    assert mounts(found, "worker")[CACHE] == {"name": "cache", "mountPath": CACHE, "readOnly": True}
    assert CACHE not in mounts(found, "prepare")


def test_a_job_without_urls_has_neither() -> None:
    found = pod(AZURE)
    assert not [one for one in found["volumes"] if one["name"] == "cache" or "secret" in one]


def test_a_datastore_without_a_secret_mounts_none() -> None:
    public = registered("Datastore", "public", s3={"bucket": "b"}, anonymous=True)
    found = resolved(public, inputs=files("datastore://public/x/"))
    assert (found.secrets, found.settings.stores[0].credentials) == ({}, "")


def test_a_compute_target_says_where_pods_run_and_the_job_has_the_last_word() -> None:
    found = pod(POOL, computeTarget="gpu_pool", nodeSelector={"zone": "b"}, resources={"requests": {"cpu": 2}})
    assert found["nodeSelector"] == {"pool": "gpu", "zone": "b"}
    assert {"key": "gpu", "operator": "Exists"} in found["tolerations"]
    assert (found["priorityClassName"], found["serviceAccountName"]) == ("low", "scoring")
    (worker,) = [one for one in restricted.containers(found) if one["name"] == "worker"]
    assert worker["resources"] == {"requests": {"cpu": 2}, "limits": {"nvidia.com/gpu": 1}}
    claims = [one["persistentVolumeClaim"]["claimName"] for one in found["volumes"] if "persistentVolumeClaim" in one]
    assert claims == ["fast"]


def test_a_compute_target_bounds_nodes_and_names_the_queue() -> None:
    job = a_job(computeTarget="gpu_pool", nodeCount=9)
    found = resolve(job, Config(), [POOL])
    assert (found.settings.node_count, found.settings.node_limit, found.queue) == (3, 3, "gpus")
    made = children.job(a_world(job), found)
    assert made["spec"]["parallelism"] == 3
    assert made["spec"]["suspend"] is True
    assert made["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "gpus"
    own = a_job(computeTarget="gpu_pool", labels={"kueue.x-k8s.io/queue-name": "mine"})
    assert resolve(own, Config(), [POOL]).queue == "mine"


def test_spot_machines_are_those_that_the_operator_was_told_of() -> None:
    spot = registered("ComputeTarget", "spot", spot=True)
    found = pod(spot, computeTarget="spot")
    assert found["nodeSelector"] == {"parallelrun.dev/spot": "true"}
    assert {"key": "parallelrun.dev/spot", "operator": "Exists"} in found["tolerations"]
    cloud = {"nodeSelector": {"cloud/spot": "yes"}, "tolerations": [{"key": "cloud/spot", "effect": "NoSchedule"}]}
    found = pod(spot, computeTarget="spot", config=Config(spot=cloud))
    assert found["nodeSelector"] == {"cloud/spot": "yes"}
    assert [one for one in found["tolerations"] if one["key"] == "cloud/spot"] == [
        {"key": "cloud/spot", "operator": "Equal", "effect": "NoSchedule"}
    ]


def test_an_environment_gives_image_and_variables_and_the_job_has_the_last_word() -> None:
    found = pod(SCORING, environment={"name": "scoring", "env": [{"name": "B", "value": "mine"}]})
    (worker,) = [one for one in restricted.containers(found) if one["name"] == "worker"]
    assert (worker["image"], worker["imagePullPolicy"]) == ("x:3", "IfNotPresent")
    variables = {one["name"]: one.get("value") for one in worker["env"]}
    assert (variables["A"], variables["B"]) == ("1", "mine")


def test_the_agent_and_git_use_the_operator_s_proxy_and_never_for_the_api_server() -> None:
    config = Config(proxy={"http": "", "https": "http://proxy:3128", "none": ".example"})
    found = pod(config=config, source={"git": {"url": "https://git.example/x.git", "ref": "v1"}})

    def variables(name: str) -> dict[str, str]:
        (one,) = [one for one in restricted.containers(found) if one["name"] == name]
        return {variable["name"]: variable.get("value", "") for variable in one["env"]}

    for name in ("agent", "fetch"):
        assert variables(name)["HTTPS_PROXY"] == variables(name)["https_proxy"] == "http://proxy:3128"
        assert "$(KUBERNETES_SERVICE_HOST)" in variables(name)["NO_PROXY"]
        assert variables(name)["no_proxy"].endswith(",.example")
        assert "HTTP_PROXY" not in variables(name)
    assert not [name for name in variables("worker") if "proxy" in name.lower()]
