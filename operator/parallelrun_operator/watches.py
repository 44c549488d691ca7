"""kopf as an engine for watches, and for nothing else.

It lists and watches, begins anew where a watch is too old, and tells when everything there is has been listed once.
What it sees goes to a :class:`Sink` in the operator's own event loop. kopf runs in a thread with a loop of its own: it
ends all tasks of its loop when it stops, and it stops for good where the API server gives an answer it did not expect.
Then it is started again, here, rather than by the end of the process, which would have to wait longer each time.

No handlers are registered that make kopf write: no annotation, no finalizer, no Event.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import kopf

from parallelrun.api.conditions import LABEL_JOB_UID
from parallelrun.kube import errors
from parallelrun.kube.client import Kube
from parallelrun.kube.resources import NODES, PARALLEL_RUN_JOBS, Resource
from parallelrun_operator.cache import KINDS, LOOKED_AT

log = logging.getLogger(__name__)

Json = dict[str, Any]

#: A watch is ended by the API server after the first, by us after the second, where it does not.
SERVER_SECONDS, CLIENT_SECONDS = 270, 300
#: Bookmarks come each minute: a watch that is silent for longer is dead.
SILENT_SECONDS = 75.0
REQUEST_SECONDS, CONNECT_SECONDS = 30.0, 10.0
#: Tokens of pods are renewed on disk after 48 minutes and refused after 60.
TOKEN_SECONDS = 2400.0
#: Before the engine is started again, at first and at most.
FIRST_RESTART_SECONDS, LONGEST_RESTART_SECONDS = 1.0, 15.0
#: Whether kinds that the API server did not know have come is asked each so many seconds.
KINDS_SECONDS = 20.0
#: For the engine to end and to close its connections: by itself, then in each of three rounds without mercy, in all.
OWN_END_SECONDS, END_SECONDS, STOP_SECONDS = 8.0, 1.0, 15.0
#: The event loop closes connections a little later than it is told to.
CLOSE_SECONDS = 0.1
LIST_PAGE = 500


class Sink(Protocol):
    """Who is told, in the operator's event loop."""

    def started(self) -> None:
        """The engine was started: nothing is known to be complete until :meth:`changed` is called."""

    def put(self, kind: Resource, obj: Json) -> None:
        """An object as it is now; not yet complete as long as the engine lists."""

    def changed(self, kind: Resource, event: str | None, obj: Json) -> None:
        """ADDED, MODIFIED or DELETED, or None: found by a list. Only after everything there is has been put."""


class Watches:
    """All watches of one process."""

    def __init__(self, kube: Kube, sink: Sink, namespaces: tuple[str, ...] = ()) -> None:
        """``namespaces``: none means all."""
        self._kube, self._sink, self._namespaces = kube, sink, namespaces
        self._stop = threading.Event()  # of the engine that runs

    async def run(self) -> None:
        """Watch until cancelled."""
        wait = FIRST_RESTART_SECONDS
        while True:
            lacking = await self._wait_for_jobs()
            self._sink.started()
            began = asyncio.get_running_loop().time()
            looking_out = asyncio.create_task(self._look_out_for(lacking))
            try:
                error = await self._engine()
            finally:
                looking_out.cancel()
            if asyncio.get_running_loop().time() - began > LONGEST_RESTART_SECONDS:
                wait = FIRST_RESTART_SECONDS
            log.error("watching ended and begins anew in %.0f seconds: %s", wait, error or "no reason given")
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_RESTART_SECONDS)

    def restart(self) -> None:
        """End the engine, so that it begins anew: it does not see all that there is."""
        self._stop.set()

    async def _wait_for_jobs(self) -> set[str]:
        """Return once the API server knows ParallelRunJobs; which of our other kinds it does not know.

        The engine would not notice that it learns of them.
        """
        wait = FIRST_RESTART_SECONDS
        while True:
            try:
                unknown = await self._unknown()
                if PARALLEL_RUN_JOBS.kind not in unknown:
                    return unknown
                log.error("the API server knows no ParallelRunJobs: install the CRD (kubectl apply -f crds/)")
            except errors.KubeError as error:
                log.warning("no answer yet to what kinds there are: %s", error)
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_RESTART_SECONDS)

    async def _look_out_for(self, lacking: set[str]) -> None:
        """Begin anew when a kind comes that was not there: jobs are run meanwhile all the same."""
        if lacking:
            unknown = ", ".join(sorted(lacking))
            log.error("the API server knows no %s: install the CRDs (kubectl apply -f crds/)", unknown)
        while lacking:
            await asyncio.sleep(KINDS_SECONDS)
            with contextlib.suppress(errors.KubeError):
                if lacking - await self._unknown():
                    self.restart()
                    return

    async def _unknown(self) -> set[str]:
        """Those of our kinds that one of the lists that the engine reads once, of groups and of kinds, lacks."""
        ours = {kind.plural: kind.kind for kind in LOOKED_AT}
        groups = (await self._kube.request("GET", "/apis"))["groups"]
        if not any(one["name"] == PARALLEL_RUN_JOBS.group for one in groups):
            return set(ours.values())
        kinds = await self._kube.request("GET", f"/apis/{PARALLEL_RUN_JOBS.group}/{PARALLEL_RUN_JOBS.version}")
        return set(ours.values()) - {ours.get(one["name"]) for one in kinds["resources"]}

    async def _engine(self) -> BaseException | None:
        """Run kopf in a thread until it ends; why it did. What an engine that ends still sees goes nowhere."""
        stop = self._stop = threading.Event()
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[BaseException | None] = loop.create_future()

        def hand_on(call: Callable[..., None], *what: Any) -> None:
            if not stop.is_set():
                call(*what)

        tell = functools.partial(_tell, loop)
        handlers = registry(
            functools.partial(tell, hand_on, self._sink.put),
            functools.partial(tell, hand_on, self._sink.changed),
            self._kube,
        )
        arguments = (handlers, self._namespaces, stop, functools.partial(tell, _finish, ended))
        threading.Thread(target=_run_kopf, args=arguments, name="watches", daemon=True).start()
        try:
            await asyncio.wait([ended])
            return ended.result()
        finally:
            stop.set()
            await asyncio.wait([ended], timeout=STOP_SECONDS)


def registry(
    put: Callable[[Resource, Json], None], changed: Callable[[Resource, str | None, Json], None], kube: Kube
) -> kopf.OperatorRegistry:
    """Handlers that hand on what they are told.

    kopf calls event handlers only when all indexes are complete. Indexes are kept by us, from the same calls: its own
    keep what was deleted while a watch was away, and can only be read from within handlers.
    """
    handlers = kopf.OperatorRegistry()

    async def log_in(**_: Any) -> kopf.ConnectionInfo:
        to = await kube.connection()
        return kopf.ConnectionInfo(
            server=to.server,
            ca_path=to.ca_file,
            certificate_path=to.certificate_file,
            private_key_path=to.key_file,
            token=to.token,
            insecure=not to.verify,
            expiration=datetime.now(UTC) + timedelta(seconds=TOKEN_SECONDS) if to.token else None,
        )

    kopf.on.login(registry=handlers, id="log-in")(log_in)
    for kind in KINDS:
        _watch(handlers, kind, put, changed)
    return handlers


def _watch(
    handlers: kopf.OperatorRegistry,
    kind: Resource,
    put: Callable[[Resource, Json], None],
    changed: Callable[[Resource, str | None, Json], None],
) -> None:
    async def index(body: kopf.Body, **_: Any) -> None:
        put(kind, dict(body))

    async def event(event: Any, **_: Any) -> None:
        changed(kind, event["type"], event["object"])

    selector = (kind.group, kind.version, kind.plural)
    kopf.index(*selector, registry=handlers, id=f"index-{kind.plural}")(index)
    kopf.on.event(*selector, registry=handlers, id=f"event-{kind.plural}")(event)


def settings() -> kopf.OperatorSettings:
    """Watches that end and begin anew, and never a write."""
    chosen = kopf.OperatorSettings()
    chosen.process.ultimate_exiting_timeout = None  # it would kill the process
    chosen.peering.standalone = True
    chosen.scanning.disabled = True
    chosen.posting.enabled = False
    chosen.watching.server_timeout = SERVER_SECONDS
    chosen.watching.client_timeout = CLIENT_SECONDS
    chosen.watching.connect_timeout = CONNECT_SECONDS
    chosen.watching.inactivity_timeout = SILENT_SECONDS
    chosen.watching.chunk_size = LIST_PAGE
    chosen.networking.request_timeout = REQUEST_SECONDS
    chosen.networking.connect_timeout = CONNECT_SECONDS
    chosen.networking.error_backoffs = _Backoffs()
    chosen.queueing.idle_timeout = 1.0
    for kind in KINDS:
        if kind not in (*LOOKED_AT, NODES):
            chosen.watching.label_selectors[kind.group, kind.version, kind.plural] = LABEL_JOB_UID
    return chosen


class _Backoffs:
    """Try again for ever: an API server that is away, or that knows no roles yet, is no reason to stop."""

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((0.5, 1.0, 2.0), itertools.repeat(4.0))


def _run_kopf(
    handlers: kopf.OperatorRegistry,
    namespaces: tuple[str, ...],
    stop: threading.Event,
    ended: Callable[[BaseException | None], None],
) -> None:
    """Until ``stop``, or until one of kopf's tasks ends, which does not make all the others end by itself."""
    loop = asyncio.new_event_loop()
    error: BaseException | None = None
    try:
        error = loop.run_until_complete(_watch_until(handlers, namespaces, stop))
    except Exception as one:  # noqa: BLE001 - whatever it was, it is told to who waits, who begins anew
        error = one
    finally:
        stop.set()
        loop.close()
        ended(error)


async def _watch_until(
    handlers: kopf.OperatorRegistry, namespaces: tuple[str, ...], stop: threading.Event
) -> BaseException | None:
    tasks = await kopf.spawn_tasks(
        registry=handlers,
        settings=settings(),
        clusterwide=not namespaces,
        namespaces=namespaces,
        stop_flag=stop,
    )
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    error = next((task.exception() for task in done if not task.cancelled() and task.exception()), None)
    await _end(set(tasks), OWN_END_SECONDS)
    for _ in range(3):  # what lost its first cancellation, or was left over
        await _end(asyncio.all_tasks() - {asyncio.current_task()}, END_SECONDS)
    await asyncio.sleep(CLOSE_SECONDS)
    return error


async def _end(tasks: set[asyncio.Task[Any]], seconds: float) -> None:
    """Cancel ``tasks`` and give them so long; what they failed with is of no interest any more."""
    for task in tasks:
        task.cancel()
    done, _ = await asyncio.wait(tasks, timeout=seconds) if tasks else (set(), None)
    for task in done:
        if not task.cancelled():
            task.exception()


def _tell(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *what: Any) -> None:
    """Call in ``loop``; where that is closed, nobody is there to be told."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *what)


def _finish(future: asyncio.Future[BaseException | None], error: BaseException | None) -> None:
    if not future.done():
        future.set_result(error)
