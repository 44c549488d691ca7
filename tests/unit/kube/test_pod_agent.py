"""An agent as it lives in a pod: its state on the API server, its worker's host a container of its own."""

from __future__ import annotations

import re
import signal
from dataclasses import replace

import pytest
from pod_on_this_machine import JobOnServer, job_on
from store_objects import NAMESPACE

from parallelrun.api import exit_codes, layout
from parallelrun.api.settings import Limits
from parallelrun.kube.resources import CONFIG_MAPS
from parallelrun.leases import node as nodes
from parallelrun.leases.client import Leases
from parallelrun.leases.header import Phase

#: Echoes names; ``called`` counts calls; a mini-batch takes ``PAUSE`` seconds.
SCRIPT = """\
import os, time

def init():
    print("model loaded")

def run(mini_batch):
    with open("called", "a") as called:
        called.write(mini_batch[0] + "\\n")
    time.sleep({pause})
    return [os.path.basename(name) for name in mini_batch]
"""


@pytest.fixture
def job(api_server, tmp_path):
    with job_on(api_server, tmp_path) as one:
        yield one


def finished(job: JobOnServer) -> None:
    for node in job.nodes:
        if node.agent.poll() is None:
            assert node.leaves() == exit_codes.AGENT_DONE, node.agent_log()
    assert job.header().phase is Phase.DONE
    assert job.output() == job.expected()


def test_two_nodes_do_a_job_and_people_can_read_what_both_containers_do(job):
    job.prepare(SCRIPT.format(pause=0.01), 60, node_count=2, process_count_per_node=2)
    for number in (0, 1):
        job.start_node(number)
    finished(job)
    for node in job.nodes:
        assert node.host.wait(20) == 0
    assert re.search(r"^\S+ \S+ INFO node000 the job is Running$", job.nodes[0].agent_log(), re.MULTILINE)
    assert "[process000] model loaded\n" in job.nodes[0].worker_log()
    assert job.nodes[0].holder in (job.folder / "job" / layout.SYS / "node000.log").read_text()


SPEC = {"inputs": [{"name": "in", "paths": ["in/"]}], "source": {"configMap": {"name": "code"}}}


def test_what_prepare_leaves_behind_is_all_that_agent_and_worker_need(job):
    job.prepare(SCRIPT.format(pause=0.0), 10)
    done = job.run_prepare(SPEC)
    assert (done.returncode, done.stderr) == (0, "")
    job.start_node()
    finished(job)
    assert (job.folder / "pod" / "source" / "called").exists()


def test_a_script_that_is_missing_ends_the_job_before_anything_starts(job):
    job.prepare(SCRIPT.format(pause=0.0), 10)
    (job.folder / "source" / "score.py").rename(job.folder / "source" / "other.py")
    for _ in range(2):  # the next pod says the same
        done = job.run_prepare(SPEC)
        assert done.returncode == 1
        assert "spec.entryScript: there is no score.py in the source folder configmap://code." in done.stderr
    assert (job.header().phase, job.header().reason) == (Phase.ABORTED, "SourceError")


FAILING = """\
import os

def run(mini_batch):
    name = os.path.basename(mini_batch[0])
    if name in ("0003.txt", "0011.txt"):
        raise ValueError("not yet")
    return [name]
"""


def test_what_failed_runs_again_in_another_job_and_is_merged_with_what_succeeded(job, api_server, tmp_path):
    tolerant = {"limits": Limits(error_threshold=-1), "run_max_try": 1}
    job.prepare(FAILING, 20, **tolerant)
    assert job.run_prepare(SPEC).returncode == 0
    job.start_node().leaves()
    assert job.header().phase is Phase.DONE
    assert job.output() == [name for name in job.expected() if name not in ("0003.txt", "0011.txt")]
    (tmp_path / "again").mkdir()
    with job_on(api_server, tmp_path / "again") as again:
        again.prepare(SCRIPT.format(pause=0.0), 20, **tolerant)
        again.settings = replace(again.settings, inputs=job.settings.inputs)
        for _ in range(2):  # two pods
            done = again.run_prepare(SPEC, "--failed-of", str(job.folder / "job"))
            assert (done.returncode, done.stderr) == (0, "")
        again.start_node()
        assert again.nodes[0].leaves() == exit_codes.AGENT_DONE, again.nodes[0].agent_log()
        assert again.header().phase is Phase.DONE
        assert again.output() == again.expected()
        called = (again.folder / "pod" / "source" / "called").read_text().split()
        assert sorted(name[-8:] for name in called) == ["0003.txt", "0011.txt"]


def test_a_host_whose_container_was_killed_is_followed_by_another_and_nothing_is_charged(job):
    job.prepare(SCRIPT.format(pause=0.05), 60, process_count_per_node=2)
    node = job.start_node()
    job.wait_for(lambda: job.calls() > 5, "a few calls")
    for _ in range(2):
        before = job.calls()
        node.host.send_signal(signal.SIGKILL)
        node.start_host()  # at once: the agent may hear of it before it has heard of the old one's end
        job.wait_for(lambda b=before: job.calls() > b + 5, "calls under the new host")
    finished(job)
    assert "HostLost" in node.agent_log()
    assert "mini-batch" not in "".join(p.read_text() for p in (job.folder / "job" / layout.USER_ERRORS).rglob("*.txt"))


def test_an_agent_that_is_told_to_leave_gives_everything_back_and_the_next_one_goes_on(job):
    job.prepare(SCRIPT.format(pause=0.05), 40)
    first = job.start_node()
    job.wait_for(lambda: job.calls() > 5, "a few calls")
    first.agent.send_signal(signal.SIGTERM)
    assert first.leaves() == exit_codes.AGENT_DRAINED
    shard = job.as_operator(lambda store: Leases(store).shard(0))
    assert not shard.leases
    assert shard.counts.completed > 5
    job.start_node()
    finished(job)
    assert job.calls() == job.items


def test_an_agent_that_is_told_to_leave_while_the_api_server_is_away_leaves_all_the_same(job, monkeypatch):
    job.prepare(SCRIPT.format(pause=0.05), 200)
    node = job.start_node(0, "--drain-seconds", "1")
    job.wait_for(lambda: job.calls() > 5, "a few calls")
    job.server.kill_api_server()
    try:
        node.agent.send_signal(signal.SIGTERM)
        assert node.leaves() == exit_codes.AGENT_DRAINED
        assert "leaving without a word" in node.agent_log()
    finally:
        job.server.start_api_server()


def test_work_goes_on_while_the_api_server_is_away_and_ends_when_it_is_back(job):
    job.prepare(SCRIPT.format(pause=0.15), 80)
    node = job.start_node()
    job.wait_for(lambda: job.calls() > 35, "calls within a lease of many")  # that is not over before the server is
    job.server.kill_api_server()
    try:
        before = job.calls()
        job.wait_for(lambda: job.calls() > before + 3, "calls without an API server")
    finally:
        job.server.start_api_server()
    finished(job)
    assert node.agent_log().count("the API server is away") < 10
    assert job.calls() == job.items


def test_an_agent_whose_node_was_taken_by_another_leaves(job):
    job.prepare(SCRIPT.format(pause=0.05), 200)
    node = job.start_node(0, "--beat-seconds", "0.1")
    job.wait_for(lambda: job.calls() > 2, "a call")
    job.as_operator(lambda store: Leases(store).update_node(0, lambda lease: (nodes.take(lease, "another"), None)))
    assert node.leaves() == exit_codes.AGENT_NOT_HOLDER


def test_an_agent_whose_header_was_deleted_leaves_and_says_what_is_gone(job):
    job.prepare(SCRIPT.format(pause=0.05), 200)
    node = job.start_node(0, "--beat-seconds", "0.1")
    job.wait_for(lambda: job.calls() > 2, "a call")

    async def delete(_) -> None:
        async with await job.server.kube() as admin:
            await admin.delete(CONFIG_MAPS, NAMESPACE, job.names.header)

    job.as_operator(delete)
    assert node.leaves() == exit_codes.AGENT_STORE_GONE
    assert job.names.header in node.agent_log()


def test_a_log_that_cannot_be_written_on_the_volume_is_still_on_stderr(job):
    job.prepare(SCRIPT.format(pause=0.0), 5)
    sys_logs = job.folder / "job" / layout.SYS
    sys_logs.parent.mkdir()
    sys_logs.write_text("in the way of the folder")
    node = job.start_node()
    job.wait_for(lambda: "the job is Running" in node.agent_log(), "the phase in the log")
    assert "no log on the volume" in node.agent_log()


def test_api_writes_stay_few(job):
    """Two nodes and 3,000 short mini-batches: what a start costs, and no more as the job grows."""
    job.prepare(SCRIPT.format(pause=0.0), 3000, node_count=2, process_count_per_node=2)
    before = writes(job)
    for number in (0, 1):
        job.start_node(number)
    finished(job)
    assert writes(job) - before < 2 * 50


def writes(job: JobOnServer) -> int:
    """PUTs of ConfigMaps and Leases that the API server has answered so far."""
    data = job.as_operator(lambda store: store._kube.raw("GET", "/metrics")).decode()
    found = re.findall(r"^apiserver_request_total\{(.*)\} ([0-9.e+]+)$", data, re.MULTILINE)
    return sum(
        int(float(number))
        for labels, number in found
        if 'verb="PUT"' in labels and re.search('resource="(configmaps|leases)"', labels) and "namespace" not in labels
    )
