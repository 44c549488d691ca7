"""Names of the objects that belong to one job.

Each carries the job's UID: a job that was deleted and created again under its name never meets what was
its predecessor's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Characters of the job's name in its children's: with a UID of 36 and an index of 4 digits a pod's host name, which a
#: Job makes of the Job's name and the index, stays below 63.
_NAME_LENGTH = 20


@dataclass(frozen=True)
class Names:
    """Of one job's children. ``base`` alone names the Job, the ServiceAccount, the Role and its binding."""

    base: str

    @classmethod
    def of(cls, job: str, uid: str) -> Names:
        """``job`` is metadata.name of the ParallelRunJob, ``uid`` its metadata.uid."""
        readable = re.sub(r"[^a-z0-9-]", "-", job)[:_NAME_LENGTH].strip("-")
        return cls(f"{readable}-{uid}")

    @property
    def header(self) -> str:
        """The ConfigMap with the header."""
        return f"{self.base}-header"

    @property
    def settings(self) -> str:
        """The ConfigMap with settings.json and job.yaml."""
        return f"{self.base}-settings"

    def shard(self, shard: int) -> str:
        """A ConfigMap with one allocator shard."""
        return f"{self.base}-shard-{shard}"

    def node(self, node: int) -> str:
        """A node's Lease."""
        return f"{self.base}-node-{node}"
