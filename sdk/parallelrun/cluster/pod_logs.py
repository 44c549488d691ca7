"""What the containers of a job's pods print, line by line, as it comes: of all its nodes, and of pods that come later.

Each line comes with the kubelet's time. After an outage, or when a container was restarted, reading goes on behind the
last line that was seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from parallelrun.api import layout
from parallelrun.api.conditions import LABEL_JOB_UID
from parallelrun.cluster import jobs
from parallelrun.cluster.jobs import Job
from parallelrun.kube import errors
from parallelrun.kube.client import Json, Kube
from parallelrun.kube.resources import PODS

INDEX_LABEL = "batch.kubernetes.io/job-completion-index"
#: Seconds between two looks for new pods, and before a stream that ended is opened again.
EVERY = 1.0
_ENDED = ("Succeeded", "Failed")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT")
#: How the worker's host marks the lines of its processes.
_MARK = re.compile(r"\[process(\d+)\] ?")
_CANNOT_FOLLOW = "fsnotify"
#: Lines that wait to be printed; then reading waits.
_WAITING = 1000


@dataclass(frozen=True)
class Line:
    """One line of one container."""

    node: int
    text: str


@dataclass
class _Source:
    """One pod, and how far it was read."""

    pod: Json
    node: int
    last: str = ""  # time of the last line, as the kubelet writes it: all of one width
    polling: bool = False  # its machine cannot follow logs now (too many do): they are read again and again
    task: asyncio.Task[None] | None = None


class PodLogs:
    """The logs of one container name in all pods of one job."""

    def __init__(
        self, kube: Kube, job: Job, container: str, wanted: Callable[[int], bool], tail: int | None = None
    ) -> None:
        """``wanted``: whether a node is; ``tail``: begin so many lines before the end of each."""
        self._kube, self._job, self._container, self._wanted, self._tail = kube, job, container, wanted, tail
        self._sources: dict[str, _Source] = {}
        self._queue: asyncio.Queue[Line] = asyncio.Queue(_WAITING)

    async def lines(self, follow: bool) -> AsyncGenerator[Line]:
        """What there is now, or with ``follow`` until the job is over. Raises KubeError."""
        finder = asyncio.create_task(self._find(follow))
        try:
            while not (self._all_done(finder) and self._queue.empty()):
                try:
                    async with asyncio.timeout(0.1):  # Python 3.11's wait_for may lose a cancellation
                        line = await self._queue.get()
                except TimeoutError:
                    continue
                yield line
        finally:
            tasks = self._tasks(finder)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _tasks(self, finder: asyncio.Task[None]) -> list[asyncio.Task[None]]:
        return [finder, *(one.task for one in self._sources.values() if one.task is not None)]

    def _all_done(self, finder: asyncio.Task[None]) -> bool:
        """Whether nothing more will come. Raises what one of the tasks has raised."""
        done = [task for task in self._tasks(finder) if task.done()]
        for task in done:
            task.result()
        return len(done) == len(self._tasks(finder))

    async def _find(self, follow: bool) -> None:
        """Start reading each pod there is; with ``follow`` until the job is over or gone."""
        while True:
            with contextlib.suppress(errors.Unavailable):
                over = await self._over()
                await self._start(follow and not over)
                if over or not follow:
                    return
            await asyncio.sleep(EVERY)

    async def _over(self) -> bool:
        try:
            return (await jobs.read(self._kube, self._job.name)).over
        except errors.NotFound:
            return True

    async def _start(self, follow: bool) -> None:
        pods, _ = await self._kube.list_objects(PODS, self._job.namespace, labels=f"{LABEL_JOB_UID}={self._job.uid}")
        for pod in pods:
            node = str((pod["metadata"].get("labels") or {}).get(INDEX_LABEL, ""))
            uid = pod["metadata"]["uid"]
            if node.isdecimal() and self._wanted(int(node)) and uid not in self._sources:
                source = self._sources[uid] = _Source(pod, int(node))
                source.task = asyncio.create_task(self._read(source, follow))

    async def _read(self, source: _Source, follow: bool) -> None:
        """Until the pod has ended; without ``follow``, what there is."""
        meta = source.pod["metadata"]
        while True:
            ended = not follow
            try:
                ended = ended or (await self._ended(meta["name"]))
                await self._stream(source, follow and not ended and not source.polling)
            except (errors.Invalid, errors.Unavailable):  # not started yet, or an outage
                if not follow:
                    return
            except errors.NotFound:
                return
            if ended:
                return
            await asyncio.sleep(EVERY)

    async def _ended(self, name: str) -> bool:
        pod = await self._kube.get(PODS, self._job.namespace, name)
        return (pod.get("status") or {}).get("phase") in _ENDED

    async def _stream(self, source: _Source, follow: bool) -> None:
        query = {
            "container": self._container,
            "timestamps": "true",
            "follow": "true" if follow else "",
            "sinceTime": source.last and source.last[:19] + source.last[29:],  # whole seconds, and the zone
            "tailLines": str(self._tail) if self._tail is not None and not source.last else "",
        }
        path = PODS.path(self._job.namespace, source.pod["metadata"]["name"], "log")
        rest, seen = b"", source.last
        async with self._kube.stream(path, query) as answer:
            async for chunk in answer.content.iter_any():
                *whole, rest = (rest + chunk).split(b"\n")
                for line in whole:
                    await self._take(source, line, seen)
        if rest:
            await self._take(source, rest, seen)

    async def _take(self, source: _Source, line: bytes, seen: str) -> None:
        time, _, text = line.decode("utf-8", "backslashreplace").partition(" ")
        if not _TIME.match(time):  # the kubelet's own words, in the place of the log
            source.polling = source.polling or _CANNOT_FOLLOW in text
            return
        if time <= seen:  # printed before the stream was opened anew
            return
        source.last = time
        await self._queue.put(Line(source.node, text))


def shown(line: Line, process: int | None, several: bool) -> str | None:
    """A line of a pod as people see it; None where ``process`` is wanted and it is another's."""
    match = _MARK.match(line.text)
    if process is not None and (match is None or int(match[1]) != process):
        return None
    marks = [layout.node_name(line.node)] if several else []
    if match is not None:
        marks.append(layout.process_name(int(match[1])))
    text = line.text[match.end() :] if match else line.text
    return f"{'/'.join(marks)} | {text}" if marks else text
