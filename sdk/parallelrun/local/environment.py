"""The job's private environment: a venv with what ``environment.pip`` or ``requirements`` lists, cached by hash.

A venv puts the listed packages *before* those of the Python that runs parallelrun, which stand in for the packages of
the user's image: locally as in a cluster, ``pip: [pillow]`` on top of an image with TensorFlow has both. It is keyed
by the interpreter and by all that is to be installed, local files by their content.

Built in place under a lock, and marked when whole: a venv cannot be moved (its scripts name their interpreter), and
one without its mark is what a killed build left, so the next run begins again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from parallelrun.api import hints
from parallelrun.api.errors import EnvironmentError_

if TYPE_CHECKING:
    from parallelrun.api.models import Environment

SHOWN_LINES = 15  # of an installer's output: the reason is at its end
_COMPLETE = ".parallelrun-complete"
_INCLUDES = ("-r", "--requirement", "-c", "--constraint")
_EDITABLE = ("-e", "--editable")


def ensure(wanted: Environment, requirements: Path | None, base: Path, say: Callable[[str], None]) -> str | None:
    """The interpreter of a venv that holds ``wanted.pip`` and the ``requirements`` file; None where nothing is listed.

    Relative paths in ``pip`` start at ``base``. ``say`` is told when something has to be installed.
    Raises EnvironmentError_ with the installer's last lines.
    """
    if wanted.conda is not None:
        raise EnvironmentError_(
            f"spec.environment.conda: {wanted.conda} cannot be made by a local run.",
            "Activate that environment, install parallelrun in it and leave conda out; or list packages under pip.",
        )
    lines = [line.strip() for line in wanted.pip if line.strip()]
    if not lines and requirements is None:
        return None
    found = list(_listed(lines, "spec.environment.pip", base))
    if requirements is not None:
        found += _file_content(requirements, "spec.environment.requirements", ())
    key = _key(found)
    folder = cache() / key
    python = folder / "bin" / "python"
    with _locked(folder.with_name(f"{key}.lock")):
        if not (folder / _COMPLETE).exists():
            say(f"installing the job's packages into {folder} (kept for later runs)")
            _build(folder, python, lines, requirements, base)
    return str(python)


def cache() -> Path:
    """The folder of all venvs: ``$XDG_CACHE_HOME/parallelrun/venvs``, by default below ``~/.cache``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "parallelrun" / "venvs"


def _key(found: list[str]) -> str:
    """Of the interpreter, where its packages are, and all that is to be installed, in order."""
    whole = [sys.executable, platform.python_version(), sys.implementation.cache_tag, *_base_packages(), *found]
    return hashlib.sha256(json.dumps(whole).encode()).hexdigest()[:32]


def _listed(lines: list[str], where: str, base: Path) -> Iterator[str]:
    """The requirement lines, and for one that is a local file what is in it."""
    for line in lines:
        if line.startswith(_EDITABLE):
            raise _local_folder(where, line)
        yield line
        path = base / line
        if path.is_dir() and ("/" in line or line.startswith(".")):
            raise _local_folder(where, line)
        if path.is_file():
            yield hashlib.sha256(path.read_bytes()).hexdigest()


def _file_content(path: Path, where: str, above: tuple[Path, ...]) -> list[str]:
    """The lines of a requirements file and of those it includes."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        raise EnvironmentError_(f"{where}: {path} does not exist.", hints.missing_path(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise EnvironmentError_(f"{where}: {path} cannot be read: {error}.") from None
    found: list[str] = []
    for line in text.splitlines():
        stripped = line.partition(" #")[0].strip()
        if not stripped or stripped.startswith("#"):
            continue
        found += _listed([stripped], f"{where}: {path}", path.parent)
        included = _included(stripped)
        if included and path not in above:
            found += _file_content(path.parent / included, where, (*above, path))
    return found


def _included(line: str) -> str | None:
    option = next((option for option in sorted(_INCLUDES, key=len, reverse=True) if line.startswith(option)), None)
    return line[len(option) :].lstrip(" =") if option else None


def _local_folder(where: str, line: str) -> EnvironmentError_:
    return EnvironmentError_(
        f"{where}: {line} is a folder on this machine: a change in it would go unnoticed, since environments are kept.",
        "Put that code into the source folder, or build a wheel and name the wheel's file.",
    )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of one venv; a second run that wants the same one waits until it is built."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise EnvironmentError_(
            f"{path.parent} cannot be written to ({error.strerror}): environments are kept there.",
            "Set XDG_CACHE_HOME to a folder of your own.",
        ) from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _build(folder: Path, python: Path, lines: list[str], requirements: Path | None, base: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    uv = shutil.which("uv")
    if uv:
        _run([uv, "venv", "--no-project", "--quiet", "--python", sys.executable, str(folder)], base, "make a venv")
        install = [uv, "pip", "install", "--python", str(python)]
    else:
        _run([sys.executable, "-m", "venv", str(folder)], base, "make a venv")
        install = [str(python), "-m", "pip", "install", "--disable-pip-version-check"]
    listed = ["-r", str(requirements)] if requirements is not None else []
    _run([*install, *listed, *lines], base, "install the job's packages")
    _see_base_packages(python)
    (folder / _COMPLETE).touch()


def _base_packages() -> list[str]:
    """Where the packages of the Python that runs parallelrun are."""
    paths = sysconfig.get_paths()
    return sorted({paths["purelib"], paths["platlib"]})


def _see_base_packages(python: Path) -> None:
    """Make the venv see this Python's packages after its own, with a path file.

    The usual switch, system-site-packages, would show those of the interpreter below our own venv instead. Their own
    path files count too, since packages under development are found by these.
    """
    packages = next((python.parent.parent / "lib").glob("python*/site-packages"))
    (packages / "parallelrun-base.pth").write_text(
        "".join(f"import site; site.addsitedir({path!r})\n" for path in _base_packages())
    )


def _run(command: list[str], base: Path, purpose: str) -> None:
    """Run an installer in ``base``. Raises EnvironmentError_ with the end of what it printed."""
    environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    try:
        done = subprocess.run(
            command, cwd=base, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
        )  # fmt: skip
    except OSError as error:
        raise EnvironmentError_(f"Could not {purpose}: {command[0]} did not start: {error.strerror}.") from None
    if done.returncode:
        lines = [line[:300] for line in done.stdout.splitlines() if line.strip()][-SHOWN_LINES:]
        raise EnvironmentError_(
            f"Could not {purpose}; the installer said:\n  " + "\n  ".join(lines),
            "Check the names and versions in spec.environment, and that the package index can be reached.",
        )
