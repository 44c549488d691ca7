"""A host that is process 1, as in a pod's container: it outlives its agents, and leaves when it is told to."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest

from parallelrun_worker import wire

pytestmark = pytest.mark.engine

#: A process of ours as process 1 of a world of its own.
POD = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child")
ECHO = "def run(mini_batch):\n    return mini_batch\n"


@pytest.fixture
def in_a_pod(make_agent):
    """An agent with a host that is process 1."""
    agent = make_agent(ECHO)
    agent.write_config()
    agent.listen()
    agent.start_host(within=POD)
    agent.wait(lambda: agent.said("host", "hello"), "the host's hello")
    yield agent
    with contextlib.suppress(OSError):
        os.kill(process_1(agent), signal.SIGTERM)


def process_1(agent) -> int:
    """The host's process id as we count."""
    return int(Path(f"/proc/{agent.host.pid}/task/{agent.host.pid}/children").read_text())


def test_it_comes_back_when_it_was_told_to_stop_without_its_container_ending(in_a_pod):
    first = process_1(in_a_pod)
    in_a_pod.tell("host", ["stop"])
    in_a_pod.wait(lambda: len(in_a_pod.said("host", "hello")) == 2, "the second hello")
    assert process_1(in_a_pod) == first
    who = in_a_pod.spawn()
    in_a_pod.run(who, (0, ["a"]))
    assert sorted(in_a_pod.done(who)) == [0]


def test_told_to_leave_while_it_serves_it_leaves_when_the_agent_lets_it_go(in_a_pod):
    who = in_a_pod.spawn()
    os.kill(process_1(in_a_pod), signal.SIGTERM)
    in_a_pod.run(who, (0, ["a"]))
    assert sorted(in_a_pod.done(who)) == [0]
    in_a_pod.tell("host", ["stop"])
    assert in_a_pod.host.wait(10) == 0


def test_told_to_leave_while_it_waits_for_an_agent_it_leaves_at_once(in_a_pod):
    (in_a_pod.meeting / wire.SOCKET).unlink()
    in_a_pod.tell("host", ["stop"])
    in_a_pod.wait(lambda: in_a_pod.sockets["host"].fileno() == -1, "the end of the connection")
    os.kill(process_1(in_a_pod), signal.SIGTERM)
    assert in_a_pod.host.wait(10) == 0
