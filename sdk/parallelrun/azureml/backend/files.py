"""The files of a workspace's datastores: folders that stand for claims here, claims of a cluster, and object stores."""

from __future__ import annotations

import asyncio
import filecmp
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from parallelrun.api import store_urls
from parallelrun.api.errors import InputError
from parallelrun.api.kinds import BY_NAME
from parallelrun.api.models.datastore import DATASTORE, DatastoreSpec
from parallelrun.api.registry import Registry, typed
from parallelrun.api.store_urls import Stores
from parallelrun.azureml.backend.objects import Objects
from parallelrun.azureml.backend.settings import Settings
from parallelrun.azureml.backend.support import say_once
from parallelrun.azureml.backend.threads import elsewhere
from parallelrun.cli import store_files
from parallelrun.local.credentials import Credentials
from parallelrun_agent.storage import Storage

Pairs = Sequence[tuple[Path, str]]  # a file here, and its path in the datastore


class Files:
    """Reads and writes what is in the datastores of one workspace."""

    def __init__(self, settings: Settings, objects: Objects) -> None:
        self._settings = settings
        self._objects = objects

    def spec(self, datastore: str) -> DatastoreSpec:
        """Of a registered datastore. Raises NotRegistered."""
        return typed(self._objects.find("datastore", DATASTORE, datastore), DatastoreSpec)

    def maps(self) -> dict[str, str]:
        """``{"pvc://claim": folder}`` of every claim that a datastore of a local workspace is on; makes the folders."""
        claims = {self._settings.claim}
        for entry in self._objects.all(DATASTORE):
            spec = typed(entry, DatastoreSpec)
            if spec.claim is not None:
                claims.add(spec.claim.name)
        folders = {claim: self._settings.volumes / claim for claim in sorted(claims)}
        for folder in folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        return {f"pvc://{claim}": str(folder) for claim, folder in folders.items()}

    def local(self, datastore: str, path: str = "") -> Path | None:
        """Where ``path`` of a datastore is on this machine; None: it is not on this machine."""
        claim = self.spec(datastore).claim
        if claim is None or self._settings.in_cluster:
            return None
        return Path(os.path.normpath(self._settings.volumes / claim.name / claim.path / path.strip("/")))

    def upload(self, datastore: str, files: Pairs, overwrite: bool) -> int:
        """Put files into a datastore; how many. Those that are there stay as they are, unless ``overwrite``."""
        if (folder := self.local(datastore)) is not None:
            return _copy([(file, folder / key) for file, key in files], overwrite)
        claim = self.spec(datastore).claim
        if claim is not None:
            return elsewhere(self._to_claim, claim.name, claim.path, files)
        return elsewhere(self._to_store, datastore, files, overwrite)

    def download(self, datastore: str, path: str, target: Path, overwrite: bool) -> int:
        """Fetch a file, or all that is below a folder, to ``target``/path; how many.

        Raises InputError where there is nothing.
        """
        path = path.strip("/")
        if (folder := self.local(datastore)) is not None:
            found = list(_below(folder, path))
            if not found:
                raise InputError(f"{datastore} has no {path or 'files'} ({folder / path}).", "Is the path right?")
            return _copy([(file, target / file.relative_to(folder)) for file in found], overwrite)
        with tempfile.TemporaryDirectory(prefix="parallelrun-") as scratch:
            fetched = Path(scratch)
            elsewhere(self._fetch, datastore, path, fetched)
            files = [Path(at, name) for at, _, names in sorted(os.walk(fetched)) for name in sorted(names)]
            base = _base(path, files, fetched)
            return _copy([(file, target / base / file.relative_to(fetched)) for file in files], overwrite)

    def fetch_into(self, datastore: str, path: str, target: Path) -> None:
        """Fetch a file or folder, under its own name, into the folder ``target``, in place of what is there."""
        with tempfile.TemporaryDirectory(prefix="parallelrun-") as scratch:
            self.download(datastore, path, Path(scratch), overwrite=True)
            there = target / os.path.basename(path)
            target.mkdir(parents=True, exist_ok=True)
            if there.is_dir():
                shutil.rmtree(there)
            shutil.move(Path(scratch) / path, there)

    def download_url(self, url: str, target: Path) -> None:
        """Fetch what is at a URL of a store or claim, or a path of this machine, into ``target``."""
        if "://" not in url:
            files = list(_below(Path(url), ""))
            root = Path(url) if Path(url).is_dir() else Path(url).parent
            _copy([(file, target / file.relative_to(root)) for file in files], overwrite=True)
            return
        elsewhere(self._fetch_url, url, target)

    def _to_claim(self, claim: str, path: str, files: Pairs) -> int:
        from parallelrun.cli.in_cluster import files as in_cluster

        with tempfile.TemporaryDirectory(prefix="parallelrun-") as scratch:
            for file, key in files:
                staged = Path(scratch) / key
                staged.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, staged)
            in_cluster.upload(Path(scratch), claim, os.path.normpath(path), self._settings.place, None)
        return len(files)

    def _to_store(self, datastore: str, files: Pairs, overwrite: bool) -> int:
        with self._storage(store_urls.below(datastore, ""), write=True) as (storage, _):

            def send(pair: tuple[Path, str]) -> bool:
                url = store_urls.below(datastore, pair[1])
                if not overwrite and storage.entry(url) is not None:
                    say_once(f"{url} is there already and stays as it is; overwrite=True replaces it")
                    return False
                storage.upload(pair[0], url)
                return True

            with ThreadPoolExecutor(store_files.AT_ONCE) as pool:
                return sum(pool.map(send, files))

    def _fetch(self, datastore: str, path: str, target: Path) -> None:
        claim = self.spec(datastore).claim
        if claim is None:
            self._fetch_url(store_urls.below(datastore, path), target)
        else:
            self._fetch_url(f"pvc://{claim.name}/{os.path.normpath(f'{claim.path}/{path}')}", target)

    def _fetch_url(self, url: str, target: Path) -> None:
        if url.startswith("pvc://"):
            claim, _, path = url.removeprefix("pvc://").partition("/")
            if not self._settings.in_cluster:
                self.download_url(str(self._settings.volumes / claim / path), target)
                return
            from parallelrun.cluster import job_files, reader, transfer
            from parallelrun.cluster.session import talk
            from parallelrun.kube.client import Kube

            root = f"/parallelrun/claims/{claim}"
            asked = job_files.part([""], f"{root}/{path}".rstrip("/"), required=True)

            async def work(kube: Kube) -> int:
                wanted = reader.pod(kube.namespace, [reader.Mount(claim, root)], reader.Look(), None)
                async with reader.reader(kube, wanted) as pod:
                    return await transfer.download(pod, [asked], target, lambda _: None)

            target.mkdir(parents=True, exist_ok=True)
            talk(self._settings.place, work)
            return
        with self._storage(url) as (storage, text):
            found = list(store_files._objects(storage, text.rstrip("/")))
            if not found:
                raise InputError(f"{text}: there is no such object, and none below it.", "Is the name right?")
            asyncio.run(store_files._fetch(storage, found, target, lambda _: None))

    @contextmanager
    def _storage(self, url: str, write: bool = False) -> Iterator[tuple[Storage, str]]:
        """What reads and writes at ``url``, for as long as this lasts, and the URL in our form."""
        name = store_urls.datastore_of(store_urls.canonical("URL", url))
        reference = self.spec(name).secret_ref if name else None
        credentials = Credentials(self._objects.secrets([reference.name] if reference else []), say_once)
        stores = Stores(Registry(self._objects.all(BY_NAME[DATASTORE].name)).datastore, credentials.folder)
        try:
            there = stores.locate("URL", url, write)
            yield Storage(stores.settings), there.text
        finally:
            credentials.close()


def _below(folder: Path, path: str) -> Iterator[Path]:
    start = folder / path
    if start.is_file():
        yield start
    for at, folders, names in os.walk(start):
        folders.sort()
        for name in sorted(names):
            yield Path(at, name)


def _base(path: str, files: Sequence[Path], fetched: Path) -> str:
    """The folder of the datastore that fetched files are relative to: a file comes under its own name."""
    one_file = len(files) == 1 and files[0] == fetched / os.path.basename(path)
    return os.path.dirname(path) if one_file else path


def _copy(pairs: Sequence[tuple[Path, Path]], overwrite: bool) -> int:
    """How many files there are now at their targets that are as their sources."""
    copied = 0
    for source, target in pairs:
        if target.is_file() and filecmp.cmp(source, target, shallow=False):
            copied += 1  # it keeps its time of change: steps that read it can be reused
            continue
        if target.exists() and not overwrite:
            say_once(f"{target} is there already and stays as it is; overwrite=True replaces it")
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, partial := target.with_name(f"{target.name}.tmp"))
        os.replace(partial, target)
        copied += 1
    return copied
