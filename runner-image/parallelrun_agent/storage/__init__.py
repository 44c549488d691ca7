"""Object stores: listing, reading, fetching into files, writing; and errors that say which object and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parallelrun_agent.storage.errors import Changed, Gone, Refused, StorageError, Unreachable
from parallelrun_agent.storage.places import is_url

if TYPE_CHECKING:
    from parallelrun_agent.storage.storage import Storage

__all__ = ["Changed", "Gone", "Refused", "Storage", "StorageError", "Unreachable", "is_url"]


def __getattr__(name: str) -> Any:
    """``Storage`` is imported when somebody asks for it: jobs over plain files start without."""
    if name == "Storage":
        from parallelrun_agent.storage.storage import Storage

        return Storage
    raise AttributeError(name)
