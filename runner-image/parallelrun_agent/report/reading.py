"""Reading a run's folder: the one way by which commands look at results, failures and logs.

Nothing is ever written to the folder, and nothing is asked of a process: a folder that was copied elsewhere reads as
the original, and one whose run still goes on, or was killed, shows what its segments hold now.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from parallelrun.api import layout
from parallelrun.api.errors import RunFolderError
from parallelrun_agent.report.failures import Failure, read_failures
from parallelrun_agent.report.mini_batches import MiniBatch


class RunReport:
    """What is known of the run in ``folder``. Methods raise RunFolderError where a file is damaged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def result(self) -> dict[str, Any] | None:
        """``job_result.json``; None where the run has not ended."""
        path = self.folder / layout.RESULT
        try:
            value = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise RunFolderError(f"{path} cannot be read: {error}") from error
        if not isinstance(value, dict):
            raise RunFolderError(f"{path} is not a JSON object")
        return value

    def failures(self) -> Iterator[Failure]:
        """Mini-batches that failed for good, in index order.

        Where the segments are gone (``keepSegments: false``) without tracebacks and files.
        """
        if not (self.folder / layout.SEGMENTS).is_dir():
            for line in self.mini_batches(failed=True):
                yield Failure(
                    line.mini_batch, line.node, line.process, line.tries, line.elapsed, line.items, line.error
                )
            return
        with self._winners() as winners:
            yield from read_failures(self.folder, winners)

    def failure(self, mini_batch: int) -> Failure | None:
        """The failure of one mini-batch; None where it has not failed for good."""
        return next((failure for failure in self.failures() if failure.mini_batch == mini_batch), None)

    def mini_batches(
        self, failed: bool | None = None, node: int | None = None, mini_batch: int | None = None
    ) -> Iterator[MiniBatch]:
        """Finished mini-batches in index order: only failed ones or only others, of one node, or one alone."""
        node_name = None if node is None else layout.node_name(node)
        for line in self._lines():
            if failed is not None and (line.status == "failed") != failed:
                continue
            if node_name in (None, line.node) and mini_batch in (None, line.mini_batch):
                yield line

    def logs(self) -> dict[str, Path]:
        """Where logs are, by what they are; only those that are there."""
        places = {
            "overview": layout.OVERVIEW,
            "mini-batches": layout.MINI_BATCHES,
            "errors": layout.USER_ERRORS,
            "stdout": layout.USER_STDOUT,
            "entry-script": layout.ENTRY_SCRIPT_LOG,
            "system": layout.SYS,
            "perf": layout.PERF,
        }
        return {name: path for name, place in places.items() if (path := self.folder / place).exists()}

    def _lines(self) -> Iterator[MiniBatch]:
        """From the list that a finished run left, or else from the segments: an aborted run may have gone on since."""
        from parallelrun_agent.report import mini_batches

        path = self.folder / layout.MINI_BATCHES
        done = (self.result() or {}).get("winners") or not (self.folder / layout.SEGMENTS).is_dir()
        try:
            if path.exists() and done:
                yield from mini_batches.read(path)
                return
            with tempfile.TemporaryDirectory(prefix="parallelrun-") as scratch, self._winners() as winners:
                yield from mini_batches.read(mini_batches.write(self.folder, winners, Path(scratch) / "list.csv"))
        except (OSError, ValueError) as error:
            raise RunFolderError(f"The mini-batches of {self.folder} cannot be read: {error}") from error

    @contextmanager
    def _winners(self) -> Iterator[Any]:
        """The frozen table, or one made from the segments as they are, outside the folder."""
        from parallelrun_agent.output.winners import Winners

        with tempfile.TemporaryDirectory(prefix="parallelrun-") as scratch:
            frozen = (self.result() or {}).get("winners")
            if frozen:
                winners = Winners.open(self.folder, frozen)
            else:
                winners = Winners.build(self.folder, _total(self.folder), scratch=Path(scratch))
            try:
                yield winners
            finally:
                winners.close()


def _total(folder: Path) -> int:
    """One more than the highest mini-batch that has a record: the plan need not be there."""
    from parallelrun_agent.output.segments import list_segments, segment_path, sound_records

    highest = -1
    for name in list_segments(folder):
        for chunk in sound_records(segment_path(folder, name)):
            highest = max(highest, int(chunk.records["mini_batch"].max()))
    return highest + 1
