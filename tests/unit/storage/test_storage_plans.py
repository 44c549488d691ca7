"""A plan does not depend on where its files are: a folder, a bucket, a container, a web server give the same."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fault_proxy import FaultProxy, Faults
from store_servers import Box

from parallelrun.api.errors import InputError
from parallelrun.api.settings import Condition, InputSettings, JobSettings, StoreSettings, SubsetSettings, TableSettings
from parallelrun_agent.plan import PlanReader, make_plan, open_plan
from parallelrun_agent.plan.listing import list_files
from parallelrun_agent.storage import Gone, Refused, Storage, StorageError

TREE = {
    name: name.encode()
    for name in [
        *("img10.png", "img2.png", "img1.png", "img01.png", "a0", "a00", "a0-b", "a b.png", "ünï.png", "x%20y.png"),
        *("a/z.png", "a/10/x.png", "a/9/x.png", "a.png", "b/.hidden.png", ".git/config", "b/c.txt", "10/a", "9/a"),
    ]
} | {"empty.png": b""}


class Place:
    """Files below ``root``: a folder, or the box of a store."""

    def __init__(self, root: str, write: Callable[[str, bytes], None], stores: list[StoreSettings]) -> None:
        self.root, self.write, self.stores = root, write, stores

    def write_all(self, files: dict[str, bytes]) -> None:
        for name, data in files.items():
            self.write(name, data)

    def listed(self, tmp_path: Path, *paths: str) -> list[tuple[str, int]]:
        found = list_files("in", [f"{self.root}/{path}" for path in paths], True, tmp_path, Storage(self.stores))
        return [(os.fsdecode(path).removeprefix(self.root + "/"), size) for path, size, _ in found]

    def plan(
        self, tmp_path: Path, *paths: str, size: int = 10, keys: tuple[str, ...] = (), kind: str = "File", **more: Any
    ) -> PlanReader:
        one = InputSettings(
            "in", kind, [f"{self.root}/{path}" for path in paths], self.root,
            table=TableSettings(**more.pop("table", {})), **more,
        )  # fmt: skip
        settings = JobSettings(
            name="job", uid="uid", entry_script="x.py", inputs=[one], mini_batch_size=size,
            partition_keys=list(keys), stores=self.stores,
        )  # fmt: skip
        return open_plan(tmp_path, make_plan(settings, tmp_path).sha256)

    def described(self, reader: PlanReader) -> str:
        """All that a plan says, but for where the files are and when they were written."""
        table = reader.input_config()["table"]
        return json.dumps([table, reader.work(0, reader.total)]).replace(self.root, "ROOT")


def folder(path: Path) -> Place:
    def write(name: str, data: bytes) -> None:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)

    return Place(str(path), write, [])


def of(box: Box) -> Place:
    return Place(box.url, box.write, [box.store])


PATHS = [
    ("",), ("*",), ("**/*.png",), ("a/*/x.png",), ("img[12].png", "*.png"), ("a", "**"), ("?0",), ("b",), (".git",),
    ("x%20y.png", "a b.png"), ("b/.*", "b/"),
]  # fmt: skip


def test_a_bucket_is_listed_as_the_same_folder_is(bucket: Box, tmp_path: Path) -> None:
    here, there = folder(tmp_path / "in"), of(bucket)
    here.write_all(TREE)
    there.write_all(TREE)
    expected = {paths: here.listed(tmp_path, *paths) for paths in PATHS}
    assert all(expected.values())
    assert {paths: there.listed(tmp_path, *paths) for paths in PATHS} == expected


def test_objects_that_stand_for_empty_folders_are_no_files(servers: Callable[[str], Box], tmp_path: Path) -> None:
    box = servers("gcs")
    place = of(box)
    place.write_all(
        {"in/": b"", "in/empty/": b"", "in/full/": b"", "in/full/x": b"x", "in/zero": b"", "in/marked": b""}
    )
    box.write("in/marked/y", b"y")
    box.write("in/twice", b"both")
    box.write("in/twice/", b"")
    expected = [("in/full/x", 1), ("in/marked/y", 1), ("in/twice", 4), ("in/zero", 0)]
    assert place.listed(tmp_path, "in") == expected


def test_a_file_plan_is_the_same_wherever_the_files_are(bucket: Box, tmp_path: Path) -> None:
    here, there = folder(tmp_path / "in"), of(bucket)
    files = {f"{store}/{day}/{number}.bin": b"x" for store in "AB" for day in ("1", "2", "10") for number in range(3)}
    for settings in (
        {"size": 4},
        {"partition_format": "{Store}/{Day}/{Name}.bin", "keys": ("Day", "Store")},
        {"subset": SubsetSettings(include=["A/**", "2.bin"], exclude=["**/10/*"])},
        {"subset": SubsetSettings(skip=3, take=7)},
        {"subset": SubsetSettings(sample=0.5, seed=3)},
    ):
        plans = []
        for place in (here, there):
            place.write_all(files)
            plans.append(place.described(place.plan(tmp_path / "plans", "", **settings)))
        assert plans[0] == plans[1]
        assert len(plans[0]) > 20


ROWS = [{"id": n, "name": f"row {n}", "value": n / 4, "group": "abc"[n % 3]} for n in range(3_000)]


def csv_text(rows: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, ROWS[0])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def parquet(rows: list[dict[str, Any]]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink, row_group_size=500)
    return sink.getvalue()


def json_lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.mark.parametrize(
    ("extension", "write"),
    [("csv", csv_text), ("parquet", parquet), ("jsonl", json_lines)],
    ids=["csv", "parquet", "jsonl"],
)
def test_a_table_s_plan_is_the_same_wherever_its_files_are(
    box: Box, tmp_path: Path, extension: str, write: Callable[[list[dict[str, Any]]], bytes]
) -> None:
    files = {f"t{number}.{extension}": write(ROWS[number * 1000 : (number + 1) * 1000]) for number in range(3)}
    here, there = folder(tmp_path / "in"), of(box)
    for settings in ({"size": 5_000}, {"size": 1 << 20}, {"keys": ("group",)}):
        plans = []
        for place in (here, there):
            place.write_all(files)
            plans.append(place.described(place.plan(tmp_path / "plans", *files, kind="Tabular", **settings)))
        assert plans[0] == plans[1]


def test_other_text_tables_have_the_same_plan_too(box: Box, tmp_path: Path) -> None:
    quoted = csv_text([row | {"name": 'a\n"b"'} for row in ROWS])
    here, there = folder(tmp_path / "in"), of(box)
    for files, table in (
        ({"q.csv": quoted}, {"support_multi_line": True}),
        ({"x.csv.gz": gzip.compress(csv_text(ROWS), mtime=0)}, {}),
        ({"l.csv": csv_text(ROWS).decode().replace("row", "réw").encode("utf-16")}, {"encoding": "utf-16"}),
    ):
        plans = []
        for place in (here, there):
            place.write_all(files)
            plans.append(
                place.described(place.plan(tmp_path / "plans", *files, kind="Tabular", size=3_000, table=table))
            )
        assert plans[0] == plans[1]


WHERE = [Condition("group", "in", ["a", "c"]), Condition("value", ">", [100])]


@pytest.mark.parametrize("extension", ["csv", "quoted.csv", "csv.gz", "parquet", "jsonl"])
def test_the_same_rows_are_taken_wherever_the_files_are(box: Box, tmp_path: Path, extension: str) -> None:
    """Those of a store are counted in copies of what is needed, with holes."""
    write: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
        "csv": csv_text,
        "quoted.csv": lambda rows: csv_text([row | {"name": 'a\n"b"'} for row in rows]),
        "csv.gz": lambda rows: gzip.compress(csv_text(rows), mtime=0),
        "parquet": parquet,
        "jsonl": json_lines,
    }
    files = {f"t {n}.{extension}": write[extension](ROWS[n * 1000 : (n + 1) * 1000]) for n in range(3)}
    here, there = folder(tmp_path / "in"), of(box)
    for place in (here, there):
        place.write_all(files)
    for subset in (
        SubsetSettings(skip=1_200, take=900),
        SubsetSettings(where=WHERE, skip=700, take=900),
        SubsetSettings(where=WHERE, sample=0.2, seed=1),
    ):
        table = {"support_multi_line": extension == "quoted.csv"}
        settings: dict[str, Any] = {"kind": "Tabular", "size": 9_000, "subset": subset, "table": table}
        plans = [place.described(place.plan(tmp_path / "plans", *files, **settings)) for place in (here, there)]
        assert plans[0] == plans[1]


def test_rows_of_a_large_table_are_found_by_reading_near_the_cuts_alone(
    servers: Callable[[str], Box], tmp_path: Path
) -> None:
    box = servers("s3")
    assert box.folder is not None
    size, step = 1 << 30, 1 << 20
    with (box.folder / "large.csv").open("wb") as file:
        file.write(b"a,b\n1,2\n")
        file.truncate(size)
        for at in range(step, size, step):  # zeros for the rest: one long row between each two line feeds
            os.pwrite(file.fileno(), b"3,4\n5,6\n", at)
    faults = Faults()
    with FaultProxy(box.server_url, faults) as proxy:
        place = Place(box.url, box.write, [box.behind(proxy.url)])
        reader = place.plan(tmp_path / "plans", "large.csv", kind="Tabular", size=step)
    assert reader.total == size // step
    assert len(faults.requests) < 1.2 * size // step


def test_an_mltable_folder_is_read_from_a_store(bucket: Box, tmp_path: Path) -> None:
    text = b"paths:\n- pattern: ./data/*.csv\ntransformations:\n- read_delimited: {}\n- keep_columns: [id]\n"
    here, there = folder(tmp_path / "in"), of(bucket)
    plans = []
    for place in (here, there):
        place.write_all({"t/MLTable": text, "t/data/1.csv": csv_text(ROWS), "t/data/x.txt": b"no"})
        plans.append(place.described(place.plan(tmp_path / "plans", "t", kind="MLTable", size=9_000)))
    assert plans[0] == plans[1]


def test_an_mltable_may_name_files_as_azure_s_tools_write_them(servers: Callable[[str], Box], tmp_path: Path) -> None:
    place = of(servers("azureBlob"))
    place.write("in/1.csv", csv_text(ROWS))
    name = place.root.removeprefix("datastore://")
    long = f"azureml://subscriptions/s/resourcegroups/r/workspaces/w/datastores/{name}/paths/in"
    for entry in (f"file: {long}/1.csv", f"pattern: {place.root}/*/*.csv", f"folder: {long}"):
        text = f"paths:\n- {entry}\ntransformations:\n- read_delimited\n"
        place.write("t/MLTable", text.encode())
        assert place.plan(tmp_path / "plans", "t", kind="MLTable").planned_files(0)[0].path == f"{place.root}/in/1.csv"


def test_one_input_may_have_files_of_a_folder_and_of_a_store(bucket: Box, tmp_path: Path) -> None:
    here, there = folder(tmp_path / "in"), of(bucket)
    for place in (here, there):
        place.write_all({"x1": b"1", "x2": b"2"})
    paths = [f"{there.root}/x2", f"{here.root}/*", there.root]
    found = list_files("in", paths, False, tmp_path, Storage(there.stores))
    assert [os.fsdecode(path) for path, _, _ in found] == [
        f"{there.root}/x2", f"{here.root}/x1", f"{here.root}/x2", f"{there.root}/x1",
    ]  # fmt: skip


def test_the_version_of_an_object_is_in_the_plan(box: Box, tmp_path: Path) -> None:
    place = of(box)
    place.write("x", b"1")
    first = place.plan(tmp_path / "plans", "x").planned_files(0)
    assert first == place.plan(tmp_path / "plans", "x").planned_files(0)
    place.write("x", b"2")
    again = place.plan(tmp_path / "plans", "x").planned_files(0)
    assert (again[0].path, again[0].size) == (first[0].path, first[0].size)
    assert again[0].version != first[0].version


@pytest.mark.parametrize(
    ("path", "message", "hint"),
    [
        ("nowhere/x.png", "nowhere/x.png does not exist", "holds 'a/', 'b.txt'."),
        ("a/*.png", "a/\\*.png matches no object", "/a holds '1.txt', '2.txt'."),
        ("a/9.txt", "a/9.txt does not exist", "/a holds '1.txt', '2.txt'."),
    ],
)
def test_a_url_that_takes_nothing_says_what_is_there(
    bucket: Box, tmp_path: Path, path: str, message: str, hint: str
) -> None:
    place = of(bucket)
    place.write_all({"a/1.txt": b"", "a/2.txt": b"", "b.txt": b""})
    with pytest.raises(InputError, match=f"input 'in': {place.root}/{message}") as caught:
        place.plan(tmp_path / "plans", path)
    assert hint in caught.value.hint


def test_a_web_server_cannot_be_listed(servers: Callable[[str], Box], tmp_path: Path) -> None:
    place = of(servers("https"))
    for path in ("*.png", "images/"):
        with pytest.raises(InputError, match=r"input 'in': .* a web server lists no files"):
            place.plan(tmp_path / "plans", path)
    with pytest.raises(InputError, match=r"input 'in': .*/x.png does not exist"):
        place.plan(tmp_path / "plans", "x.png")


def test_a_store_that_refuses_ends_planning_with_its_name(guarded: Box, tmp_path: Path) -> None:
    place = of(guarded)
    place.stores = [replace(guarded.store, bucket="nowhere")]
    with pytest.raises(Refused, match=f"datastore '{guarded.store.name}'.*nowhere"):
        place.plan(tmp_path / "plans", "*")


@pytest.mark.parametrize(("extension", "write"), [("csv", csv_text), ("parquet", parquet)], ids=["csv", "parquet"])
def test_an_object_that_changes_while_it_is_planned_is_an_error(
    bucket: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extension: str, write: Any
) -> None:
    place = of(bucket)
    place.write(f"x.{extension}", write(ROWS))
    entries, left = Storage.entries, len(ROWS)

    def and_then_changed(self: Storage, url: str) -> Any:
        nonlocal left
        yield from entries(self, url)
        left -= 1
        place.write(f"x.{extension}", write(ROWS[:left]))

    monkeypatch.setattr(Storage, "entries", and_then_changed)
    with pytest.raises(StorageError, match="changed after the job was planned"):
        place.plan(tmp_path / "plans", "*", kind="Tabular")


def test_what_a_part_of_parquet_needs_is_enough_to_read_its_rows_and_no_more(box: Box, tmp_path: Path) -> None:
    import asyncio

    rows = [row | {"filler": random.Random(row["id"]).randbytes(300).hex()} for row in ROWS]
    place = of(box)
    place.write("x.parquet", parquet(rows))
    storage = Storage(place.stores)
    entry = storage.entry(f"{place.root}/x.parquet")
    assert entry is not None
    table = {
        "format": "parquet",
        "columns": {"id": "int64", "name": "object", "filler": "object"},
        "keep": ["id", "name"],
    }

    async def fetch() -> list[tuple[int, int]]:
        needed = await storage.needed(table, f"{place.root}/x.parquet", entry[1], 600, 1_400, entry[2])
        await storage.fetch(f"{place.root}/x.parquet", entry[1], entry[2], tmp_path / "part", needed)
        return needed

    ranges = asyncio.run(fetch())
    assert sum(stop - start for start, stop in ranges) < entry[1] / 4
    with pq.ParquetFile(tmp_path / "part") as file:
        assert file.read_row_groups([1, 2], columns=["id", "name"]).to_pylist() == [
            {"id": row["id"], "name": row["name"]} for row in rows[500:1500]
        ]


def test_what_a_part_of_text_needs_is_the_part_or_the_whole_file() -> None:
    import asyncio

    table = {"format": "csv"}
    assert asyncio.run(Storage([]).needed(table, "s3://b/x", 100, 5, 17, 0)) == [(5, 17)]
    assert asyncio.run(Storage([]).needed(table, "s3://b/x", 100, 0, -1, 0)) == [(0, 100)]


def test_a_listed_object_that_is_gone_when_it_is_read_is_said(bucket: Box) -> None:
    bucket.write("x", b"1")
    storage = Storage([bucket.store])
    [(path, size, version)] = storage.entries(bucket.url)
    bucket.delete("x")
    with storage.source(os.fsdecode(path), size, version) as source, pytest.raises(Gone):
        source.read(0, 1)
