"""Makes the input of each workload, once, under .bench/data."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "mnist"
TINY_FILES = 20_000
CSV_BYTES = 84_000_000
CSV_BLOCK = 50_000  # rows


def tiny_files(folder: Path) -> None:
    """W1: 20,000 files of some bytes."""
    for number in range(TINY_FILES):
        (folder / "input" / f"{number}.txt").write_bytes(b"x" * (number % 97))


def images(folder: Path) -> None:
    """W2: the 10,000 images of MNIST's test set where they are at hand, else the example's images many times over."""
    data = os.environ.get("PARALLELRUN_TEST_DATA")
    if not data:
        shutil.copytree(EXAMPLE / "model", folder / "model")
        pictures = [path.read_bytes() for path in (EXAMPLE / "images").iterdir()]
        for number in range(10_000):
            (folder / "input" / f"{number}.png").write_bytes(pictures[number % len(pictures)])
        return
    from PIL import Image

    shutil.copytree(Path(data) / "mnist-model", folder / "model")
    for number, pixels in enumerate(np.load(Path(data) / "mnist" / "t10k.npz")["images"]):
        Image.fromarray(pixels).save(folder / "input" / f"{number}.png")


def sales(folder: Path) -> None:
    """W3: 84 MB of CSV with numbers, dates and words."""
    random = np.random.default_rng(7)
    brands = np.array(["dominicks", "tropicana", "minute.maid"])
    days = np.arange("1990-06-14", "1992-10-02", 7, dtype="datetime64[D]").astype(str)
    with (folder / "input" / "sales.csv").open("w") as file:
        file.write("id,week,store,brand,quantity,price\n")
        first = 0
        while file.tell() < CSV_BYTES:
            columns = (
                np.arange(first, first + CSV_BLOCK),
                random.choice(days, CSV_BLOCK),
                random.integers(1000, 5000, CSV_BLOCK),
                random.choice(brands, CSV_BLOCK),
                random.integers(1000, 20000, CSV_BLOCK),
                random.integers(190, 270, CSV_BLOCK) / 100,
            )
            file.writelines(f"{i},{w},{s},{b},{q},{p}\n" for i, w, s, b, q, p in zip(*columns, strict=True))
            first += CSV_BLOCK


MAKERS: dict[str, Callable[[Path], None]] = {"w1": tiny_files, "w2": images, "w3": sales}


def make(name: str, base: Path) -> Path:
    """The workload's folder, with ``input/`` in it (and ``model/`` for W2); made where it is not there yet."""
    folder = base / name
    if not folder.exists():
        partial = base / f"{name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        (partial / "input").mkdir(parents=True)
        MAKERS[name](partial)
        partial.rename(folder)
    return folder
