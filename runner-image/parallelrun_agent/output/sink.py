"""The file that an output is written to before it gets its name: hashed while it is written.

The SHA-256 is computed by a second thread, one block behind: hashing costs as much as writing, and a merge has little
else to do.
"""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from parallelrun_agent.output import durable
from parallelrun_agent.output.payloads import Buffer

#: Below this, handing a block to the other thread takes longer than hashing it.
_WORTH_A_THREAD = 1 << 17


class Sink:
    """Writes ``<path>.tmp-<epoch>``; :meth:`commit` makes it ``path``, leaving without it deletes it.

    Its methods raise OSError. Of one epoch there is one writer, so a file of that name is our own from before.
    """

    def __init__(self, path: Path, epoch: int) -> None:
        self.path = path
        self.temporary = path.with_name(f"{path.name}.tmp-{epoch}")
        self.size = 0
        self._hash = hashlib.sha256()
        self._hasher: ThreadPoolExecutor | None = None
        self._hashing: Future[None] | None = None
        self._fd = os.open(self.temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._hasher is not None:
            self._hasher.shutdown()
        if self._fd >= 0:
            os.close(self._fd)
            durable.remove(self.temporary)

    def write(self, data: Buffer) -> int:
        """Append ``data``, which must not change afterwards; its length."""
        length = len(data)
        if length >= _WORTH_A_THREAD:
            self._hash_beside(data)
        else:
            self._wait()
            self._hash.update(data)
        durable.write_all(self._fd, data)
        self.size += length
        return length

    def commit(self) -> str:
        """Make the file durable under its own name; the SHA-256 (hex) of its bytes."""
        self._wait()
        os.fsync(self._fd)
        os.close(self._fd)
        self._fd = -1
        durable.replace(self.temporary, self.path)
        self._drop_older()
        return self._hash.hexdigest()

    def _hash_beside(self, data: Buffer) -> None:
        self._wait()
        if self._hasher is None:
            self._hasher = ThreadPoolExecutor(1, "output-hash")
        self._hashing = self._hasher.submit(self._hash.update, data)

    def _wait(self) -> None:
        if self._hashing is not None:
            self._hashing.result()
            self._hashing = None

    def _drop_older(self) -> None:
        """What finalizers before this one left half written."""
        prefix = f"{self.path.name}.tmp-"
        for name in os.listdir(self.path.parent):
            if name.startswith(prefix) and name != self.temporary.name:
                durable.remove(self.path.parent / name)
