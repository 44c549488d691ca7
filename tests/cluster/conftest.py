"""The cluster, once for all tests; a namespace for each; and what was there when one failed."""

from __future__ import annotations

import fcntl
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_harness import evidence
from cluster_harness.cluster import TOOLS, Cluster
from cluster_harness.namespace import Namespace

REPORT = pytest.StashKey[pytest.TestReport]()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Lets fixtures know whether their test failed."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.when == "call":
        item.stash[REPORT] = report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The time of a test is its own: the cluster, and other files' turns at it, may take long to wait for."""
    for item in items:
        if Path(__file__).parent in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(300, func_only=True))


@pytest.fixture(scope="module", autouse=True)
def turn(request: pytest.FixtureRequest) -> Iterator[None]:
    """Files of tests share the cluster with other processes' files, but for those marked ``alone``."""
    alone = request.node.get_closest_marker("alone") is not None
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / "turns").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    return Cluster.started()


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Namespace]:
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower()).strip("-")[:30].strip("-")
    namespace = Namespace(cluster, f"test-{words}-{secrets.token_hex(3)}")
    namespace.create()
    try:
        yield namespace
    finally:
        report = request.node.stash.get(REPORT, None)
        if report is not None and report.failed:
            folder = evidence.save(namespace, request.node.nodeid, report.longreprtext)
            print(f"what was there is in {folder}")
        namespace.remove()


@pytest.fixture(scope="module")
def shared(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Namespace]:
    """One namespace for all tests of a file, whose jobs run side by side."""
    words = Path(request.node.name).stem.removeprefix("test_").replace("_", "-")
    namespace = Namespace(cluster, f"test-{words}-{secrets.token_hex(3)}")
    failed = request.session.testsfailed
    namespace.create()
    try:
        yield namespace
    finally:
        if request.session.testsfailed > failed:
            folder = evidence.save(namespace, request.node.nodeid, "see the reports of the tests that failed")
            print(f"what was there is in {folder}")
        namespace.remove()


@pytest.fixture(scope="session")
def tensorflow_image(cluster: Cluster) -> str:
    """The reference of the image with TensorFlow; built and loaded only for the tests that need it."""
    return cluster.load_image("runner-tensorflow")
