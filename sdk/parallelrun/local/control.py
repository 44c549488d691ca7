"""How another command talks to a live local run: status, suspend, resume, cancel.

The run listens on a Unix socket and says where in its folder's ``control.json``: ``{"socket", "pid", "folder"}``. The
socket is not in the folder itself, since paths of sockets are limited to 107 bytes and some shared file systems have
none. One JSON line asks, ``{"command": "status"}``; one JSON line answers, ``{"ok": true, "snapshot": {...}}`` or
``{"ok": false, "error": "..."}``. ``folder`` is there so that a copy of a run's folder does not steer the original.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parallelrun.api import layout
from parallelrun.api.errors import ParallelRunError, RunFolderError
from parallelrun.local.request import NodeView, Snapshot

if TYPE_CHECKING:
    import asyncio

COMMANDS = ("status", "suspend", "resume", "cancel")
LONGEST_SOCKET_PATH = 107  # bytes, on Linux
ANSWER_SECONDS = 10.0


class NotLive(RunFolderError):
    """No process runs this folder now."""


class ControlServer:
    """The run's side. ``handle(command)`` acts on one of COMMANDS, must return at once, and gives the state after it;
    a ParallelRunError that it raises is the answer."""

    def __init__(self, folder: Path, handle: Callable[[str], Snapshot]) -> None:
        self._folder = folder
        self._handle = handle
        self._server: asyncio.Server | None = None
        self._place = ""
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def start(self) -> None:
        """Listen, and say where in control.json. Raises OSError."""
        import asyncio

        self._place = _short_folder()
        path = os.path.join(self._place, "control.sock")
        self._server = await asyncio.start_unix_server(self._serve, path)
        value = {"socket": path, "pid": os.getpid(), "folder": str(self._folder.resolve())}
        temporary = self._folder / f"{layout.CONTROL}.tmp"
        temporary.write_text(json.dumps(value))
        temporary.replace(self._folder / layout.CONTROL)

    async def close(self) -> None:
        """Stop listening, hang up on whoever is connected, and leave nothing behind."""
        import asyncio

        if self._server is not None:
            # A connection that was accepted in this turn of the loop gets its transport in the next one, which fails
            # and leaks when the server is closed by then (Python 3.11).
            for listening in self._server.sockets:
                asyncio.get_running_loop().remove_reader(listening.fileno())
            await asyncio.sleep(0)
            self._server.close()
            self._server = None
        for connection in self._connections.values():
            connection.close()
        await asyncio.gather(*self._connections)
        (self._folder / layout.CONTROL).unlink(missing_ok=True)
        shutil.rmtree(self._place, ignore_errors=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        import asyncio

        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = writer
        try:
            while request := await reader.readline():
                writer.write(json.dumps(self._answer(request)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):  # the asker left, or sent a line without end
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            del self._connections[task]

    def _answer(self, request: bytes) -> dict[str, Any]:
        try:
            value = json.loads(request)
        except ValueError:
            return {"ok": False, "error": "not a line of JSON"}
        command = value.get("command") if isinstance(value, dict) else None
        if command not in COMMANDS:
            return {"ok": False, "error": f"unknown command {command!r}; known: {', '.join(COMMANDS)}"}
        try:
            return {"ok": True, "snapshot": dataclasses.asdict(self._handle(command))}
        except ParallelRunError as error:
            return {"ok": False, "error": str(error)}


def ask(folder: Path, command: str) -> Snapshot:
    """Send ``command`` to the live run of ``folder``; its state after it.

    Raises NotLive when nothing runs the folder, and RunFolderError when the run refuses or does not answer.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER_SECONDS)
        try:
            connection.connect(_address(folder))
            connection.sendall(json.dumps({"command": command}).encode() + b"\n")
            with connection.makefile("rb") as answers:
                line = answers.readline()
        except TimeoutError:
            raise RunFolderError(
                f"{folder}: the run did not answer within {ANSWER_SECONDS:.0f} seconds.",
                f"Is it stopped (SIGSTOP)? Its process is named in {folder / layout.CONTROL}.",
            ) from None
        except OSError:
            raise NotLive(f"{folder} is not running now.") from None
    if not line:
        raise NotLive(f"{folder} is not running now.")
    answer = json.loads(line)
    if not answer["ok"]:
        raise RunFolderError(f"{folder}: {answer['error']}")
    return snapshot_from_json(answer["snapshot"])


def is_live(folder: Path) -> bool:
    """Whether a process runs ``folder`` now (one that is stopped or slow counts)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER_SECONDS)
        try:
            connection.connect(_address(folder))
        except TimeoutError:
            return True
        except (OSError, NotLive):
            return False
    return True


def snapshot_from_json(value: dict[str, Any]) -> Snapshot:
    """The inverse of ``dataclasses.asdict``; what a newer version added is left out."""
    nodes = [NodeView(**_known(NodeView, node)) for node in value.get("nodes", [])]
    return Snapshot(**{**_known(Snapshot, value), "nodes": nodes})


def _known(kind: type[NodeView] | type[Snapshot], value: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(kind)}
    return {key: item for key, item in value.items() if key in names}


def _address(folder: Path) -> str:
    try:
        value = json.loads((folder / layout.CONTROL).read_text())
        ours = Path(value["folder"]) == folder.resolve()
        address = str(value["socket"])
    except (OSError, ValueError, KeyError, TypeError):
        raise NotLive(f"{folder} is not running now.") from None
    if not ours:
        raise NotLive(f"{folder} is a copy of {value['folder']}, and is not running itself.")
    return address


def _short_folder() -> str:
    """A private new folder whose path leaves room for a socket's name."""
    for parent in (None, "/tmp"):
        with contextlib.suppress(OSError):
            place = tempfile.mkdtemp(prefix="parallelrun-", dir=parent)
            if len(os.fsencode(place)) + len("/control.sock") <= LONGEST_SOCKET_PATH:
                return place
            os.rmdir(place)
    raise OSError("no temporary folder has a path short enough for a socket")
