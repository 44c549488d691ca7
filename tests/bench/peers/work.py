"""What every peer does to one mini-batch, so that they differ in nothing but how mini-batches reach processes.

A workload is a folder made by ../workloads.py and three functions: ``batches(folder)``, the mini-batches in input
order; ``init(folder)``, once in each process; ``run(batch)``, the text that the mini-batch adds to the output.
"""

from __future__ import annotations

import io
import os
import re
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "mnist"
FRAME_BYTES = 1 << 20


class Workload(NamedTuple):
    """The three functions of a workload."""

    batches: Callable[[Path], list[Any]]
    init: Callable[[Path], None]
    run: Callable[[Any], str]


def natural(name: str) -> list[tuple[int, str]]:
    """The order of input files: 2.png before 10.png."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def files(folder: Path, size: int) -> list[list[str]]:
    """The files of ``folder``/input in natural order, ``size`` to a mini-batch."""
    names = sorted(os.listdir(folder / "input"), key=natural)
    paths = [os.path.join(folder, "input", name) for name in names]
    return [paths[start : start + size] for start in range(0, len(paths), size)]


def nothing(folder: Path) -> None:
    """An ``init`` that has nothing to do."""


def read_tiny(batch: list[str]) -> str:
    """W1: one line a file, its name and its length."""
    lines = []
    for path in batch:
        with open(path, "rb") as file:
            lines.append(f"{os.path.basename(path)} {len(file.read())}\n")
    return "".join(lines)


def load_model(folder: Path) -> None:
    """W2: the example's entry script, with a stand-in for the one thing that it asks of Azure's SDK."""
    core = types.ModuleType("azureml.core")
    core.Model = types.SimpleNamespace(get_model_path=lambda name: str(folder / "model"))  # type: ignore[attr-defined]
    sys.modules.update({"azureml": types.ModuleType("azureml"), "azureml.core": core})
    sys.path.insert(0, str(EXAMPLE / "code"))
    import digit_identification

    digit_identification.init()


def identify(batch: list[str]) -> str:
    """W2: one line an image."""
    import digit_identification

    return "".join(f"{line}\n" for line in digit_identification.run(batch))


def frames(folder: Path) -> list[tuple[str, int, int, str]]:
    """W3: byte ranges of about 1 MB that end at row ends, and the header."""
    path = folder / "input" / "sales.csv"
    with path.open("rb") as file:
        header = file.readline()
        size, ranges, start = path.stat().st_size, [], file.tell()
        while start < size:
            file.seek(min(start + FRAME_BYTES, size) - 1)
            file.readline()
            ranges.append((str(path), start, file.tell(), header.decode()))
            start = file.tell()
    return ranges


def add_revenue(batch: tuple[str, int, int, str]) -> str:
    """W3: the rows with one column more, as text."""
    import pandas as pd

    path, start, stop, header = batch
    with open(path, "rb") as file:
        file.seek(start)
        frame = pd.read_csv(io.BytesIO(header.encode() + file.read(stop - start)))
    frame["revenue"] = frame["quantity"] * frame["price"]
    return frame.to_csv(sep=" ", header=False, index=False)


WORKLOADS = {
    "w1": Workload(lambda folder: files(folder, 1), nothing, read_tiny),
    "w2": Workload(lambda folder: files(folder, 10), load_model, identify),
    "w3": Workload(frames, nothing, add_revenue),
}

_ready: Workload | None = None


def prepare(name: str, folder: Path) -> None:
    """Call the workload's ``init``, once in this process."""
    global _ready
    if _ready is None:
        WORKLOADS[name].init(folder)
        _ready = WORKLOADS[name]


def run(name: str, folder: Path, batch: Any) -> str:
    """What one mini-batch adds to the output; the process is prepared first, where it is not yet."""
    prepare(name, folder)
    return WORKLOADS[name].run(batch)


def arguments() -> tuple[str, Path, Path]:
    """A peer's command line: the workload's name, its folder, and where the output goes."""
    return sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])


def write(output: Path, texts: Any) -> None:
    """One file of all texts, in order."""
    with output.open("w") as file:
        for text in texts:
            file.write(text)
