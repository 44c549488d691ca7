"""How tests share the machine: those of a cluster one after the other, beside all others, a file at a time.

With ``--dist loadgroup`` a group stays on one worker. Cluster tests mostly wait, and take the longest: they come first.
"""

from __future__ import annotations

from pathlib import Path

import pytest

CLUSTER = Path(__file__).parent / "cluster"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        ours = CLUSTER in item.path.parents
        if ours:
            item.add_marker(pytest.mark.cluster)
            # Starting the cluster from nothing may take a quarter of an hour; that is not the first test's time.
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(300, func_only=True))
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group("cluster" if ours else str(item.path)))
    items.sort(key=lambda item: CLUSTER not in item.path.parents)
