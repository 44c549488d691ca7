"""A job in a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parallelrun.api.manifest import LoadedJob
    from parallelrun.client.run import Run
    from parallelrun.cluster.place import Place


def submit(loaded: LoadedJob, place: Place) -> Run:
    """Give a job to the cluster. Raises ManifestError and KubeError."""
    raise NotImplementedError


def get(name: str, place: Place) -> Run:
    """A job in the cluster, by its name. Raises NotFound."""
    raise NotImplementedError
