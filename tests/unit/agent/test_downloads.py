"""Files that stay for the run: fetched once by whoever comes first, again where they are not what they should be."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from parallelrun.api.settings import InputSettings
from parallelrun_agent.downloads import Downloads, sha256_of

INPUT = InputSettings("x", "File", ["s3://b/in/**"], "s3://b/in", mode="Download")
VERSION = (1 << 56) - 3


class Store:
    def __init__(self) -> None:
        self.fetched: list[str] = []

    async def fetch(self, path: str, size: int, version: int, target: Path) -> None:
        self.fetched.append(path)
        temporary = target.with_name("temporary")
        temporary.write_bytes(b"x" * size)
        temporary.rename(target)


def bring(downloads: Downloads, url: str, size: int = 3, version: int = VERSION) -> Path:
    return Path(asyncio.run(downloads.input_file(INPUT, url, size, version)))


def test_a_file_is_fetched_once_by_all_agents_of_a_machine(tmp_path: Path) -> None:
    store = Store()
    first = Downloads(tmp_path, store)
    place = bring(first, "s3://b/in/a/1.bin")
    assert place == tmp_path / "inputs/x/a/1.bin"
    assert place.stat().st_mode & 0o222 == 0, "read-only"
    assert bring(first, "s3://b/in/a/1.bin") == bring(Downloads(tmp_path, store), "s3://b/in/a/1.bin") == place
    assert store.fetched == ["s3://b/in/a/1.bin"]


def test_a_folder_shows_nothing_of_a_file_that_is_on_its_way(tmp_path: Path) -> None:
    """Another agent may be reading the folder, or adding up its checksum."""
    seen: list[list[Path]] = []

    class Slow(Store):
        async def fetch(self, path: str, size: int, version: int, target: Path) -> None:
            await super().fetch(path, size, version, target)
            seen.append(list((tmp_path / "inputs").rglob("*.*")))

    place = bring(Downloads(tmp_path, Slow()), "s3://b/in/a/1.bin")
    assert seen == [[]]
    assert place.is_file()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [place]


@pytest.mark.parametrize(("size", "version"), [(4, VERSION), (3, VERSION - 1)])
def test_a_file_of_another_size_or_version_is_fetched_anew(tmp_path: Path, size: int, version: int) -> None:
    store = Store()
    bring(Downloads(tmp_path, store), "s3://b/in/1.bin")
    place = bring(Downloads(tmp_path, store), "s3://b/in/1.bin", size, version)
    assert len(store.fetched) == 2
    assert place.stat().st_size == size


@pytest.mark.parametrize("keys", [("a", "a/b"), ("a/b", "a")])
def test_keys_that_are_anothers_folder_are_files_as_well(tmp_path: Path, keys: tuple[str, str]) -> None:
    store = Store()
    for _ in range(2):
        downloads = Downloads(tmp_path, store)
        places = [bring(downloads, f"s3://b/in/{key}") for key in keys]
        assert all(place.is_file() for place in places)
    assert len(store.fetched) == 2


def test_the_checksum_of_a_folder_is_that_of_its_list(tmp_path: Path) -> None:
    (tmp_path / "m" / "b").mkdir(parents=True)
    (tmp_path / "m" / "b" / "2").write_text("two")
    (tmp_path / "m" / "1").write_text("one")
    one, two = (hashlib.sha256(text).hexdigest() for text in (b"one", b"two"))
    assert sha256_of(tmp_path / "m") == hashlib.sha256(f"{one}  1\n{two}  b/2\n".encode()).hexdigest()
    assert sha256_of(tmp_path / "m" / "1") == one


@pytest.mark.parametrize("grain", [1000, 10**9])
def test_on_a_disk_with_coarse_times_a_file_is_known_again_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grain: int
) -> None:
    exact = os.utime

    def coarse(path: Path, times: None = None, *, ns: tuple[int, int] = (0, 0)) -> None:
        exact(path, ns=(ns[0] // grain * grain, ns[1] // grain * grain))

    monkeypatch.setattr("os.utime", coarse)
    store = Store()
    for _ in range(2):
        bring(Downloads(tmp_path, store), "s3://b/in/1.bin")
    assert len(store.fetched) == 1
    bring(Downloads(tmp_path, store), "s3://b/in/1.bin", version=VERSION - grain)
    assert len(store.fetched) == 2
