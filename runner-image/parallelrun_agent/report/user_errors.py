"""``logs/user/error/<node>/processNNN.txt``: every try that failed, also of mini-batches that succeeded later."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from parallelrun.api import layout

#: Files of a mini-batch that are listed; the rest is counted.
FILES_LISTED = 20


class UserErrors:
    """Appends to the files of one node, each opened with its first error. Nothing here is fsynced: it is a log."""

    def __init__(self, folder: Path, node: int) -> None:
        self._folder = folder / layout.USER_ERRORS / layout.node_name(node)

    def append(
        self, process: int | None, mini_batch: int, try_number: int, kind: str, text: str, files: Sequence[str]
    ) -> None:
        """One failed try; ``text`` is the user's traceback or a sentence. Raises OSError."""
        name = layout.process_name(process) if process is not None else "agent"
        entry = entry_text(time.time(), mini_batch, try_number, kind, text, files)
        self._folder.mkdir(parents=True, exist_ok=True)
        with open(self._folder / f"{name}.txt", "ab", buffering=0) as file:
            file.write(entry.encode("utf-8", "backslashreplace"))


def entry_text(now: float, mini_batch: int, try_number: int, kind: str, text: str, files: Sequence[str]) -> str:
    """One entry; ``now`` is Unix time."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    lines = [f"==== {stamp} mini-batch {mini_batch}, try {try_number}: {kind}"]
    lines += [f"file: {file}" for file in files[:FILES_LISTED]]
    if len(files) > FILES_LISTED:
        lines.append(f"and {len(files) - FILES_LISTED} more files")
    return "\n".join([*lines, text.rstrip(), "", ""])
