"""Puts the files of a tar stream (see ``send``) in place, each whole or not at all.

Runs in a reader pod for uploads and on this machine for downloads. Standard library only, nothing of ours: see the
package. Whatever the stream says, nothing is written outside of the folder that was named.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sys
import tarfile
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

END = ".parallelrun-end"
HOLLOW = "PARALLELRUN.hollow"
_BLOCK = 1 << 18


class AsItComes:
    """Reads what there is, and does not wait for a whole block: the connection stays open behind the last one."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream: Any = stream

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes; none at the end."""
        piece: bytes = getattr(self._stream, "read1", self._stream.read)(size)
        return piece


class Damaged(Exception):
    """The stream was cut short, or holds what it may not."""


def unpack(
    stream: BinaryIO,
    target: str,
    tell: Callable[[int], object] = lambda _: None,
    hashes: Mapping[str, str] | None = None,
) -> dict[str, int]:
    """Write the files of ``stream`` below ``target``; {"files", "bytes"}. Raises Damaged and OSError.

    ``tell`` is called with the number of bytes of each piece. ``hashes``: the SHA-256 (hex) that files must have, by
    their names; one that has another is not put in place.
    """
    files = size = 0
    try:
        source: Any = AsItComes(stream)
        with tarfile.open(mode="r|", fileobj=source, bufsize=_BLOCK) as archive:
            for entry in archive:
                content = archive.extractfile(entry) if entry.isreg() else None
                if content is None:
                    raise Damaged(f"{entry.name} is neither a file nor the end")
                if entry.name == END:
                    return _checked(json.loads(content.read()), {"files": files, "bytes": size})
                _put(content, entry, target, tell, (hashes or {}).get(entry.name))
                files, size = files + 1, size + entry.size
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise Damaged(f"it broke off after {files} files ({error})") from error
    raise Damaged(f"it broke off after {files} files")


def _checked(said: dict[str, int], found: dict[str, int]) -> dict[str, int]:
    if said != found:
        raise Damaged(f"{said['files']} files with {said['bytes']} bytes were sent, {found} came")
    return found


def _put(content: Any, entry: tarfile.TarInfo, target: str, tell: Callable[[int], object], sha256: str | None) -> None:
    path = _place(target, entry.name)
    folder, name = os.path.split(path)
    os.makedirs(folder, exist_ok=True)
    partial = os.path.join(folder, f".{name[:200]}.{secrets.token_hex(6)}.part")
    digest = hashlib.sha256()
    try:
        with open(partial, "wb") as file:
            while block := content.read(_BLOCK):
                file.write(block)
                if sha256 is not None:
                    digest.update(block)
                tell(len(block))
            if file.tell() != entry.size:
                raise Damaged(f"it broke off in {entry.name}")
            file.truncate(int(entry.pax_headers.get(HOLLOW, entry.size)))
        if sha256 is not None and digest.hexdigest() != sha256:
            raise Damaged(f"{entry.name} has SHA-256 {digest.hexdigest()}, and should have {sha256}")
        os.chmod(partial, (entry.mode & 0o777) | 0o600)
        os.utime(partial, (entry.mtime, entry.mtime))
        os.replace(partial, path)
    except BaseException:
        if os.path.lexists(partial):
            os.unlink(partial)
        raise


def _place(target: str, name: str) -> str:
    """Where ``name`` goes; raises Damaged for a name, or a link on its way, that leads out of ``target``."""
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or "" in parts or "\0" in name:
        raise Damaged(f"{name!r} is not a name below a folder")
    root = os.path.realpath(target)
    folder = os.path.realpath(os.path.join(root, *parts[:-1]))
    if os.path.commonpath([folder, root]) != root:
        raise Damaged(f"{name!r} leads out of {target}")
    return os.path.join(folder, parts[-1])


def main(request: dict[str, Any]) -> int:
    """Unpack stdin into the folder that ``request`` names and print what came; the exit code."""
    try:
        os.makedirs(request["target"], exist_ok=True)
        print(json.dumps(unpack(sys.stdin.buffer, request["target"])))
    except Damaged as error:
        print(error, file=sys.stderr)
        return 3
    except OSError as error:
        print(f"{error.filename or request['target']}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
