"""An output in an object store: whose it is, and how it gets there after it was merged on the job's volume.

Objects appear whole or not at all, and ``_SUCCESS`` comes last. Whoever repeats this puts the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from parallelrun.api import layout
from parallelrun.api.errors import OutputError
from parallelrun.api.settings import JobSettings
from parallelrun_agent.storage.places import is_url


class Store(Protocol):
    """What is asked of ``parallelrun_agent.storage.Storage``, in threads."""

    def upload(self, source: Path, url: str) -> None:
        """Put a file."""

    def put(self, url: str, data: bytes, only_new: bool = False) -> bool:
        """Put an object; whether ``data`` is what is there now."""

    def get(self, url: str) -> bytes | None:
        """A small object; None where there is none."""

    def delete(self, url: str) -> None:
        """Remove an object."""


def url_of(settings: JobSettings) -> str | None:
    """The URL of the folder that the output goes to; None where it is on a volume, or there is none."""
    path = settings.output.path
    return path.rstrip("/") if path and is_url(path) and settings.output.action != "SummaryOnly" else None


def claim(store: Store, url: str, settings: JobSettings, is_done: Callable[[], bool] = lambda: False) -> None:
    """Make ``url`` the job's; its own earlier ``_SUCCESS`` is removed, unless the job ``is_done``, as in ``owner``.

    Raises OutputError where it is another job's, and StorageError.
    """
    own = f"{settings.namespace}/{settings.name}"
    marker = f"{url}/{layout.OWNER}"
    if not store.put(marker, f"{own}\n".encode(), only_new=True):
        found = (store.get(marker) or b"").decode(errors="replace").strip()
        if found != own:
            raise OutputError(
                f"{url} holds the output of another job: {found}",
                f"Choose another spec.output.path, or remove that output together with its {layout.OWNER}.",
            )
    if not is_done():
        store.delete(f"{url}/{layout.SUCCESS}")
        if is_done():  # meanwhile
            succeed(store, url)


def publish(store: Store, url: str, folder: Path, settings: JobSettings) -> None:
    """Put the merged output and the reports of the job in ``folder``. Raises StorageError and OSError."""
    for name in (settings.output.file_name, layout.RESULT, layout.MINI_BATCHES):
        store.upload(folder / name, f"{url}/{name}")


def succeed(store: Store, url: str) -> None:
    """Say that all is there. Raises StorageError."""
    store.put(f"{url}/{layout.SUCCESS}", b"")
