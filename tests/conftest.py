"""How tests share the machine: a file's tests stay together, and so do all that have the cluster for themselves.

Cluster tests mostly wait, and take the longest: they come first, on all workers but one, which has tests without a
cluster meanwhile: there are more workers than processors. Those that take the API server, the operator or a machine
away come after the other ones, one after another, while tests without a cluster run beside them (the lock is
``cluster/conftest.py``'s). The scheduler is our own, since xdist's groups (``--dist loadgroup``) have no effect with
this pytest: they rename tests, which it no longer allows.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from cluster_harness.alone import ALONE, FIRST
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

CLUSTER = Path(__file__).parent / "cluster"

# How long an example takes says more of what else the machine does than of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


class FilesAndCluster(LoadFileScheduling):
    """One unit of work a file, and one of all that have the cluster for themselves."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "alone" if Path(file).name in ALONE else super()._split_scope(nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        """The next file, or the next without a cluster where all other workers are at those that need one."""
        others = [units for one, units in self.assigned_work.items() if one is not node]
        if others and all(any(map(_on_cluster, units)) for units in map(_unfinished, others)):
            scope = next((one for one in self.workqueue if not _on_cluster(one)), None)
            if scope is not None:
                self.workqueue.move_to_end(scope, last=False)
        super()._assign_work_unit(node)


def _on_cluster(scope: str) -> bool:
    return scope == "alone" or scope.startswith("tests/cluster/")


def _unfinished(units: dict[str, dict[str, bool]]) -> list[str]:
    return [scope for scope, tests in units.items() if not all(tests.values())]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    return FilesAndCluster(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if CLUSTER in item.path.parents:
            item.add_marker(pytest.mark.cluster)
            # Starting the cluster from nothing may take a quarter of an hour; that is not the first test's time.
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(300, func_only=True))
    items.sort(
        key=lambda item: (CLUSTER not in item.path.parents, item.path.name in ALONE, item.path.name not in FIRST)
    )
