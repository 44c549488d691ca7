"""A job writes little to the API server, however many mini-batches it has: counted from the server's own audit log.

All that operator and agents write in the job's namespace counts, also what is refused as a conflict; other tests may
run meanwhile. What Kubernetes itself writes about each pod (its Events, its status: some thirty writes) is not counted.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime

import pytest
from cluster_harness import small
from cluster_harness.faults import CONTROL_PLANE
from cluster_harness.namespace import Namespace

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(400)]

NODES, INPUTS, FILES = 4, 50, 2000  # each input is the same files
MINI_BATCHES = INPUTS * FILES
#: Takes a minute in all, so that there are heartbeats.
SCRIPT = """
import time

def run(mini_batch):
    time.sleep(0.002)
    return [1]
"""
OPERATOR = "parallelrun-operator"
LOG = "/var/log/kubernetes/audit"
#: Writes per node and second, and per job.
PER_NODE_SECOND, PER_JOB = 2 / 10, 200


def test_a_hundred_thousand_mini_batches_take_few_writes(namespace: Namespace) -> None:
    """Below 2 for each node each 10 s, and 200 for the job."""
    folder = f"/volumes/{namespace.name}/parallelrun/in"
    names = f"mkdir {folder} && cd {folder} && seq {FILES} | xargs touch"
    namespace.cluster.on_node(CONTROL_PLANE, "sh", "-c", names)
    namespace.config_map("code", {"shout.py": SCRIPT})
    inputs = [{"name": f"n{number}", "type": "File", "paths": ["in"]} for number in range(INPUTS)]
    job = namespace.submit(small.manifest("many", inputs=inputs, nodeCount=NODES, processCountPerNode=2))

    status = job.wait_complete(300)

    assert status["miniBatches"] == {"total": MINI_BATCHES, "completed": MINI_BATCHES, "failed": 0, "retried": 0}
    begun, ended = (datetime.fromisoformat(status[name]) for name in ("startTime", "completionTime"))
    seconds = (ended - begun).total_seconds()
    written = writes(namespace)
    print(f"in {seconds:g} s:", *written.most_common(), sep="\n  ")
    agents, operator = (sum(n for (who, _, _), n in written.items() if who == part) for part in ("agent", OPERATOR))
    assert agents > NODES, f"the agents' writes are not in the log: {written}"
    assert operator > NODES, f"the operator's writes are not in the log: {written}"
    limit = PER_JOB + PER_NODE_SECOND * NODES * seconds
    assert agents + operator < limit, f"{agents} + {operator} writes in {seconds:g} s, {limit:g} are allowed: {written}"


def writes(namespace: Namespace) -> Counter[tuple[str, str, str]]:
    """How often who did what to which kind of object in a namespace, but for the test itself."""
    lines = namespace.cluster.on_node(CONTROL_PLANE, "sh", "-c", f"grep -hF {namespace.name} {LOG}*.log").splitlines()
    found = Counter[tuple[str, str, str]]()
    for event in map(json.loads, lines):
        target = event.get("objectRef", {})
        if target.get("namespace") == namespace.name and event["user"]["username"] != "kubernetes-admin":
            found[who(event["user"]["username"], namespace), event["verb"], target["resource"]] += 1
    return found


def who(user: str, namespace: Namespace) -> str:
    """The part of the system that a user is."""
    *_, place, name = ["", *user.split(":")]
    return "agent" if place == namespace.name else name
