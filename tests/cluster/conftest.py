"""The cluster, once for all tests; a namespace for each; and what was there when one failed."""

from __future__ import annotations

import fcntl
import re
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cluster_harness import evidence
from cluster_harness.alone import ALONE
from cluster_harness.cluster import TOOLS, Cluster
from cluster_harness.namespace import Namespace

pytest.register_assert_rewrite("store_scenarios")
REPORT = pytest.StashKey[pytest.TestReport]()
Scenario = Callable[..., None]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Lets fixtures know whether their test failed."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.when == "call":
        item.stash[REPORT] = report


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    return Cluster.started()


@pytest.fixture(scope="module", autouse=True)
def _in_turn(request: pytest.FixtureRequest) -> Iterator[None]:
    """Files that need the cluster for themselves wait for the others, and the others for them."""
    TOOLS.mkdir(exist_ok=True)
    with (TOOLS / "tests.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX if request.path.name in ALONE else fcntl.LOCK_SH)
        yield


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


@pytest.fixture(scope="module")
def given(cluster: Cluster, shared: Namespace) -> tuple[Any, ...]:
    """What scenarios are called with; a file may have another fixture of this name."""
    return cluster, shared


@pytest.fixture(scope="module")
def outcomes(given: tuple[Any, ...], request: pytest.FixtureRequest) -> Iterator[dict[Scenario, Future[None]]]:
    """What tests of a file are to show by their parameter ``scenario``: three at a time, each in a thread.

    More would only wait for each other's pods, which take seconds of CPU to start.
    """
    chosen = [
        item.callspec.params["scenario"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == request.path and "outcomes" in item.fixturenames
    ]
    with ThreadPoolExecutor(3) as pool:
        yield {scenario: pool.submit(scenario, *given) for scenario in chosen}
