"""What a job names and nobody has registered yet: it waits for that, and is not refused."""

from __future__ import annotations

from parallelrun.api.errors import ManifestError


class Lacking(ManifestError):
    """A Datastore, Dataset, Model, Environment or ComputeTarget that is not in the job's namespace."""

    def __init__(self, kind: str, message: str, hint: str = "") -> None:
        """``message`` names the field and the object."""
        super().__init__(message, hint)
        self.kind = kind
