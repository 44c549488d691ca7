"""Object stores: listing, reading, fetching into files, writing; and errors that say which object and why."""

from parallelrun_agent.storage.errors import Changed, Gone, Refused, StorageError, Unreachable
from parallelrun_agent.storage.places import is_url
from parallelrun_agent.storage.storage import Storage

__all__ = ["Changed", "Gone", "Refused", "Storage", "StorageError", "Unreachable", "is_url"]
