"""A job's packages: who installs them, where from, who may write where they are; and what happens where that fails."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import restricted
from builders import UID, a_job, a_world
from seen import a_case, a_header, a_pod, running

from parallelrun.api import exit_codes, pod_layout
from parallelrun.api.errors import ManifestError
from parallelrun.leases.header import Phase
from parallelrun_operator.config import NO_PACKAGES, Config
from parallelrun_operator.job import children
from parallelrun_operator.job.actions import Abort
from parallelrun_operator.job.policies.diagnosis import diagnosis
from parallelrun_operator.job.policies.environment import environment
from parallelrun_operator.job.settings import resolve

Json = dict[str, Any]
LINK = f"team/.environments/jobs/mnist-{UID}"
PROGRAM = "/parallelrun/program/parallelrun_worker/environment/program.py"


def told(**packages: str) -> Config:
    return Config(packages={**NO_PACKAGES, **packages})


def pod(config: Config | None = None, **asked: Any) -> Json:
    config, job = config or Config(), a_job(environment=asked)
    found: Json = children.job(a_world(job, config=config), resolve(job, config))["spec"]["template"]["spec"]
    assert restricted.violations(found) == restricted.malformed(found) == []
    return found


def container(found: Json, name: str) -> Json:
    return next(one for one in restricted.containers(found) if one["name"] == name)


def variables(found: Json) -> dict[str, str]:
    return {one["name"]: one["value"] for one in container(found, pod_layout.ENVIRONMENT_INIT)["env"] if "value" in one}


def salt(config: Config | None = None, **asked: Any) -> str:
    command: list[str] = container(pod(config, **asked), "prepare")["command"]
    return command[command.index("--packages-of") + 1]


def test_a_job_without_packages_has_no_container_for_them() -> None:
    found = pod()
    assert [one["name"] for one in found["initContainers"]] == ["program", "prepare", "worker"]
    assert "--packages-of" not in container(found, "prepare")["command"]


@pytest.mark.parametrize(
    ("asked", "options"),
    [
        ({"pip": ["pillow==11.*", "x; a < '$(A)'"]}, ["--pip=pillow==11.*", "--pip=x; a < '$$(A)'"]),
        ({"requirements": "a/r.txt"}, ["--requirements=a/r.txt"]),
        ({"conda": "c.yml"}, ["--conda=c.yml"]),
    ],
)  # fmt: skip
def test_they_are_installed_in_the_user_s_image_after_the_source_is_there(asked: Json, options: list[str]) -> None:
    found = pod(image="registry.example/x:1", imagePullPolicy="Always", **asked)
    assert [one["name"] for one in found["initContainers"]] == ["program", "prepare", "environment", "worker"]
    one = container(found, "environment")
    assert (one["image"], one["imagePullPolicy"]) == ("registry.example/x:1", "Always")
    assert one["command"] == ["python3", PROGRAM, "make", "/parallelrun/environment", "/parallelrun/source", *options]


def test_only_the_one_that_installs_writes_where_they_are_and_it_sees_no_more_than_the_source() -> None:
    found = pod(pip=["x"])
    mounts = {
        one["name"]: [mount for mount in one["volumeMounts"] if mount["mountPath"] == pod_layout.ENVIRONMENT]
        for one in restricted.containers(found)
    }
    assert {name: [mount.get("readOnly", False) for mount in them] for name, them in mounts.items() if them} == {
        "environment": [False],
        "worker": [True],
    }
    assert {mount["subPath"] for them in mounts.values() for mount in them} == {LINK}
    seen = {
        mount["mountPath"]: mount.get("readOnly", False) for mount in container(found, "environment")["volumeMounts"]
    }
    assert seen == {
        "/parallelrun/environment": False,
        "/parallelrun/program": True,
        "/parallelrun/source": True,
        "/tmp": False,
    }  # fmt: skip


def test_the_worker_starts_in_them() -> None:
    assert container(pod(pip=["x"]), "worker")["command"] == [
        *("python3", PROGRAM, "enter", "/parallelrun/environment"),
        *("/parallelrun/program/parallelrun_worker/host.py", "/parallelrun/meeting"),
    ]


def test_indexes_are_the_operator_s_unless_the_job_has_its_own() -> None:
    config = told(index="http://pypi.team:8080/simple", extraIndex="https://a/simple http://b/simple")
    found = variables(pod(config, pip=["x"]))
    assert found["PIP_INDEX_URL"] == "http://pypi.team:8080/simple"
    assert found["PIP_EXTRA_INDEX_URL"] == "https://a/simple http://b/simple"
    assert found["PIP_TRUSTED_HOST"] == "pypi.team b"
    own = pod(config, pip=["x"], env=[{"name": "PIP_INDEX_URL", "value": "https://mine/simple"}])
    assert variables(own)["PIP_INDEX_URL"] == "https://mine/simple"
    assert "PIP_INDEX_URL" not in variables(pod(pip=["x"]))


def test_proxies_and_indexes_are_told_to_the_one_that_installs_alone() -> None:
    config = Config(
        proxy={"http": "", "https": "http://p:1", "none": ""}, packages={**NO_PACKAGES, "index": "https://i"}
    )
    found = pod(config, pip=["x"])
    assert variables(found)["HTTPS_PROXY"] == "http://p:1"
    worker = {one["name"] for one in container(found, "worker")["env"]}
    assert not worker & {"HTTPS_PROXY", "PIP_INDEX_URL"}


def test_a_folder_of_wheels_needs_no_network() -> None:
    found = pod(told(wheels="pvc://wheels/cp311"), pip=["x"])
    assert variables(found)["PIP_FIND_LINKS"] == "/parallelrun/wheels"
    assert variables(found)["PIP_NO_INDEX"] == "1"
    mounts = {one["mountPath"]: one for one in container(found, "environment")["volumeMounts"]}
    mount = mounts["/parallelrun/wheels"]
    assert (mount["subPath"], mount["readOnly"]) == ("cp311", True)
    (volume,) = (one for one in found["volumes"] if one["name"] == mount["name"])
    assert volume["persistentVolumeClaim"]["claimName"] == "wheels"
    assert "PIP_NO_INDEX" not in variables(pod(told(wheels="wheels", index="https://i"), pip=["x"]))


@pytest.mark.parametrize("wheels", ["pvc://wheels/", "configmap://wheels/x", "../x"])
def test_wheels_that_cannot_be_mounted_are_told_by_the_chart_s_value(wheels: str) -> None:
    with pytest.raises(ManifestError, match=r"runner\.packages\.wheels"):
        resolve(a_job(environment={"pip": ["x"]}), told(wheels=wheels))


def test_certificates_are_mounted_and_their_config_map_waited_for() -> None:
    config = told(certificates="our-ca")
    found = pod(config, pip=["x"])
    assert variables(found)["PIP_CERT"] == variables(found)["SSL_CERT_FILE"] == "/parallelrun/certificates/ca.crt"
    assert ("ConfigMap", "our-ca") in resolve(a_job(environment={"pip": ["x"]}), config).needs
    assert ("ConfigMap", "our-ca") not in resolve(a_job(), config).needs


def test_another_image_or_index_is_another_environment_and_another_script_is_not() -> None:
    found = [
        salt(pip=["x"]),
        salt(pip=["x"], image="registry.example/x:1"),
        salt(told(index="https://i"), pip=["x"]),
        salt(pip=["x"], env=[{"name": "PIP_PRE", "value": "1"}]),
    ]
    assert len(set(found)) == 4
    assert salt(pip=["x"], env=[{"name": "LEVEL", "value": "1"}]) == found[0]


def test_it_has_the_worker_s_memory_and_no_gpu() -> None:
    job = a_job(environment={"pip": ["x"]}, resources={"limits": {"memory": "4Gi", "nvidia.com/gpu": 1}})
    spec = children.job(a_world(job), resolve(job, Config()))["spec"]["template"]["spec"]
    assert container(spec, "environment")["resources"] == {"limits": {"memory": "4Gi"}}


@pytest.mark.parametrize("path", ["team/.environments/x/", "pvc://other/team/.environments/x/"])
def test_no_job_can_name_the_packages_of_others(path: str) -> None:
    for fields in (
        {"inputs": [{"name": "x", "type": "File", "paths": [path]}]},
        {"output": {"path": path if "://" in path else f"pvc://parallelrun/{path}"}},
    ):
        with pytest.raises(ManifestError, match="where the folders of jobs are"):
            resolve(a_job(**fields), Config())


# --- what happens where they cannot be installed ----------------------------------------------------------------------

SAID = "Could not install the job's packages; the installer said:\n  no version of pilow"


def failed(code: int, phase: Phase = Phase.PLANNING, **more: str) -> Any:
    """A case whose one pod got no further."""
    ended = [{"name": "environment", "state": {"terminated": {"exitCode": code, "message": SAID, **more}}}]
    dead = a_pod("old", phase="Failed", initContainerStatuses=ended, containerStatuses=[])
    asked = {"environment": {"pip": ["pilow"]}}
    world = running(nodes=1, spec=asked, header=a_header(phase), shards={0: None}, pods=[dead])
    return a_case(replace(world, nodes={0: None}))


def test_packages_that_cannot_be_installed_fail_the_job_in_the_installer_s_words() -> None:
    assert environment(failed(exit_codes.ENVIRONMENT_REFUSED)).actions == (Abort("EnvironmentError", SAID),)


def test_what_may_mend_itself_is_told_and_tried_again() -> None:
    case = failed(1)
    assert environment(case).actions == ()
    trouble = diagnosis(case)
    assert trouble is not None
    assert trouble.reason == "EnvironmentFailed"
    assert trouble.blocking
    assert "no version of pilow" in trouble.message
    assert "runner.packages" in trouble.message


def test_an_image_without_python_is_told_as_that() -> None:
    case = failed(128, reason="StartError")
    trouble = diagnosis(case)
    assert trouble is not None
    assert trouble.reason == "RunContainerError"
    assert "python3" in trouble.message


def test_a_job_that_is_planned_does_not_fail_by_one_pod() -> None:
    assert environment(failed(exit_codes.ENVIRONMENT_REFUSED, Phase.RUNNING)).actions == ()
