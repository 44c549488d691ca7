"""What `parallelrun doctor` looks at. Each check looks at one thing and never raises."""

from __future__ import annotations

import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from parallelrun.cli.terminal import size

OK, WARN, BAD = "ok", "warn", "bad"
GB = 1 << 30
LEAST_FREE = 2 * GB
LEAST_MEMORY = 2 * GB
LEAST_FILES = 1024
LEAST_SHARED = 64 << 20  # multiprocessing and data loaders of scripts use /dev/shm


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's."""

    subject: str
    verdict: str  # OK | WARN | BAD
    found: str
    remedy: str = ""


def checks(folder: Path) -> list[Callable[[], Finding]]:
    """All checks, for runs under ``folder``/runs."""
    return [
        python,
        lambda: package("pandas", (2, 2)),
        lambda: package("pyarrow", (18,)),
        installer,
        lambda: writable("folder", folder),
        lambda: writable("TMPDIR", Path(tempfile.gettempdir())),
        lambda: disk("folder", folder),
        lambda: disk("TMPDIR", Path(tempfile.gettempdir())),
        memory,
        open_files,
        shared_memory,
        gpus,
    ]


def python() -> Finding:
    """The interpreter, and how many CPUs it may use."""
    version = ".".join(map(str, sys.version_info[:3]))
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Finding("python", OK, f"{version} ({sys.executable}), {cpus} CPUs")


def package(name: str, least: tuple[int, ...]) -> Finding:
    """An installed package's version."""
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Finding(name, BAD, "not installed", f"pip install {name}")
    numbers = tuple(int(part) for part in version.split(".")[: len(least)] if part.isdecimal())
    if numbers < least:
        wanted = ".".join(map(str, least))
        return Finding(name, BAD, f"{version} is too old", f"pip install '{name}>={wanted}'")
    return Finding(name, OK, version)


def installer() -> Finding:
    """pip or uv, which spec.environment.pip needs."""
    uv = shutil.which("uv")
    if uv:
        return Finding("installer", OK, f"uv ({uv})")
    try:
        return Finding("installer", OK, f"pip {metadata.version('pip')}")
    except metadata.PackageNotFoundError:
        remedy = "jobs with spec.environment.pip need one: python -m ensurepip"
        return Finding("installer", WARN, "neither uv nor pip", remedy)


def writable(subject: str, folder: Path) -> Finding:
    """Whether a file can be made in ``folder``."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return Finding(f"{subject} writable", OK, str(folder))
    except OSError as error:
        remedy = "set TMPDIR to a folder of yours" if subject == "TMPDIR" else "work elsewhere, or use --output DIR"
        return Finding(f"{subject} writable", BAD, f"{folder}: {error.strerror}", remedy)


def disk(subject: str, folder: Path) -> Finding:
    """Free space and inodes."""
    try:
        stats = os.statvfs(folder)
    except OSError as error:
        return Finding(f"{subject} space", WARN, f"{folder}: {error.strerror}")
    free = stats.f_bavail * stats.f_frsize
    if free < LEAST_FREE:
        return Finding(f"{subject} space", WARN, f"{size(free)} free in {folder}", "results need room: free some")
    if stats.f_files and stats.f_favail < 10_000:
        return Finding(f"{subject} space", WARN, f"{stats.f_favail} inodes free in {folder}", "remove small files")
    return Finding(f"{subject} space", OK, f"{size(free)} free")


def memory() -> Finding:
    """Memory that is available now, within the cgroup's limit."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return Finding("memory", WARN, "unknown: there is no /proc/meminfo here")
    values = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
    available = int(min(values.get("MemAvailable", 0), _cgroup_room()))
    if available < LEAST_MEMORY:
        return Finding("memory", WARN, f"{size(available)} available", "lower spec.processCountPerNode")
    return Finding("memory", OK, f"{size(available)} available")


def _cgroup_room() -> float:
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        used = int(Path("/sys/fs/cgroup/memory.current").read_text())
        return float("inf") if limit == "max" else int(limit) - used
    except (OSError, ValueError):
        return float("inf")


def open_files() -> Finding:
    """How many files a process may have open."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= limit < LEAST_FILES:
        return Finding("open files", WARN, f"at most {limit}", f"many processes need more: ulimit -n {LEAST_FILES}")
    return Finding("open files", OK, "unlimited" if limit < 0 else f"at most {limit}")


def shared_memory() -> Finding:
    """/dev/shm, which data loaders of scripts use."""
    try:
        free = shutil.disk_usage("/dev/shm").free
    except OSError:
        return Finding("/dev/shm", WARN, "missing", "scripts that use multiprocessing may fail; mount a tmpfs there")
    if free < LEAST_SHARED:
        remedy = "scripts with data loaders may fail; in a container: --shm-size=1g"
        return Finding("/dev/shm", WARN, f"{size(free)} free", remedy)
    return Finding("/dev/shm", OK, f"{size(free)} free")


def gpus() -> Finding:
    """NVIDIA GPUs that are visible."""
    found = sorted(path.name for path in Path("/dev").glob("nvidia[0-9]*"))
    if not found:
        return Finding("GPUs", OK, "none")
    if shutil.which("nvidia-smi") is None:
        return Finding("GPUs", WARN, f"{len(found)} devices, but no nvidia-smi", "install the driver's tools")
    return Finding("GPUs", OK, str(len(found)))
