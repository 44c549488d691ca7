"""The source of a job, copied once into the job's folder and from there into every pod.

All pods of a job run the same code, also those that start hours later, when ConfigMap, branch or folder have moved on.
Several pods may make the copy at once: the first one whose rename succeeds has made it.
"""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

from parallelrun.api import entry_script, layout, source_archive, source_files
from parallelrun.api.errors import ParallelRunError, SourceError
from parallelrun_agent import plain_files
from parallelrun_agent.output import durable

#: A copy that is being made, or that a killed container left: beside the job's folder, where no script can touch it.
_UNFINISHED = ".source-"
#: What every mounted ConfigMap has in it: its files are links through this one, so that they change together.
_MOUNTED_CONFIG_MAP = "..data"


def take(code: Path, folder: Path, script: str, shown: str, of_job: bool = False, run_once: bool = False) -> Path:
    """The copy of ``code`` in the job's ``folder``, made if it is not there; it has the entry script ``script``.

    ``shown`` is what messages call the folder; ``of_job``: it is another job's copy; ``run_once``: the script is a
    program. Raises SourceError, and NoSpace or OutputError where ``folder`` cannot be written.
    """
    target = folder / layout.SOURCE
    beside = f"{_UNFINISHED}{folder.name}-"
    if not target.is_dir():
        unfinished = folder.parent / f"{beside}{secrets.token_hex(6)}"
        try:
            with durable.writing(target):
                digests = _fill(unfinished, code, of_job)
                entry_script.check(script, unfinished, digests, shown, run_once)
                _sync_all(unfinished, digests)
                unfinished.rename(target)
                durable.sync_folder(folder)
        except ParallelRunError:
            # Another pod may have been first, and tidied up already. Listing asks a network file system anew.
            if layout.SOURCE not in os.listdir(folder):
                raise
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    for left in folder.parent.glob(f"{beside}*"):
        shutil.rmtree(left, ignore_errors=True)
    return target


def copy_to(snapshot: Path, target: Path) -> None:
    """This pod's own copy, which its processes write to. Raises SourceError, NoSpace or OutputError."""
    with durable.writing(target):
        _copy_snapshot(snapshot, target)


def _copy_snapshot(snapshot: Path, target: Path) -> None:
    """Scripts can write to a job's copy of the source, and whoever runs this sees more: no link is followed."""
    try:
        plain_files.copy_tree(snapshot, target)
    except plain_files.NotPlain as error:
        raise SourceError(
            f"{snapshot}: {error} is a link, or no file at all, and was none when the source was copied there.",
            "A script of that job put it there: remove it.",
        ) from None


def _files(root: Path) -> list[source_files.File]:
    """The files of ``root``, none of which is elsewhere: whoever runs this sees more than the script may see."""
    real = os.path.realpath(root)
    if real != os.path.abspath(root):
        raise SourceError(f"spec.source: {root} is a link to {real}.", "Name the folder itself.")
    config_map = (root / _MOUNTED_CONFIG_MAP).exists()
    found = source_files.files(root, lambda path: config_map and os.path.basename(path).startswith(".."))
    for file in found:
        leads = os.path.realpath(root / file.name)
        if not leads.startswith(real + "/"):
            raise SourceError(
                f"spec.source: {file.name} is a link that leads out of the source folder, to {leads}.",
                "Put the file itself there: only what is in the folder is copied.",
            )
    return found


def _fill(target: Path, code: Path, of_job: bool) -> dict[str, str]:
    """The copy's digests by file name."""
    target.mkdir()
    root = source_files.folder("spec.source", code)
    found = [] if of_job else _files(root)
    if of_job:
        _copy_snapshot(root, target)
        return source_files.digests(target, _files(target))
    if (code / _MOUNTED_CONFIG_MAP).exists() and len(found) == 1 and found[0].name.endswith(source_archive.SUFFIXES):
        name = found[0].name
        source_archive.unpack(name, (code / name).read_bytes(), target)
        return source_files.digests(target, _files(target))
    return source_files.copy(code, found, target)


def _sync_all(target: Path, digests: dict[str, str]) -> None:
    for name in digests:
        _sync(target / name)
    for path, _, _ in os.walk(target):
        durable.sync_folder(Path(path))


def _sync(path: Path) -> None:
    with suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
