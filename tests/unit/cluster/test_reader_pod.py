"""The pod that reads a volume, and how a job's status is shown: pure."""

from __future__ import annotations

import json

import pytest
import restricted

from parallelrun.api.settings import InputSettings, JobSettings, OutputSettings
from parallelrun.cluster import reader
from parallelrun.cluster.job_files import JobFiles, claim_of, copy_settings
from parallelrun.cluster.jobs import Job
from parallelrun.cluster.pod_logs import Line
from parallelrun.cluster.snapshots import snapshot


def a_job(status=None, **spec):
    meta = {"name": "mnist", "namespace": "team", "uid": "u1", "creationTimestamp": "2026-01-31T12:00:00Z"}
    return Job({"apiVersion": "parallelrun.dev/v1alpha1", "kind": "ParallelRunJob", "metadata": meta,
                "spec": spec, "status": status or {}})  # fmt: skip


def settings(**fields):
    inputs = [InputSettings("x", "File", [], "/")]
    return JobSettings("mnist", "u1", "score.py", inputs, **fields)


def test_it_passes_the_restricted_standard_and_has_no_token():
    pod = reader.pod("team", [reader.Mount("data", "/d", "team/x")], reader.Look(), a_job())
    assert restricted.violations(pod["spec"]) == []
    assert pod["spec"]["automountServiceAccountToken"] is False


def test_it_sees_the_jobs_folders_and_may_write_none():
    found = settings(
        output=OutputSettings(path="/parallelrun/claims/results/mnist"),
        outputs={"own": "/parallelrun/job/outputs/own", "other": "/parallelrun/claims/parallelrun/trained"},
    )
    pod = JobFiles(a_job(), found, {}, reader.Look()).pod()
    (container,) = pod["spec"]["containers"]
    mounts = {one["mountPath"]: (one["subPath"], one["readOnly"]) for one in container["volumeMounts"]}
    assert mounts == {
        "/parallelrun/job": ("team/mnist-u1", True),
        "/parallelrun/claims/results/mnist": ("mnist", True),
        "/parallelrun/claims/parallelrun/trained": ("trained", True),
    }
    claims = [one["persistentVolumeClaim"] for one in pod["spec"]["volumes"]]
    assert claims == [
        {"claimName": "parallelrun", "readOnly": True},
        {"claimName": "results", "readOnly": True},
    ]


def test_output_that_went_to_an_object_store_is_read_from_the_jobs_folder():
    status = {"output": {"path": "datastore://lake/out/predictions.txt"}}
    files = JobFiles(a_job(status), settings(output=OutputSettings(path="datastore://lake/out")), {}, reader.Look())
    assert files.output == "/parallelrun/job/predictions.txt"
    assert [mount.path for mount in files.mounts()] == ["/parallelrun/job"]


def test_results_that_were_taken_over_are_read_where_the_job_that_made_them_left_them():
    status = {
        "reusedFrom": "first",
        "output": {"path": "pvc://results/first/out.txt", "sha256": "s"},
        "outputs": {"output": "pvc://results/first", "file": "pvc://results/first/out.txt", "own": "pvc://c/first/own"},
    }
    found = settings(output=OutputSettings(path="/parallelrun/claims/results/mnist"), outputs={"own": "/x/own"})
    files = JobFiles(a_job(status), found, {}, reader.Look())
    assert files.output == "/parallelrun/claims/results/first/out.txt"
    assert files.outputs == {"own": "/parallelrun/claims/c/first/own"}
    mounts = {mount.path: (mount.claim, mount.sub_path) for mount in files.mounts()}
    assert mounts == {
        "/parallelrun/job": ("parallelrun", "team/mnist-u1"),
        "/parallelrun/claims/results/first": ("results", "first"),
        "/parallelrun/claims/c/first/own": ("c", "first/own"),
    }


def test_what_was_taken_over_in_an_object_store_is_read_from_the_folder_of_the_job_that_merged_it():
    status = {"reusedFrom": "first", "output": {"path": "datastore://lake/out/predictions.txt"}}
    found = settings(output=OutputSettings(path="datastore://lake/other"))
    files = JobFiles(a_job(status), found, {"reused": {"reusedFromUid": "u0"}}, reader.Look())
    assert files.output == "/parallelrun/claims/parallelrun/team/first-u0/predictions.txt"


def test_it_is_not_taken_for_a_pod_of_the_job():
    labels = reader.pod("team", [], reader.Look(), a_job())["metadata"]["labels"]
    assert not any(key.startswith("parallelrun.dev/") for key in labels)


def test_a_copy_names_its_own_folders():
    found = copy_settings(settings(output=OutputSettings(path="/parallelrun/claims/r/m"), outputs={"own": "/x"}))
    assert found.output.path is None
    assert found.outputs == {"own": "outputs/own"}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/parallelrun/claims/data/a/b", ("data", "a/b")),
        ("/parallelrun/claims/data", ("data", "")),
        ("/parallelrun/job/x", None),
        ("/parallelrun/claims", None),
    ],
)
def test_where_a_path_of_a_pod_is_on_a_claim(path, found):
    assert claim_of(path) == found


@pytest.mark.parametrize(
    ("waiting", "said"),
    [
        ("ImagePullBackOff", "ImagePullBackOff"),
        ("CreateContainerConfigError", "ConfigError"),
        ("ContainerCreating", None),
    ],
)
def test_a_pod_that_will_never_start_is_told_from_one_that_may(waiting, said):
    found = reader.hopeless({"status": {"containerStatuses": [{"state": {"waiting": {"reason": waiting}}}]}})
    assert found is None if said is None else said in (found or "")


def test_a_snapshot_is_made_of_status_and_leases():
    status = {
        "phase": "Running",
        "startTime": "2026-01-31T12:00:00Z",
        "miniBatches": {"total": 10, "completed": 4, "failed": 1},
        "firstErrors": [{"miniBatch": 1, "message": "Traceback\nValueError: seven"}],
    }
    value = {
        "holder": "p",
        "beat": 3,
        "progress": {"state": "running", "completed": 2, "processes": 2, "running": ["7"]},
    }
    leases = [
        {"metadata": {"name": "mnist-u1-node-1", "annotations": {"parallelrun.dev/lease": json.dumps(value)}}},
        {"metadata": {"name": "mnist-u1-node-0"}},
        {"metadata": {"name": "mnist-u1-node-7"}},
    ]
    found = snapshot(a_job(status, nodeCount=2), leases, 1769860860.0)
    assert (found.phase, found.total, found.completed, found.failed) == ("Running", 10, 4, 1)
    assert found.elapsed == 60
    assert [(node.node, node.state, node.running) for node in found.nodes] == [
        (0, "starting", []),
        (1, "running", ["7"]),
    ]
    assert found.first_error == "ValueError: seven"


def test_a_long_reason_for_a_pause_is_a_line():
    message = "Node 0: Traceback\n  File x\n    y\nValueError: z\nIt goes on."
    condition = {"type": "Stalled", "status": "True", "reason": "PodsWaiting", "message": message}
    found = snapshot(a_job({"phase": "Running", "conditions": [condition]}), [], 0.0)
    assert found.stalled == "Node 0: Traceback ... ValueError: z It goes on."


def test_lines_of_pods_are_marked_as_those_of_files():
    from parallelrun.cluster.pod_logs import shown

    line = Line(1, "[process003] hello")
    assert shown(line, None, several=True) == "node001/process003 | hello"
    assert shown(line, 3, several=False) == "process003 | hello"
    assert shown(line, 2, several=True) is None
    assert shown(Line(0, "plain"), None, several=False) == "plain"
