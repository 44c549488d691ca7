"""Writes chosen files as a tar stream whose last entry says how many there were: a stream that was cut short has none.

Runs in a reader pod for downloads and on this machine for uploads. Standard library only, nothing of ours: see the
package.
"""

from __future__ import annotations

import fnmatch
import io
import json
import os
import stat
import sys
import tarfile
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

END = ".parallelrun-end"
HOLLOW = "PARALLELRUN.hollow"
_BLOCK = 1 << 18


class Missing(Exception):
    """A name that was asked for is not there."""


def pack(out: BinaryIO, parts: list[dict[str, Any]], tell: Callable[[int], object] = lambda _: None) -> dict[str, int]:
    """Send the files of ``parts`` to ``out``; {"files", "bytes"}. Raises Missing and OSError.

    A part: "root" is a folder; "names" are files, folders (with all that is below) or patterns under it; "prefix" goes
    in front of their names in the stream; "required": a name that matches nothing raises Missing; "hollow": of each
    file only its size is sent, and it will hold zeros.
    ``tell`` is called with the bytes of each file that was sent.
    """
    files = size = 0
    seen: set[str] = set()
    with tarfile.open(mode="w|", fileobj=out, bufsize=_BLOCK, format=tarfile.PAX_FORMAT) as archive:
        for part in parts:
            for name, path in _files(part):
                if name in seen:
                    continue
                seen.add(name)
                sent = _send(archive, name, path, bool(part.get("hollow")))
                if sent is not None:
                    files, size = files + 1, size + sent
                    tell(sent)
        _send_end(archive, files, size)
    return {"files": files, "bytes": size}


def _files(part: dict[str, Any]) -> Iterator[tuple[str, str]]:
    root, prefix = part["root"], part.get("prefix") or ""
    for wanted in part["names"]:
        found = False
        for relative in _matching(root, wanted):
            found = True
            path = os.path.join(root, relative) if relative else root
            if os.path.isdir(path):
                for inner, place in _below(path, (os.path.realpath(path),), os.path.realpath(root)):
                    yield _joined(prefix, _joined(relative, inner)), place
            else:
                yield _joined(prefix, relative or os.path.basename(root)), path
        if not found and part.get("required"):
            raise Missing(os.path.join(root, wanted) if wanted else root)


def _matching(root: str, wanted: str) -> Iterator[str]:
    """``wanted`` itself where it is there, else the entries of its folder that match its last part."""
    if os.path.lexists(os.path.join(root, wanted) if wanted else root):
        yield wanted
        return
    folder, pattern = os.path.split(wanted)
    if any(mark in pattern for mark in "*?["):
        try:
            entries = sorted(os.listdir(os.path.join(root, folder)))
        except OSError:
            return
        for entry in fnmatch.filter(entries, pattern):
            yield os.path.join(folder, entry)


def _below(folder: str, above: tuple[str, ...], root: str) -> Iterator[tuple[str, str]]:
    """(name, path) of files below ``folder``, in order. Links that lead out of ``root``, or in a circle, are left."""
    with os.scandir(folder) as scan:
        entries = sorted(scan, key=lambda entry: entry.name)
    for entry in entries:
        real = os.path.realpath(entry.path)
        if entry.is_symlink() and os.path.commonpath([real, root]) != root:
            continue
        if entry.is_dir():
            if real not in above:
                for name, path in _below(entry.path, (*above, real), root):
                    yield f"{entry.name}/{name}", path
        else:
            yield entry.name, entry.path


def _send(archive: tarfile.TarFile, name: str, path: str, hollow: bool) -> int | None:
    """One regular file; None for anything else, and for one that is gone by now."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would wait for its writer
    except FileNotFoundError:
        return None
    with open(fd, "rb") as file:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            return None
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode, entry.mtime = status.st_size, stat.S_IMODE(status.st_mode), int(status.st_mtime)
        if hollow:
            entry.size, entry.pax_headers = 0, {HOLLOW: str(status.st_size)}
        archive.addfile(entry, file)  # just so many bytes: a log may grow meanwhile
    return entry.size


def _send_end(archive: tarfile.TarFile, files: int, size: int) -> None:
    text = json.dumps({"files": files, "bytes": size}).encode()
    entry = tarfile.TarInfo(END)
    entry.size = len(text)
    archive.addfile(entry, io.BytesIO(text))


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder and name else folder or name


def main(request: dict[str, Any]) -> int:
    """Pack what ``request`` names to stdout; the exit code: 3 for a name that is not there."""
    try:
        pack(sys.stdout.buffer, request["parts"])
    except Missing as error:
        print(error, file=sys.stderr)
        return 3
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
