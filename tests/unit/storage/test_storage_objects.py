"""Objects of real stores: listed, read, fetched whole or in ranges, written, signed."""

from __future__ import annotations

import asyncio
import os
import random
import urllib.request
from pathlib import Path

import pytest
from store_servers import Box

from parallelrun_agent.storage import Changed, Gone, Storage, StorageError
from parallelrun_agent.storage.fetching import PIECE

NAMES = ["a.txt", "with space.txt", "ünï.txt", "per%20cent", "hash#1", "q?x", "a+b", "deep/er/file", "br[1]"]


def found(storage: Storage, url: str) -> tuple[int, int]:
    """Size and version of an object."""
    entry = storage.entry(url)
    assert entry is not None
    return entry[1], entry[2]


def fetch(storage: Storage, url: str, target: Path, ranges: list[tuple[int, int]] | None = None) -> bytes:
    asyncio.run(storage.fetch(url, *found(storage, url), target, ranges))
    return target.read_bytes()


def test_every_object_below_a_prefix_is_listed_with_what_its_own_entry_says(bucket: Box, storage: Storage) -> None:
    for name in NAMES:
        bucket.write(f"in/{name}", name.encode())
    bucket.write("in-between", b"")
    bucket.write("other/x", b"")
    listed = sorted(storage.entries(f"{bucket.url}/in"))
    assert [os.fsdecode(path) for path, _, _ in listed] == sorted(f"{bucket.url}/in/{name}" for name in NAMES)
    assert [storage.entry(os.fsdecode(path)) for path, _, _ in listed] == listed
    assert len(list(storage.entries(bucket.url))) == len(NAMES) + 2


def test_a_prefix_of_the_datastore_is_no_part_of_urls(bucket: Box) -> None:
    from dataclasses import replace

    bucket.write("above/inside/x", b"12")
    storage = Storage([replace(bucket.store, prefix="above/inside")])
    assert [one[:2] for one in storage.entries(bucket.url)] == [(f"{bucket.url}/x".encode(), 2)]
    assert storage.entry(f"{bucket.url}/x") == next(iter(storage.entries(bucket.url)))
    assert storage.entry(f"{bucket.url}/inside/x") is None


def test_what_is_not_there_is_none_or_gone(box: Box, storage: Storage, tmp_path: Path) -> None:
    box.write("there", b"x")
    assert storage.entry(f"{box.url}/not-there") is None
    assert storage.get(f"{box.url}/not-there") is None
    with pytest.raises(Gone, match="not-there"):
        asyncio.run(storage.fetch(f"{box.url}/not-there", 1, 1, tmp_path / "x"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [0, 1, 100_000, PIECE + 5])
def test_a_fetched_file_has_the_bytes_of_the_object(box: Box, storage: Storage, tmp_path: Path, size: int) -> None:
    data = random.Random(size).randbytes(size)
    box.write("in/one file.bin", data)
    assert fetch(storage, f"{box.url}/in/one%20file.bin".replace("%20", " "), tmp_path / "sub" / "x") == data


def test_ranges_make_a_sparse_file_of_the_whole_size(box: Box, storage: Storage, tmp_path: Path) -> None:
    data = random.Random(0).randbytes(4 << 20)
    box.write("x", data)
    ranges = [(3 << 20, (3 << 20) + 10), (100, 5_000), (len(data) - 7, len(data))]
    fetched = fetch(storage, f"{box.url}/x", tmp_path / "x", ranges)
    assert len(fetched) == len(data)
    assert all(fetched[start:stop] == data[start:stop] for start, stop in ranges)
    assert (tmp_path / "x").stat().st_blocks * 512 < 1 << 20


def test_an_object_that_was_replaced_is_changed_and_leaves_no_file(box: Box, storage: Storage, tmp_path: Path) -> None:
    box.write("x", b"before")
    size, version = found(storage, f"{box.url}/x")
    for data in (b"after!", b"longer than before"):
        box.write("x", data)
        for ranges in (None, [(1, 3)]):
            with pytest.raises(Changed, match=f"{box.url}/x.*changed"):
                asyncio.run(storage.fetch(f"{box.url}/x", size, version, tmp_path / "x", ranges))
        with pytest.raises(Changed), storage.source(f"{box.url}/x", size, version) as source:
            source.read(0, 3)
    assert list(tmp_path.iterdir()) == []


def test_an_object_that_was_deleted_is_gone(box: Box, storage: Storage, tmp_path: Path) -> None:
    box.write("x", b"before")
    size, version = found(storage, f"{box.url}/x")
    box.delete("x")
    with pytest.raises(Gone):
        asyncio.run(storage.fetch(f"{box.url}/x", size, version, tmp_path / "x"))


def test_a_source_reads_windows_and_streams(box: Box, storage: Storage) -> None:
    data = random.Random(1).randbytes((9 << 20) + 3)
    box.write("x", data)
    with storage.source(f"{box.url}/x") as source:
        assert source.size == len(data)
        source.expect((at, at + 100) for at in range(0, len(data), 1 << 20))
        assert all(source.read(at, 100) == data[at : at + 100] for at in range(0, len(data) - 100, 1 << 20))
        assert source.read(len(data) - 2, 100) == data[-2:]
        assert source.read(50, 2_000_000) == data[50:2_000_050]
        with source.stream() as stream:
            assert stream.read() == data


def test_a_file_is_uploaded_in_parts_and_replaces_what_was_there(
    writable: Box, storage: Storage, tmp_path: Path
) -> None:
    data = random.Random(2).randbytes((17 << 20) + 1)
    (tmp_path / "x").write_bytes(data)
    storage.put(f"{writable.url}/out/x", b"old")
    storage.upload(tmp_path / "x", f"{writable.url}/out/x")
    assert storage.get(f"{writable.url}/out/x") == data


def test_an_object_that_must_be_new_never_replaces_another(writable: Box, storage: Storage) -> None:
    url = f"{writable.url}/owner"
    assert storage.put(url, b"me", only_new=True)
    assert storage.put(url, b"me", only_new=True), "its own is what is there"
    assert not storage.put(url, b"another", only_new=True)
    assert storage.get(url) == b"me"
    storage.delete(url)
    storage.delete(url)
    assert storage.get(url) is None


def test_a_signed_url_is_read_without_credentials(guarded: Box, storage: Storage) -> None:
    guarded.write("in/a b.txt", b"signed")
    with urllib.request.urlopen(storage.signed(f"{guarded.url}/in/a b.txt", 60), timeout=10) as answer:
        assert answer.read() == b"signed"


def test_a_read_only_datastore_is_not_written_to(writable: Box, tmp_path: Path) -> None:
    from dataclasses import replace

    storage = Storage([replace(writable.store, read_only=True)])
    with pytest.raises(StorageError, match=rf"datastore '{writable.store.name}' .* is read-only"):
        storage.put(f"{writable.url}/x", b"")


def test_plain_files_are_read_without_opening_a_store(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"0123456789")
    with Storage([]).source(str(tmp_path / "x"), 10) as source:
        assert source.read(2, 3) == b"234"
        with source.stream() as stream:
            assert stream.read() == b"0123456789"
