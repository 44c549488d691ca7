"""Runs over a part of a table: chosen by conditions, numbers and by chance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from chaos import kill_what_is_left
from engine_harness import RunFolder, Site
from store_runs import files_job
from store_servers import SERVERS

from parallelrun.api.settings import Condition, InputSettings, SubsetSettings

pytestmark = pytest.mark.engine

ROWS = pd.DataFrame(
    {
        "n": range(600),
        "brand": ["abc"[number // 200] for number in range(600)],
        "store": [1001 + number // 200 for number in range(600)],
        "price": [None if number % 7 == 0 else number % 5 / 2 for number in range(600)],
    }
)
SCRIPT = """\
    def run(mini_batch):
        assert len(mini_batch) and list(mini_batch.index) == list(range(len(mini_batch)))
        mini_batch["twice"] = mini_batch["n"] * 2
        return mini_batch
"""


def ran(site: Site, subset: dict[str, Any], form: str = "csv", out: str = "out", **spec: Any) -> RunFolder:
    """A run with two nodes, or as ``spec`` says, over three files."""
    for number, (_, frame) in enumerate(ROWS.groupby("store")):
        if form == "csv":
            frame.to_csv(site.folder / f"in/{number}.csv", index=False)
        else:
            frame.to_parquet(site.folder / f"in/{number}.parquet", index=False, row_group_size=30)
    site.script(SCRIPT)
    one = {"name": "rows", "type": "Tabular", "paths": [f"in/*.{form}"], "subset": subset}
    output = {"format": "CSV", "appendRowFileName": "rows.csv"}
    settings = {"nodeCount": 2, "processCountPerNode": 2, "miniBatchSize": "512 B"} | spec
    finished = site.command("run", site.manifest(inputs=[one], output=output, **settings), "--output", out)
    assert finished.status == 0, finished.text
    return RunFolder(site.folder / out)


def frame_of(run: RunFolder) -> pd.DataFrame:
    return pd.read_csv(run.folder / "rows.csv")


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_rows_that_do_not_meet_the_conditions_never_reach_run(site: Site, form: str) -> None:
    """Mini-batches without a row left succeed without a call, and items are the rows that are left."""
    where = [{"column": "brand", "op": "in", "values": ["a", "c"]}, {"column": "price", "op": ">", "value": 1}]
    run = ran(site, {"where": where}, form)
    expected = ROWS[(ROWS["brand"] != "b") & (ROWS["price"] > 1)]
    assert frame_of(run)["n"].tolist() == expected["n"].tolist()
    assert run.result()["items"]["total"] == len(expected)
    assert run.counts()["failed"] == 0
    empty = [line for line in run.mini_batches() if line["items"] == "0"]
    assert 0 < len(empty) < run.counts()["total"]
    debugged = site.command("debug", "out", "--mini-batch", empty[0]["mini-batch"], "--no-pdb")
    assert debugged.status == 0, debugged.text
    assert "has no items: run() is not called with it" in debugged.stderr


@pytest.mark.parametrize("where", [[], [{"column": "price", "op": "notNull"}]])
def test_skip_and_take_count_rows_of_the_input(site: Site, where: list[Any]) -> None:
    run = ran(site, {"where": where, "skip": 150, "take": 100})
    expected = ROWS[ROWS["price"].notna()] if where else ROWS
    assert frame_of(run)["n"].tolist() == expected["n"].tolist()[150:250]


def test_a_sample_is_the_same_for_other_mini_batches_and_nodes(site: Site) -> None:
    subset = {"sample": {"fraction": 0.3, "seed": 7}}
    first = frame_of(ran(site, subset))
    assert 120 < len(first) < 240
    other = ran(site, subset, out="other", nodeCount=1, miniBatchSize="5 KB")
    assert frame_of(other).equals(first)


def test_a_run_over_no_row_at_all_succeeds(site: Site) -> None:
    """Which rows meet conditions is known only when they are read."""
    run = ran(site, {"where": [{"column": "n", "op": ">", "value": 10_000}]})
    assert (run.folder / "_SUCCESS").exists()
    assert run.result()["items"]["total"] == 0


@pytest.fixture
def nothing_left() -> Iterator[None]:
    yield
    kill_what_is_left()


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("form", ["delimited", "parquet"])
def test_the_same_rows_are_taken_of_a_store_also_by_columns_that_are_not_kept(tmp_path: Path, form: str) -> None:
    mltable = f"paths: [{{pattern: ./*.rows}}]\ntransformations: [read_{form}: {{}}, keep_columns: value]\n"
    frame = ROWS.rename(columns={"n": "value"})
    if form == "parquet":
        frame.to_parquet(tmp_path / "made", index=False, row_group_size=50)
    else:
        frame.to_csv(tmp_path / "made", index=False)
    files = {"MLTable": mltable.encode(), "a.rows": (tmp_path / "made").read_bytes()}
    conditions = [Condition("brand", "!=", ["b"]), Condition("price", ">", [1.0])]
    subset = SubsetSettings(where=conditions, skip=20, take=100, sample=0.5)

    (tmp_path / "server").mkdir()
    with SERVERS["s3"](tmp_path / "server").running() as server:
        box = server.box("rows")
        (tmp_path / "in").mkdir()
        for name, data in files.items():
            (tmp_path / "in" / name).write_bytes(data)
            box.write(f"in/{name}", data)

        def output(name: str, root: str, *stores: Any) -> bytes:
            job = files_job(tmp_path / name, [root], root, list(stores), mini_batch_size=1024)
            rows = InputSettings("rows", "MLTable", [root], root, subset=subset)
            return replace(job, settings=replace(job.settings, inputs=[rows])).run().done()

        here, there = output("here", str(tmp_path / "in")), output("there", f"{box.url}/in", box.store)
    assert here == there
    values = [int(line.split()[0]) for line in here.decode().splitlines()]
    expected = frame[(frame["brand"] != "b") & (frame["price"] > 1)]["value"].tolist()[20:120]
    assert set(values) < set(expected)
    assert values == sorted(values)
    assert 20 < len(values) < 80
