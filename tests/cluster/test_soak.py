"""Jobs in a row, each with faults at random: all are Complete, and every output is the same bytes.

PARALLELRUN_SOAK_SEED=... does again what a run with that seed did.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Collection

import pytest
from cluster_harness import mischief, work
from cluster_harness.cluster import Cluster
from cluster_harness.namespace import Namespace

pytestmark = pytest.mark.cluster

MINI_BATCHES = 200
FAULTS_EACH = 4
#: Until a job with faults must be Complete, from its last one on.
PATIENCE_SECONDS = 300


def soak(cluster: Cluster, namespace: Namespace, seed: str, seconds: float, kinds: Collection[str]) -> None:
    """One job after the other, for so long; the last one is waited for."""
    started = time.monotonic()
    print(f"seed: {seed} (PARALLELRUN_SOAK_SEED={seed})")
    for number, drawn in enumerate(mischief.dealt(seed, MINI_BATCHES, FAULTS_EACH, kinds)):
        if time.monotonic() - started > seconds:
            return
        job = work.submit(namespace, f"soak-{number}", MINI_BATCHES, seconds=0.15)
        for fault in drawn:
            done = mischief.inflict(cluster, job, fault)
            print(f"{time.monotonic() - started:6.1f} s {job.name}: {done or f'ended before: {fault}'}", flush=True)
        work.wait_whole(job, MINI_BATCHES, PATIENCE_SECONDS)
        print(f"{time.monotonic() - started:6.1f} s {job.name}: whole", flush=True)


@pytest.mark.timeout(900, func_only=True)
def test_two_minutes_of_faults(cluster: Cluster, namespace: Namespace) -> None:
    """Those that are over soon and hit this job alone: other tests share the cluster."""
    kinds = [kind for kind in mischief.DEEDS if kind not in {*mischief.SLOW, *mischief.OF_THE_CLUSTER}]
    soak(cluster, namespace, os.environ.get("PARALLELRUN_SOAK_SEED", "11"), 120, kinds)


@pytest.mark.soak
@pytest.mark.timeout(1800, func_only=True)
def test_ten_minutes_of_faults(cluster: Cluster, namespace: Namespace) -> None:
    """All of them; a new seed each time, unless one is given."""
    seed = os.environ.get("PARALLELRUN_SOAK_SEED") or str(random.randrange(10**6))
    soak(cluster, namespace, seed, 600, mischief.DEEDS)
