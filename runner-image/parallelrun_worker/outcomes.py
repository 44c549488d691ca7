"""What a process has finished: into its segment first, and only then told to the agent.

Several small mini-batches share one write and one message. What is finished never waits for long: when the next
mini-batch of the group runs for an hour, a second thread hands over what came before it. So a process that is killed
takes with it at most what it finished in the last moments.
"""

from __future__ import annotations

import os
import sys
import threading
import time

from parallelrun_worker import wire
from parallelrun_worker.channel import AgentGone, Channel
from parallelrun_worker.segment import SUCCEEDED, Writer

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any, NoReturn


class Outcomes:
    """The only writer of the segment and the only reporter of results."""

    def __init__(self, channel: Channel, path: str) -> None:
        """Open the segment ``path``; raises OSError."""
        self._channel = channel
        self._segment = Writer(path)
        self._lock = threading.Lock()
        self._done: list[list[Any]] = []
        self._seconds = 0.0
        self._since = 0.0
        self._overdue: threading.Thread | None = None

    def succeeded(
        self,
        mini_batch: int,
        epoch: int,
        try_number: int,
        items: int,
        returned: int,
        rows: int,
        elapsed: float,
        payload: bytes,
        note: str,
    ) -> None:
        """Note a finished mini-batch; ``elapsed`` in seconds."""
        with self._lock:
            self._segment.add(payload, mini_batch, epoch, try_number, SUCCEEDED, items, returned, rows, elapsed)
            if not self._done:
                self._since = time.monotonic()
            self._done.append([mini_batch, items, returned, note])
            self._seconds += elapsed
            if time.monotonic() - self._since > wire.REPORT_SECONDS:
                self._report()

    def failed(self, mini_batch: int, items: int, elapsed: float, text: str) -> None:
        """Report a failed mini-batch at once, after those that were finished before it."""
        with self._lock:
            self._report()
        self._channel.send(["failed", mini_batch, items, elapsed, text])

    def flush(self) -> None:
        """Write and report everything finished so far."""
        with self._lock:
            self._report()

    def watch(self) -> None:
        """Hand over finished mini-batches also while the next one runs; called once a group has more than one."""
        if self._overdue is None:
            self._overdue = threading.Thread(target=self._hand_over, name="parallelrun-outcomes", daemon=True)
            self._overdue.start()

    def _hand_over(self) -> None:
        while True:
            time.sleep(wire.REPORT_SECONDS)
            with self._lock:
                if self._done and time.monotonic() - self._since > wire.REPORT_SECONDS:
                    try:
                        self._report()
                    except AgentGone:
                        os._exit(wire.AGENT_GONE)

    def _report(self) -> None:
        """Under the lock: segment first, so that what is said to be done has left this process."""
        if not self._done:
            return
        try:
            self._segment.flush()
        except OSError as error:
            give_up_segment(self._channel, self._segment.path, error)
        self._channel.send(["done", self._segment.records, self._seconds, self._done])
        self._done = []
        self._seconds = 0.0


def give_up_segment(channel: Channel, path: str, error: OSError) -> NoReturn:
    """Say that the segment cannot be written and leave; nothing of it that was not reported counts as done."""
    text = "cannot write results to %s: %s" % (path, error.strerror or error)
    try:
        channel.send(["segment-error", text])  # first: it is what counts
        sys.stderr.write("parallelrun: %s\n" % text)
        sys.stderr.flush()
    finally:
        os._exit(wire.SEGMENT_FAILED)
