"""A name in a cluster is a job's; or, where there is no such job, that of a pipeline's run."""

from __future__ import annotations

from collections.abc import Callable

from parallelrun.cli.targets import InCluster
from parallelrun.cluster import pipelines
from parallelrun.cluster.session import talk
from parallelrun.kube import errors
from parallelrun.kube.client import Kube


def either(target: InCluster, of_job: Callable[[], int], of_run: Callable[[], int]) -> int:
    """What ``of_job`` gives, or ``of_run`` where a pipeline's run is meant. Raises NotFound where it is neither."""
    try:
        return of_job()
    except errors.NotFound:
        if not talk(target.place, lambda kube: _is_run(kube, target.name)):
            raise
    return of_run()


async def _is_run(kube: Kube, name: str) -> bool:
    try:
        await pipelines.read(kube, name)
    except errors.NotFound:
        return False
    return True
