"""Which Secrets a job's agents mount, and where each of them finds those of a datastore."""

from __future__ import annotations

from parallelrun.api import pod_layout
from parallelrun.api.models.datastore import DatastoreSpec


class Secrets:
    """Of the datastores of one job."""

    def __init__(self) -> None:
        self.by_folder: dict[str, str] = {}  # names of Secrets

    def folder(self, name: str, spec: DatastoreSpec) -> str:
        """Where the Secret of the datastore ``name`` is mounted; "" where it has none."""
        if spec.secret_ref is None or spec.anonymous:
            return ""
        folder = f"{pod_layout.CREDENTIALS}/{name}"  # no registered name can lead out of there
        self.by_folder[folder] = spec.secret_ref.name
        return folder
