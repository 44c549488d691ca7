"""Which lease store ``--store`` means: a socket of the parent process, or a job's objects on the API server."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from parallelrun.leases.socket_store import SocketStore
from parallelrun.leases.store import Store

#: ``kube:<namespace>/<Names.base>``
KUBE = "kube:"
#: How long to wait for a socket that is not there yet.
CONNECT_SECONDS = 600.0


def in_cluster(store: str) -> bool:
    """Whether ``store`` is on the API server."""
    return store.startswith(KUBE)


@asynccontextmanager
async def open_store(store: str, parent: int | None = None) -> AsyncIterator[Store]:
    """The store that ``store`` names: the path of a Unix socket, or ``kube:<namespace>/<base>``.

    ``parent``: pid of the process that holds a socket. Raises StoreGone, and KubeError where there is no cluster.
    """
    if not in_cluster(store):
        yield await SocketStore.connect(store, CONNECT_SECONDS, parent)
        return
    from parallelrun.kube.client import Kube
    from parallelrun.kube.lease_store import KubeStore

    namespace, _, base = store.removeprefix(KUBE).partition("/")
    pod = "KUBERNETES_SERVICE_HOST" in os.environ
    async with await (Kube.in_cluster() if pod else Kube.from_kubeconfig()) as kube:
        yield KubeStore(kube, namespace, base)
