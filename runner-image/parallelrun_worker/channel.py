"""A process's side of its socket: blocking, and usable from the script's own threads.

The main thread waits here for work; ``Model.get_model_path`` may ask the agent something from init(), from run() or
from a thread that the script started, while other messages arrive. Whoever reads, answers are put where their asker
looks for them and everything else is kept, in order, for the main thread.
"""

from __future__ import annotations

import collections
import select
import socket
import threading

from parallelrun_worker import wire

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any

_CHUNK = 1 << 18
_ASK_POLL_SECONDS = 0.05


class AgentGone(Exception):
    """The agent closed the socket, or died."""


class Channel:
    """Messages to and from the agent."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._decoder = wire.Decoder()
        self._work: collections.deque[list[Any]] = collections.deque()
        self._answers: dict[int, Any] = {}
        self._questions = 0
        self._sending = threading.Lock()
        self._reading = threading.Lock()

    def send(self, message: list[Any]) -> None:
        """Send one message; raises :class:`AgentGone`."""
        line = wire.encode(message)
        with self._sending:
            try:
                self._socket.sendall(line)
            except OSError as error:
                raise AgentGone(str(error)) from error

    def receive(self) -> list[Any]:
        """The next message that is not an answer; waits for it. Raises :class:`AgentGone`."""
        while not self._work:
            with self._reading:
                if not self._work:
                    self._read()
        return self._work.popleft()

    def ask(self, what: str, arguments: list[Any]) -> Any:
        """Ask the agent and wait for its answer; raises :class:`AgentGone`."""
        with self._sending:
            self._questions += 1
            question = self._questions
        self.send(["ask", question, what, arguments])
        while question not in self._answers:
            if self._reading.acquire(timeout=_ASK_POLL_SECONDS):
                try:
                    if question not in self._answers and select.select([self._socket], [], [], _ASK_POLL_SECONDS)[0]:
                        self._read()
                finally:
                    self._reading.release()
        return self._answers.pop(question)

    def _read(self) -> None:
        try:
            chunk = self._socket.recv(_CHUNK)
        except OSError as error:
            raise AgentGone(str(error)) from error
        if not chunk:
            raise AgentGone("the socket was closed")
        for message in self._decoder.feed(chunk):
            if message[0] == "answer":
                self._answers[message[1]] = message[2]
            else:
                self._work.append(message)
