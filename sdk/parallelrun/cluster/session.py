"""One conversation with the API server: opened for one command, its errors told in the command's own words."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

from parallelrun.api.models.job import KIND
from parallelrun.api.models.metadata import GROUP
from parallelrun.cluster.place import Place, kubeconfig_exists
from parallelrun.kube import errors
from parallelrun.kube.client import Kube

T = TypeVar("T")

_FORBIDDEN = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\S+) resource "(?P<resource>[^"]+)"'
    r'(?: in API group "(?P<group>[^"]*)")?(?: in the namespace "(?P<namespace>[^"]+)"| at the cluster scope)?'
)
_NO_SUCH = re.compile(r'parallelrun(?P<kind>jobs|pipelineruns)\.parallelrun\.dev "(?P<name>[^"]+)" not found')
_NO_KIND = ("the server could not find the requested resource", "404 page not found")
_NO_NAMESPACE = re.compile(r'namespaces "(?P<name>[^"]+)" not found')


def talk(place: Place, work: Callable[[Kube], Awaitable[T]]) -> T:
    """Do ``work`` with a client of ``place``'s cluster, whose ``namespace`` is the one that is meant.

    Ctrl-C and SIGTERM end it in order: what it made for the time being is taken away again.
    Raises KubeError, worded for people.
    """

    async def conversation() -> T:
        task = asyncio.current_task()
        assert task is not None
        if threading.current_thread() is threading.main_thread():  # only there can signals be handled
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await converse(place, work)

    try:
        return asyncio.run(conversation())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def converse(place: Place, work: Callable[[Kube], Awaitable[T]]) -> T:
    """As :func:`talk`, in an event loop that is there."""
    namespace = ""
    try:
        async with await connect(place) as kube:
            namespace = kube.namespace
            return await work(kube)
    except errors.KubeError as error:
        raise explained(error, namespace) from error


async def connect(place: Place) -> Kube:
    """A client of that cluster; in a pod without a kubeconfig, of the pod's own. Raises KubeError."""
    if not place.said and not kubeconfig_exists():
        kube = await Kube.in_cluster()
    else:
        kube = await Kube.from_kubeconfig(place.kubeconfig or os.environ.get("KUBECONFIG"), place.context)
    kube.namespace = place.namespace or kube.namespace
    return kube


def explained(error: errors.KubeError, namespace: str = "") -> errors.KubeError:
    """``error`` in words for people, with what to do; what has a hint already stays as it is."""
    if error.hint:
        return error
    message, hint = _explained(error, namespace)
    return type(error)(message, error.status, error.reason, hint, error.causes)


def _explained(error: errors.KubeError, namespace: str) -> tuple[str, str]:
    if isinstance(error, errors.Forbidden):
        return _forbidden(error)
    if found := _NO_SUCH.search(error.message):
        hint = f"See what is there: parallelrun list -n {namespace} (runs of this machine are under ./runs)"
        what = "job" if found["kind"] == "jobs" else "run of a pipeline"
        return f'There is no {what} "{found["name"]}" in namespace {namespace}.', hint
    if found := _NO_NAMESPACE.search(error.message):
        return f'There is no namespace "{found["name"]}".', "See: kubectl get namespaces"
    if isinstance(error, errors.NotFound) and any(text in error.message for text in _NO_KIND):
        return (
            f"This cluster knows no {KIND}.",
            "Its administrator installs parallelrun with: helm install parallelrun helm/parallelrun",
        )
    if isinstance(error, errors.Unavailable):
        return error.message, "Is the cluster up, and the right one chosen? See: kubectl cluster-info"
    return error.message, ""


def _forbidden(error: errors.KubeError) -> tuple[str, str]:
    found = _FORBIDDEN.search(error.message)
    if error.status == 401 or found is None:
        hint = "Log in again, or name another user: --context" if error.status == 401 else ""
        return f"The cluster refuses this: {error.message}", hint
    resource = found["resource"] + (f".{found['group']}" if found["group"] else "")
    where = f"in namespace {found['namespace']}" if found["namespace"] else "in the whole cluster"
    role = "parallelrun-job-viewer" if found["verb"] in ("get", "list", "watch") else "parallelrun-job-author"
    hint = f"Ask for the role: kubectl create rolebinding NAME --clusterrole={role} --user='{found['user']}'"
    if found["namespace"]:
        hint += f" -n {found['namespace']}"
    if found["group"] not in (GROUP, "", None) or resource == "namespaces":
        hint = "Ask the cluster's administrator for it."
    return f'"{found["user"]}" may not {found["verb"]} {resource} {where}.', hint
