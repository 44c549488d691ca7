"""`results`, `failures`, and what `logs` takes of files, of a job in a cluster; `upload` and `download`."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from parallelrun.api import exit_codes
from parallelrun.api.errors import RunFolderError
from parallelrun.cli.meter import Meter
from parallelrun.cli.targets import InCluster
from parallelrun.cli.terminal import give, is_terminal, plural, printable, size, tell
from parallelrun.cluster import job_files, reader, transfer
from parallelrun.cluster.job_files import JobFiles, Work
from parallelrun.cluster.place import Place
from parallelrun.cluster.session import talk
from parallelrun.kube.client import Kube

T = TypeVar("T")


def with_files(target: InCluster, image: str | None, work: Work[T], done_only: bool = False) -> T:
    """Do ``work`` with a reader pod for the job. Raises RunFolderError where there is nothing to read."""
    return talk(target.place, lambda kube: job_files.read_by(kube, target.name, image, work, done_only))


def results(target: InCluster, to: Path | None, image: str | None) -> int:
    """Print the output of a job that is done, or fetch it with its reports; the exit code."""
    if to is None:
        with_files(target, image, _print, done_only=True)
        return exit_codes.DONE
    with Meter("fetching") as meter:
        output = with_files(
            target, image, lambda pod, files: job_files.fetch_results(pod, files, to, meter.add), done_only=True
        )
    tell(f"{target.name}: {size(meter.bytes)} fetched into {to}")
    give(str(output or to))
    return exit_codes.DONE


async def _print(pod: reader.Reader, files: JobFiles) -> None:
    if files.output is None:
        tell(f"{files.job.name} has no output file: its output action is SummaryOnly.")
        return
    person = is_terminal(sys.stdout)
    if person and files.output.endswith(".parquet"):
        raise RunFolderError(
            f"{files.output} is Parquet, which is not for a terminal.", "Fetch it: parallelrun results --to DIR"
        )
    digest = hashlib.sha256()

    def write(piece: bytes) -> None:
        digest.update(piece)
        if person:
            sys.stdout.write(printable(piece.decode("utf-8", "backslashreplace")))
        else:
            sys.stdout.buffer.write(piece)

    await transfer.show(pod, files.output, write)
    sys.stdout.flush()
    if files.output_sha256 not in ("", digest.hexdigest()):
        raise transfer.TransferError(
            f"What was printed has SHA-256 {digest.hexdigest()}; the job's output has {files.output_sha256}.",
            "Run it again; if it is the same then, the file on the volume was changed.",
        )


@contextmanager
def copied_reports(target: InCluster, image: str | None) -> Iterator[Path]:
    """A temporary folder that tells of the job's failures as a run's folder does."""
    with tempfile.TemporaryDirectory(prefix="parallelrun-") as scratch:
        folder = Path(scratch) / target.name
        with Meter("fetching") as meter:
            with_files(target, image, lambda pod, files: job_files.fetch_failures(pod, files, folder, meter.add))
        yield folder


def upload(source: Path, claim: str, path: str, where: Place, image: str | None) -> int:
    """Put the files of a folder, or one file, into a folder of a claim; the exit code."""
    place = f"/parallelrun/claims/{claim}"
    names, root = ([""], source) if source.is_dir() else ([source.name], source.parent)
    parts = [job_files.part(names, str(root.absolute()), required=True)]

    async def work(kube: Kube) -> int:
        mount = reader.Mount(claim, place, writable=True)
        look = reader.Look() if image is None else reader.Look(image=image)
        async with reader.reader(kube, reader.pod(kube.namespace, [mount], look, None)) as pod:
            return await transfer.upload(pod, parts, f"{place}/{path}".rstrip("/"), meter.add)

    with Meter("sending") as meter:
        count = talk(where, work)
    tell(f"{plural(count, 'file')}, {size(meter.bytes)}, put into pvc://{claim}/{path}")
    return exit_codes.DONE


def download(claim: str, path: str, target: Path, where: Place, image: str | None) -> int:
    """Fetch a folder of a claim, or one file, into a folder; the exit code."""
    root = f"/parallelrun/claims/{claim}"
    asked = job_files.part([""], f"{root}/{path}".rstrip("/"), required=True)

    async def work(kube: Kube) -> int:
        look = reader.Look() if image is None else reader.Look(image=image)
        wanted = reader.pod(kube.namespace, [reader.Mount(claim, root)], look, None)
        async with reader.reader(kube, wanted) as pod:
            return await transfer.download(pod, [asked], target, meter.add)

    target.mkdir(parents=True, exist_ok=True)
    with Meter("fetching") as meter:
        count = talk(where, work)
    tell(f"{plural(count, 'file')}, {size(meter.bytes)}, fetched into {target}")
    give(str(target))
    return exit_codes.DONE
