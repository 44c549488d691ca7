"""What a node fetches before its worker starts: side inputs, models, and inputs of mode Download.

A store that refuses or cannot be reached is waited for, as nobody has done anything wrong; but what a job lists has to
be there, and a model has to be what its checksum says. All of it stays until the job is done.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import ParamSpec, TypeVar

from parallelrun.api.errors import InputError
from parallelrun.api.settings import ModelSettings
from parallelrun_agent import cache_names
from parallelrun_agent.cache_room import CacheRoom
from parallelrun_agent.downloads import MODELS, SIDE_INPUTS, Downloads, sha256_of
from parallelrun_agent.job import Job
from parallelrun_agent.plan.reader import PlannedFile, PlanReader
from parallelrun_agent.stall import CACHE, STORE, Stall, is_no_space
from parallelrun_agent.storage import side_by_side
from parallelrun_agent.storage.errors import Refused, StorageError, Unreachable
from parallelrun_agent.storage.places import is_url

log = logging.getLogger(__name__)
T = TypeVar("T")
P = ParamSpec("P")

AT_ONCE = 32
#: Of those, files of a megabyte and more, each of which has buffers.
LARGE_AT_ONCE = 6
LARGE = 1 << 20
RETRY_SECONDS = 3.0
#: Between two lines in the log that say how far a download is.
SAY_SECONDS = 10.0


class Supplies:
    """Of one node."""

    def __init__(self, job: Job, stall: Stall) -> None:
        self._job, self._stall = job, stall
        self._room = CacheRoom(job.settings.cache_limit)

    @property
    def needed(self) -> bool:
        """Whether there is anything to fetch."""
        settings = self._job.settings
        urls = [*settings.side_inputs.values(), *(model.path for model in settings.models)]
        return any(map(is_url, urls)) or self._downloads_inputs

    @property
    def _downloads_inputs(self) -> bool:
        return any(one.mode == "Download" and is_url(path) for one in self._job.settings.inputs for path in one.paths)

    async def bring(self, plan: PlanReader, is_new: bool) -> None:
        """Fetch everything; goes on from what is here already.

        ``is_new``: nobody has begun with the work of a run on one machine, and whoever started it is there to be told:
        a store that refuses ends it at once. Raises InputError or StorageError for what is not there, is not what it
        has to be, does not fit into the cache, or is refused.
        """
        await self.bring_listed(is_new)
        if self._downloads_inputs and plan.kind == "file":
            await self._inputs(plan)

    async def bring_listed(self, is_new: bool) -> None:
        """Side inputs and the models that the job lists; see :meth:`bring`."""
        job = self._job
        for name, url in job.settings.side_inputs.items():
            if is_url(url):
                await self._patiently(is_new, self._tree, f"side input {name}", url, side_input(job, name))
        for model in job.settings.models:
            await self.model(model, is_new)

    async def model(self, model: ModelSettings, is_new: bool = False) -> ModelSettings:
        """A model as it is on this node, with an absolute path, checked; see :meth:`bring`."""
        return await self._patiently(is_new, self._model, model) if is_url(model.path) else model

    async def _model(self, model: ModelSettings) -> ModelSettings:
        place = model_place(self._job, model)
        await self._tree(f"model {model.name} version {model.version}", model.path, place)
        if model.sha256:
            found = await asyncio.to_thread(sha256_of, place)
            if found != model.sha256.lower():
                raise InputError(
                    f"model {model.name} version {model.version} at {model.path} has the SHA-256 {found}, not "
                    f"{model.sha256}",
                    "Put the right files there, or correct sha256.",
                )
        return replace(model, path=str(place))

    async def _tree(self, what: str, url: str, place: Path) -> None:
        """An object as a file, or everything below a prefix as a folder; ``what`` messages call it."""
        storage, downloads = self._job.storage, Downloads(self._job.cache, self._job.storage)
        one = None if url.endswith("/") else await asyncio.to_thread(storage.entry, url)
        if one is not None:
            self._room.keep(what, one[1])
            await downloads.bring(place, url, *one[1:])
            return
        found = await asyncio.to_thread(list, storage.entries(url))
        files = [(os.fsdecode(path), size, version) for path, size, version in found if not path.endswith(b"/")]
        if not files:
            raise InputError(f"{url} does not exist.", "Put it there before the job starts, or correct its name.")
        self._room.keep(what, sum(size for _, size, _ in files))
        try:
            await _at_once(
                files,
                lambda one: downloads.bring(place / cache_names.below(url, one[0]), *one),
                size_of=lambda one: one[1],
            )
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise InputError(
                f"{url} cannot be a folder: one of its objects is named as the folder of others is "
                f"({os.path.relpath(error.filename2 or error.filename, place)}).",
                "Rename the object.",
            ) from error

    async def _patiently(self, is_new: bool, step: Callable[P, Awaitable[T]], *args: P.args, **more: P.kwargs) -> T:
        while True:
            try:
                done = await step(*args, **more)
            except (Refused, Unreachable) as error:
                if is_new and isinstance(error, Refused):
                    raise
                self._stall.set(str(error), STORE)
            except OSError as error:
                if not is_no_space(error):
                    raise
                self._stall.set(f"no room for what is fetched: {error}", CACHE)
            else:
                self._stall.clear(STORE)
                self._stall.clear(CACHE)
                return done
            await asyncio.sleep(RETRY_SECONDS)

    # --- inputs of mode Download ---

    async def _inputs(self, plan: PlanReader) -> None:
        """Every file of the plan; nodes begin at different places, since agents of one machine share what they have.

        A file that cannot be had is left to its mini-batch, which fails by name.
        """
        settings = self._job.settings
        names = ", ".join(one.name for one in settings.inputs)
        size = await asyncio.to_thread(plan.total_bytes, is_url)
        self._room.keep(f"{'input' if len(settings.inputs) == 1 else 'inputs'} {names}, mode: Download", size)
        downloads = Downloads(self._job.cache, self._job.storage)
        first = self._job.node * plan.total // max(1, settings.node_count)
        began = said = time.monotonic()
        done = 0

        async def bring(file: PlannedFile) -> None:
            nonlocal done, said
            one = settings.inputs[file.input]
            try:
                await self._patiently(False, downloads.input_file, one, file.path, file.size, file.version)
            except (StorageError, cache_names.NoFileName) as error:
                log.warning("%s", error)
            done += 1
            if time.monotonic() - said > SAY_SECONDS:
                said = time.monotonic()
                log.info("downloaded %d files of the input so far", done)

        await _at_once(_files(plan, first), bring, size_of=lambda file: file.size)
        log.info("downloaded %d files of the input in %.1f s", done, time.monotonic() - began)


def side_input(job: Job, name: str) -> Path:
    """Where a side input is, or will be, on this node."""
    path = job.settings.side_inputs[name]
    return job.cache / SIDE_INPUTS / name / cache_names.base_name(path.rstrip("/")) if is_url(path) else Path(path)


def model_place(job: Job, model: ModelSettings) -> Path:
    """Where a model is, or will be, on this node: the only entry of its folder."""
    if not is_url(model.path):
        return Path(model.path)
    return job.cache / MODELS / model.name / model.version / cache_names.base_name(model.path.rstrip("/"))


def _files(plan: PlanReader, first: int) -> Iterator[PlannedFile]:
    """Every file of a plan that is in a store, from one mini-batch on, around."""
    for mini_batch in chain(range(first, plan.total), range(first)):
        yield from (file for file in plan.planned_files(mini_batch) if is_url(file.path))


async def _at_once(items: Iterable[T], bring: Callable[[T], Awaitable[object]], size_of: Callable[[T], int]) -> None:
    """Bring all items, some at a time, of large ones fewer; the first that fails ends the others."""
    large = asyncio.Semaphore(LARGE_AT_ONCE)

    async def bring_one(item: T) -> None:
        async with large if size_of(item) >= LARGE else nullcontext():
            await bring(item)

    await side_by_side.each(items, bring_one, AT_ONCE)
