"""What is kept of what the watches tell."""

from __future__ import annotations

from typing import Any

from parallelrun.api.conditions import LABEL_JOB_UID
from parallelrun.kube.resources import CONFIG_MAPS, LEASES, NODES, PARALLEL_RUN_JOBS, PODS
from parallelrun_operator.cache import Cache, JobKey, lacking
from parallelrun_operator.strip import stripped

Json = dict[str, Any]

KEY = JobKey("here", "job", "job-uid")


def obj(name: str, version: int = 1, uid: str = "", namespace: str = "here", **rest: object) -> Json:
    labels = {LABEL_JOB_UID: "job-uid"}
    meta = {"name": name, "namespace": namespace, "uid": uid or f"{name}-uid", "labels": labels}
    return {"metadata": {**meta, "resourceVersion": str(version)}, **rest}


def node(name: str, ready: str, **rest: object) -> Json:
    conditions = [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": ready, **rest}]
    return {"metadata": {"name": name, "uid": name, "resourceVersion": "1"}, "status": {"conditions": conditions}}


def with_job() -> Cache:
    cache = Cache()
    assert cache.put(PARALLEL_RUN_JOBS, obj("job")) == {KEY}
    return cache


def test_what_belongs_to_a_job_wakes_it() -> None:
    cache = with_job()
    assert cache.put(CONFIG_MAPS, obj("header")) == {KEY}
    assert cache.discard(CONFIG_MAPS, obj("header")["metadata"]) == {KEY}
    assert not cache.belongings(KEY)


def test_what_comes_before_its_job_is_there_when_the_job_comes() -> None:
    cache = Cache()
    assert cache.put(LEASES, obj("lease")) == set()
    cache.put(PARALLEL_RUN_JOBS, obj("job"))
    assert list(cache.belongings(KEY).by_kind[LEASES]) == ["lease"]


def test_the_same_uid_in_another_namespace_is_not_the_jobs() -> None:
    cache = with_job()
    assert cache.put(CONFIG_MAPS, obj("header", namespace="elsewhere")) == set()
    assert not cache.belongings(KEY)


def test_an_older_object_does_not_replace_a_newer_one() -> None:
    """An answer to a write of ours may be newer than what the watch tells afterwards."""
    cache = with_job()
    cache.put(CONFIG_MAPS, obj("header", 10, data={"state": "new"}))
    assert cache.put(CONFIG_MAPS, obj("header", 9, data={"state": "old"})) == set()
    assert cache.belongings(KEY).by_kind[CONFIG_MAPS]["header"]["data"] == {"state": "new"}


def test_a_late_deletion_of_a_predecessor_leaves_its_successor() -> None:
    cache = with_job()
    cache.put(PODS, obj("pod", 10, uid="second"))
    cache.discard(PODS, obj("pod", 5, uid="first")["metadata"])
    assert list(cache.belongings(KEY).by_kind[PODS]) == ["pod"]


def test_a_machine_wakes_jobs_only_when_it_becomes_ready_or_ceases_to_be() -> None:
    cache = with_job()
    cache.put(PODS, obj("pod", spec={"nodeName": "machine"}))
    assert cache.put(NODES, node("machine", "True")) == {KEY}
    assert cache.put(NODES, node("machine", "True", lastHeartbeatTime="later")) == set()
    assert cache.put(NODES, node("machine", "Unknown")) == {KEY}
    assert cache.put(NODES, node("other", "False")) == set()


def test_objects_are_told_apart_by_uid() -> None:
    kept, gone = obj("kept")["metadata"], obj("gone")["metadata"]
    recreated = {**gone, "uid": "another"}
    assert lacking([kept, gone], [kept, recreated]) == [gone]


def test_a_pod_is_kept_without_what_looks_do_not_need() -> None:
    pod = obj("pod", spec={"nodeName": "machine", "containers": ["much"]}, status={"phase": "Running", "podIP": "1"})
    pod["metadata"]["managedFields"] = ["more"]
    kept = stripped(PODS, pod)
    assert (kept["kind"], kept["spec"], kept["status"]) == ("Pod", {"nodeName": "machine"}, {"phase": "Running"})
    assert "managedFields" not in kept["metadata"]


def test_what_kubectl_notes_is_not_kept() -> None:
    job = obj("job")
    job["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "mine": "yes"}
    assert stripped(PARALLEL_RUN_JOBS, job)["metadata"]["annotations"] == {"mine": "yes"}
