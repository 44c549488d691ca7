"""``python -m parallelrun_agent.pod.fetch_git URL REF PATH TARGET``: a folder of a Git repository, as it is at a ref.

Without a git program: the runner image has none. A branch or tag is fetched without its history; a commit that no
branch or tag points to is looked for in all of it.
"""

from __future__ import annotations

import os
import re
import socket
import stat
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from parallelrun.api import hints
from parallelrun.api.errors import SourceError
from parallelrun_agent.pod import words

if TYPE_CHECKING:
    from dulwich.repo import Repo

#: A server that says nothing for so long does not answer.
TIMEOUT_SECONDS = 60.0
_HASH = re.compile(rb"[0-9a-f]{4,40}")
_HEADS, _TAGS = b"refs/heads/", b"refs/tags/"
#: What the name of a tag ends with where the commit is meant, and not the tag's own object.
_PEELED = b"^{}"


def fetch(url: str, ref: str, path: str, target: Path) -> str:
    """Write the folder ``path`` of the repository as it is at ``ref`` into ``target``; a line on what it was.

    Raises SourceError.
    """
    from dulwich.repo import Repo

    shown = without_password(url)
    with tempfile.TemporaryDirectory(prefix="git-") as scratch:
        repository = Repo.init_bare(scratch)
        try:
            commit = _fetched(repository, url, shown, ref)
            count, left_out = _write(repository, commit, path, target, shown)
        finally:
            repository.close()
    note = f"; left out the submodules {', '.join(left_out)}" if left_out else ""
    return f"fetched {count} files of {shown} at {ref}: commit {commit.decode()}{note}"


def without_password(url: str) -> str:
    """``url`` as it may be shown."""
    parts = urlsplit(url)
    if not parts.password:
        return url
    return urlunsplit(parts._replace(netloc=f"{parts.username}:***@{parts.netloc.rpartition('@')[2]}"))


def _fetched(repository: Repo, url: str, shown: str, ref: str) -> bytes:
    """The commit that ``ref`` means, which is in ``repository`` then."""
    try:
        client, location = _client(url)
        refs = {name: sha for name, sha in client.get_refs(location).refs.items() if sha is not None}
    except Exception as error:  # each transport has its own; all mean that there is no answer
        raise _unreachable(shown, error) from error
    wanted = named(refs, ref.encode())
    if wanted is None and not _HASH.fullmatch(ref.encode()):
        raise SourceError(
            f"spec.source.git.ref: {shown} has no branch, tag or commit {ref}.",
            hints.known("branch or tag", ref, sorted(_short(name) for name in refs if name.startswith(b"refs/"))),
        )
    depth = None if wanted is None else 1
    try:
        client.fetch(location, repository, determine_wants=_wants(refs, wanted), depth=depth)
    except Exception as error:  # as above
        raise _unreachable(shown, error) from error
    return _commit(repository, wanted or ref.encode(), shown, ref)


def named(refs: Mapping[bytes, bytes], ref: bytes) -> bytes | None:
    """What ``ref`` points to if it is the name of a branch or tag, a full name, or HEAD; or a hash one points to."""
    for name in (ref, _HEADS + ref, _TAGS + ref):
        if name in refs:
            return refs.get(name + _PEELED, refs[name])
    found = {sha for sha in refs.values() if sha.startswith(ref)} if _HASH.fullmatch(ref) else set()
    return found.pop() if len(found) == 1 and len(ref) == 40 else None


def _client(url: str) -> tuple[Any, Any]:
    from dulwich.client import default_urllib3_manager, get_transport_and_path

    socket.setdefaulttimeout(TIMEOUT_SECONDS)
    if url.startswith(("http://", "https://")):
        manager: Any = default_urllib3_manager(None, base_url=url, timeout=TIMEOUT_SECONDS)
        return get_transport_and_path(url, pool_manager=manager, quiet=True)
    return get_transport_and_path(url, quiet=True)


def _wants(refs: Mapping[bytes, bytes], wanted: bytes | None) -> Callable[..., list[Any]]:
    everything = sorted({sha for name, sha in refs.items() if name.startswith((_HEADS, _TAGS)) or name == b"HEAD"})
    return lambda *_, **__: everything if wanted is None else [wanted]


def _commit(repository: Repo, what: bytes, shown: str, ref: str) -> bytes:
    from dulwich.objectspec import AmbiguousShortId, parse_commit

    try:
        return bytes(parse_commit(repository, what).id)
    except AmbiguousShortId:
        raise SourceError(
            f"spec.source.git.ref: {shown} has several commits that begin with {ref}.", "Write more of the hash."
        ) from None
    except (KeyError, ValueError):
        raise SourceError(
            f"spec.source.git.ref: {shown} has no branch, tag or commit {ref}.",
            "A commit has to be in the history of a branch or tag.",
        ) from None


def _write(repository: Repo, commit: bytes, path: str, target: Path, shown: str) -> tuple[int, list[str]]:
    """How many files were written, and the submodules that were not."""
    from dulwich.object_store import iter_tree_contents

    store: Any = repository.object_store
    tree = _tree(store, store[commit].tree, path, shown)
    links, left_out, count = [], [], 0
    for entry in iter_tree_contents(store, tree):
        assert entry.path is not None
        assert entry.mode is not None
        name, place = os.fsdecode(entry.path), target / os.fsdecode(entry.path)
        if {"", ".", "..", ".git"} & set(name.split("/")):
            raise SourceError(f"spec.source.git: {shown} has a file named {name!r}.", "No checkout can have one.")
        if not stat.S_ISREG(entry.mode) and not stat.S_ISLNK(entry.mode):
            left_out.append(name)
            continue
        data = store[entry.sha].data
        if stat.S_ISLNK(entry.mode):
            links.append((place, os.fsdecode(data)))  # after all files: none of them is written through a link
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
            place.chmod(0o755 if entry.mode & 0o100 else 0o644)
        count += 1
    for place, where in links:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.symlink_to(where)
    return count, left_out


def _tree(store: Any, tree: bytes, path: str, shown: str) -> Any:
    for part in (part for part in path.split("/") if part not in ("", ".")):
        try:
            mode, tree = store[tree][os.fsencode(part)]
        except KeyError:
            names = [os.fsdecode(name) for name, mode, _ in store[tree].iteritems() if stat.S_ISDIR(mode)]
            raise SourceError(
                f"spec.source.git.path: {shown} has no folder {path}.", hints.known("folder", part, names)
            ) from None
        if not stat.S_ISDIR(mode):
            raise SourceError(f"spec.source.git.path: {path} in {shown} is not a folder.", "Name the folder it is in.")
    return tree


def _short(name: bytes) -> str:
    return os.fsdecode(name.removeprefix(_HEADS).removeprefix(_TAGS).removesuffix(_PEELED))


def _unreachable(shown: str, error: Exception) -> SourceError:
    said = str(error).strip() or type(error).__name__
    return SourceError(
        f"spec.source.git.url: {shown} cannot be fetched: {said[:500]}",
        "Is the URL right, can it be reached from this cluster, and does it need a password?",
    )


def main(arguments: list[str]) -> int:
    """Fetch; 0, or 1 after saying what went wrong."""
    words.end_at_sigterm()
    url, ref, path, target = arguments
    try:
        print(fetch(url, ref, path, Path(target)))
    except SourceError as error:
        return words.fail(str(error))
    except OSError as error:
        return words.fail(f"the source cannot be written to {target}: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
