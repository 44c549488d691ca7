"""One folder that many may want filled at once, on different machines: one of them fills it, the others wait.

No file system's locks are trusted, since network volumes differ in them. Each attempt has a number, and is whose who
made ``<number>.json`` first; it fills ``<number>/`` and nothing else, so that a builder who was taken for dead, and is
not, harms nobody. The record is replaced every few seconds; one that does not change, by the waiter's own clock, is a
dead builder's, and whoever sees that makes the next attempt. The highest attempt that is done counts.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import secrets
import shutil
import socket
import threading
import time
from typing import Any, Callable, Dict

from parallelrun_worker.environment.not_made import NotMade

#: A record that has not changed for so long is that of a dead builder.
DEAD_SECONDS = 60.0
_BEAT_SECONDS = 5.0
_LOOK_SECONDS = 0.5
_BUILDING, _DONE, _FAILED, _LEFT = "building", "done", "failed", "left"
_SUFFIX = ".json"
#: Of attempts that go on in this process, by their records' names for them.
_OURS: set[str] = set()

Record = Dict[str, Any]  # of JSON


def ensure(folder: str, build: Callable[[str], None], say: Callable[[str], None]) -> str:
    """The folder below ``folder`` that ``build`` filled, called here or by whoever was first.

    ``build`` gets a path that does not exist. Raises what it raises; NotMade also where another's call did, while this
    one waited for it, and where ``folder`` cannot be written to.
    """
    with _writing(folder):
        os.makedirs(folder, exist_ok=True)
        awaited, seen = 0, _Unchanged()
        while True:
            found = made(folder)
            if found is not None:
                return found
            number = max(_numbers(folder), default=0)
            record = _read(folder, number) if number else {"state": _LEFT}
            state = record.get("state", _BUILDING)
            if state == _FAILED and number == awaited:
                raise NotMade(record["said"], record["hint"], bool(record["may_mend"]))
            if state == _BUILDING and not _is_dead(record, seen.seconds(number, record)):
                if number != awaited:
                    say("waiting for %s, which installs the same" % record.get("host", "another"))
                awaited = number
                time.sleep(_LOOK_SECONDS)
            elif state == _DONE or (number and _read(folder, number) != record):
                continue  # it ended between one look and the other
            elif _take(folder, number + 1):
                return _attempt(folder, number + 1, build)


def made(folder: str) -> str | None:
    """The folder that counts, if any attempt is done."""
    for number in sorted(_numbers(folder), reverse=True):
        if _read(folder, number).get("state") == _DONE:
            return os.path.join(folder, str(number))
    return None


class _Unchanged:
    """For how long the newest record has been as it is."""

    def __init__(self) -> None:
        self._last: tuple[int, Any] | None = None
        self._since = 0.0

    def seconds(self, number: int, record: Record) -> float:
        if self._last != (number, record):
            self._last, self._since = (number, record), time.monotonic()
        return time.monotonic() - self._since


def _is_dead(record: Record, unchanged: float) -> bool:
    """At once where its process was one of this machine that is no more: a container that was started again, too."""
    if record.get("host") == socket.gethostname() and record["token"] not in _OURS:
        pid = record["pid"]
        if pid == os.getpid() or not _runs(pid):
            return True
    return unchanged > DEAD_SECONDS


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def _attempt(folder: str, number: int, build: Callable[[str], None]) -> str:
    place, token = os.path.join(folder, str(number)), secrets.token_hex(8)
    record: Record = {"host": socket.gethostname(), "pid": os.getpid(), "token": token}
    over, beating = threading.Event(), dict(record, state=_BUILDING, beat=0)
    _OURS.add(token)
    _write(folder, number, beating)
    beats = threading.Thread(target=_beat, args=(folder, number, beating, over), daemon=True)
    beats.start()
    ending: Record = dict(record, state=_LEFT)
    try:
        build(place)
        _flush(place)
        ending["state"] = _DONE
    except NotMade as error:
        ending.update(state=_FAILED, said=str(error), hint=error.hint, may_mend=error.may_mend)
        raise
    finally:
        over.set()
        beats.join()
        try:
            _write(folder, number, ending)
        finally:
            _OURS.discard(token)
        if ending["state"] == _FAILED:
            shutil.rmtree(place, ignore_errors=True)
    for other in _numbers(folder):
        # One that is done may be in use already. One that is not will never be: from now on a higher one counts.
        if other < number and _read(folder, other).get("state") != _DONE:
            shutil.rmtree(os.path.join(folder, str(other)), ignore_errors=True)
    return place


def _beat(folder: str, number: int, record: Record, over: threading.Event) -> None:
    while not over.wait(_BEAT_SECONDS):
        record["beat"] += 1
        with contextlib.suppress(OSError):  # a full volume: whoever takes us for dead does no harm
            _write(folder, number, record)


def _numbers(folder: str) -> list[int]:
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    stems = (name[: -len(_SUFFIX)] for name in names if name.endswith(_SUFFIX))
    return [int(stem) for stem in stems if stem.isdecimal()]


def _take(folder: str, number: int) -> bool:
    """Whether the attempt is ours: only one can make a file."""
    try:
        os.close(os.open(_path(folder, number), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o664))
    except FileExistsError:
        time.sleep(_LOOK_SECONDS)  # a listing may be seconds behind
        return False
    return True


def _read(folder: str, number: int) -> Record:
    """Empty where its builder has not written it yet."""
    try:
        with open(_path(folder, number), encoding="utf-8") as file:
            value = json.load(file)
    except (ValueError, OSError):
        return {}
    return value if isinstance(value, dict) and "token" in value else {}


def _write(folder: str, number: int, record: Record) -> None:
    """Whole or not at all."""
    temporary = os.path.join(folder, ".%d-%s" % (number, secrets.token_hex(6)))
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(record, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, _path(folder, number))


def _path(folder: str, number: int) -> str:
    return os.path.join(folder, "%d%s" % (number, _SUFFIX))


def _flush(place: str) -> None:
    """Have all of it on the disk before it is called done; files by the thousand take too long one by one."""
    descriptor = os.open(place, os.O_RDONLY)
    try:
        ctypes.CDLL(None).syncfs(descriptor)
    except (OSError, AttributeError):
        os.sync()  # no syncfs here
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _writing(folder: str) -> Any:
    try:
        yield
    except OSError as error:
        raise NotMade(
            "%s cannot be written to (%s): environments are kept there." % (folder, error.strerror or error),
            may_mend=True,
        ) from error
