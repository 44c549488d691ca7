"""Builders that the plan's tests share."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from parallelrun.api.settings import InputSettings, JobSettings, TableSettings
from parallelrun_agent.plan import PlanReader, make_plan, open_plan


class Planner:
    """Makes plans of inputs below ``root`` in a folder of its own."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = root
        self.folder = folder

    def write(self, files: dict[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def input(self, *paths: str, type: str = "File", name: str = "in", **settings: Any) -> InputSettings:
        table = TableSettings(**settings.pop("table", {}))
        absolute = [str(self.root / path) for path in paths] or [str(self.root)]
        return InputSettings(name=name, type=type, paths=absolute, root=str(self.root), table=table, **settings)

    def settings(self, *inputs: InputSettings, size: int = 10, keys: tuple[str, ...] = ()) -> JobSettings:
        return JobSettings(
            name="job",
            uid="uid",
            entry_script="score.py",
            inputs=list(inputs),
            mini_batch_size=size,
            partition_keys=list(keys),
        )

    def plan(self, *inputs: InputSettings, size: int = 10, keys: tuple[str, ...] = ()) -> PlanReader:
        plan = make_plan(self.settings(*inputs, size=size, keys=keys), self.folder)
        return open_plan(self.folder, plan.sha256)

    def table(self, *paths: str, size: int = 10, keys: tuple[str, ...] = (), **settings: Any) -> PlanReader:
        return self.plan(self.input(*paths, type="Tabular", **settings), size=size, keys=keys)

    def names(self, reader: PlanReader) -> list[list[str]]:
        """Each mini-batch's files, below the root."""
        return [[os.path.relpath(path, self.root) for path in work[1]] for work in reader.work(0, reader.total)]


@pytest.fixture
def planner(tmp_path: Path) -> Planner:
    (tmp_path / "in").mkdir()
    return Planner(tmp_path / "in", tmp_path / "out")


@pytest.fixture(scope="session")
def new_planner() -> Callable[[], AbstractContextManager[Planner]]:
    """Planners for as long as one example of a property lasts."""

    @contextmanager
    def planner() -> Iterator[Planner]:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "in").mkdir()
            yield Planner(Path(folder) / "in", Path(folder) / "out")

    return planner


@pytest.fixture(scope="session")
def parts_of() -> Callable[[PlanReader], list[list[bytes]]]:
    """The bytes of each mini-batch's parts, for files that are cut."""

    def read(reader: PlanReader) -> list[list[bytes]]:
        return [
            [Path(path).read_bytes()[start:stop] for path, start, stop, _ in work[1]]
            for work in reader.work(0, reader.total)
        ]

    return read


@pytest.fixture(scope="session")
def frames_of() -> Callable[[PlanReader], Iterator[pd.DataFrame]]:
    """Each mini-batch of CSV as a worker would read it."""

    def read(reader: PlanReader) -> Iterator[pd.DataFrame]:
        table = reader.input_config()["table"]
        for work in reader.work(0, reader.total):
            raw = b"".join(Path(path).read_bytes()[start:stop] for path, start, stop, _ in work[1])
            yield pd.read_csv(
                io.BytesIO(raw),
                sep=table["separator"],
                header=None,
                names=table["names"],
                dtype=table["columns"],
                encoding=table["encoding"],
            )

    return read
