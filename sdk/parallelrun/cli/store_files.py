"""`upload` and `download` of object stores: from this machine, with the shell's credentials or a Secret's."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from parallelrun.api import exit_codes
from parallelrun.api.errors import InputError, ManifestError
from parallelrun.api.kinds import BY_NAME
from parallelrun.api.models.datastore import DATASTORE, DatastoreSpec
from parallelrun.api.registry import NotRegistered
from parallelrun.api.store_urls import Located, Stores, base_name
from parallelrun.cli import targets
from parallelrun.cli.meter import Meter
from parallelrun.cli.terminal import plural, size, tell
from parallelrun.cluster import place
from parallelrun.local import registered
from parallelrun.local.credentials import Credentials
from parallelrun_agent.storage import Storage

#: Files on their way at a time.
AT_ONCE = 16


@contextmanager
def located(args: argparse.Namespace, url: str, write: bool = False) -> Iterator[tuple[Located, Storage]]:
    """Where ``url`` is, and what reads and writes there, credentials included, for as long as this lasts.

    A datastore is looked up in --register folders and the files here, then in the cluster. Raises ManifestError.
    """
    found = registered.search(Path.cwd() / "-", [], args.register)
    credentials = Credentials(found.secrets, tell)

    def datastore(where: str, name: str) -> DatastoreSpec:
        try:
            return found.registry.datastore(where, name)
        except NotRegistered:
            said = targets.place_of(args)
            if not said.said and not targets.as_plugin() and not place.configured():
                raise
        from parallelrun.cli.in_cluster.catalogue import Cluster

        return Cluster(said).registry(BY_NAME[DATASTORE]).datastore(where, name)

    stores = Stores(datastore, credentials.folder)
    try:
        there = stores.locate("URL", url, write)
        yield there, Storage(stores.settings)
    finally:
        credentials.close()


def download(storage: Storage, url: str, target: Path) -> int:
    """Fetch an object, or everything below a prefix, into the folder ``target``; the exit code.

    Raises InputError where there is nothing, StorageError, and OSError.
    """
    files = list(_objects(storage, url.rstrip("/")))
    if not files:
        raise InputError(f"{url}: there is no such object, and none below it.", "Is the name right?")
    with Meter("fetching") as meter:
        asyncio.run(_fetch(storage, files, target, meter.add))
    tell(f"{plural(len(files), 'file')}, {size(sum(one[1] for one in files))}, fetched into {target}")
    return exit_codes.DONE


def upload(storage: Storage, source: Path, url: str) -> int:
    """Put a file, or the files of a folder with all below it, below ``url``; the exit code. Raises StorageError."""
    if source.is_dir():
        files = [Path(at, name) for at, _, names in sorted(os.walk(source)) for name in sorted(names)]
        keys = [str(file.relative_to(source)) for file in files]
    else:
        files, keys = [source], [source.name]
    with Meter("sending") as meter, ThreadPoolExecutor(AT_ONCE) as pool:

        def put(file: Path, key: str) -> None:
            storage.upload(file, f"{url.rstrip('/')}/{key}")
            meter.add(file.stat().st_size)

        list(pool.map(put, files, keys))
    tell(f"{plural(len(files), 'file')}, {size(meter.bytes)}, put into {url}")
    return exit_codes.DONE


def _objects(storage: Storage, url: str) -> Iterator[tuple[str, int, int, str]]:
    """(URL, size, version, path below the target) of each object. Raises InputError for a key that is no path."""
    one = storage.entry(url)
    if one is not None:
        yield os.fsdecode(one[0]), one[1], one[2], base_name(url)
        return
    if url.startswith(("https://", "http://")):
        return  # no web server lists what it has
    for path, length, version in storage.entries(f"{url}/"):
        text = os.fsdecode(path)
        below = text[len(url) :].lstrip("/")
        if not below or below.endswith("/"):
            continue  # what stands for a folder
        if any(part in ("", ".", "..") for part in below.split("/")):
            raise InputError(f"{text} cannot be a file's path here.", "Rename the object.")
        yield text, length, version, below


async def _fetch(
    storage: Storage, files: list[tuple[str, int, int, str]], target: Path, count: Callable[[int], None]
) -> None:
    waiting = iter(files)

    async def some() -> None:
        for url, length, version, below in waiting:
            await storage.fetch(url, length, version, target / below)
            count(length)

    tasks = [asyncio.create_task(some()) for _ in range(AT_ONCE)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def claim_of(there: Located) -> str:
    """The pvc:// URL of a datastore that is on a claim; "" for an object store. Raises ManifestError for neither."""
    if there.store is not None:
        return ""
    if not there.text.startswith("pvc://"):
        raise ManifestError(f"{there.text} is no URL of a store.", "Example: s3://bucket/folder")
    return there.text
