"""Where fetched files are on a node: names that keys cannot have, folders that come and go, what dead agents left."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from parallelrun.api.settings import InputSettings
from parallelrun_agent import cache, cache_names
from parallelrun_agent.cache import Cache

ROOT = "s3://bucket/in"
INPUT = InputSettings("x", "File", [f"{ROOT}/**"], ROOT)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("s3://bucket/in/a/b.png", "a/b.png"),
        ("s3://bucket/in/50%.txt", "50%.txt"),
        ("s3://bucket/in/ä/ß", "ä/ß"),
    ],
)
def test_a_key_is_its_path_below_the_root(url: str, path: str) -> None:
    assert cache_names.below(ROOT, url) == path


@pytest.mark.parametrize("key", ["a//b.png", "a/../b.png", "./b.png", "a/./b.png", ".odd/b.png", "x" * 256 + "/b.png"])
def test_a_key_that_is_no_path_keeps_its_base_name(key: str) -> None:
    path = cache_names.below(ROOT, f"{ROOT}/{key}")
    assert path.startswith(".odd/")
    assert path.endswith("/b.png")


def test_keys_that_differ_never_have_one_path() -> None:
    keys = ["a/b", "a//b", "a/./b", "./a/b", "a/x/../b", "%2E/a", "./a", "a", "..", ".", "%2E", "%2E%2E", "a%2Fb"]
    assert len({cache_names.below(ROOT, f"{ROOT}/{key}") for key in keys}) == len(keys)
    web = ["https://host/a%20b?v=1", "https://host/a%20b?v=2", "https://host/a b", "https://host/a%2520b"]
    assert len({cache_names.below("https://host", url) for url in web}) == len(web)
    assert {cache_names.base_name(url) for url in web[:3]} == {"a b"}


def test_equal_names_of_an_input_without_a_common_folder_do_not_meet() -> None:
    urls = ["s3://one/in/1.png", "s3://two/in/1.png", "datastore://lake/1.png", "https://host/1.png"]
    paths = {cache_names.below("", url) for url in urls}
    assert len(paths) == len(urls)
    assert {path.rpartition("/")[2] for path in paths} == {"1.png"}


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_a_base_name_that_no_file_can_have_is_said_by_name(name: str) -> None:
    with pytest.raises(cache_names.NoFileName, match="cannot be a file"):
        cache_names.below(ROOT, f"{ROOT}/{name}")


def test_a_part_keeps_the_end_of_its_name_which_says_how_to_read_it() -> None:
    assert cache_names.part(7, "s3://b/x/rows.csv.gz") == "7-rows.csv.gz"
    long = cache_names.part(7, "s3://b/" + "ä" * 200 + ".csv.gz")
    assert long.startswith("7-")
    assert long.endswith(".csv.gz")
    assert len(long.encode(errors="surrogateescape")) <= 255


def test_the_one_file_of_an_input_has_its_base_name() -> None:
    url = "https://host/a%20b.csv?signature=x"
    assert cache_names.of_input(InputSettings("x", "File", [url], "https://host"), url) == "a b.csv"
    assert cache_names.of_input(InputSettings("x", "File", [url, "https://host/c"], "https://host"), url) != "a b.csv"


def owned(folder: Path) -> Cache:
    made = Cache(folder)
    made.own(["x"])
    return made


@pytest.mark.parametrize("keys", [("a", "a/b"), ("a/b", "a"), ("a/b/c", "a")])
def test_an_object_whose_key_is_anothers_folder_is_a_file_as_well(tmp_path: Path, keys: tuple[str, str]) -> None:
    made = owned(tmp_path)
    places = [Path(made.input_file(INPUT, f"{ROOT}/{key}")) for key in keys]
    for place in places:
        place.write_text(place.name)
    assert [place.read_text() for place in places] == [key.rpartition("/")[2] for key in keys]


def test_a_folder_goes_with_its_last_file_and_not_while_one_is_on_its_way(tmp_path: Path) -> None:
    made = owned(tmp_path)
    first, second = (made.input_file(INPUT, f"{ROOT}/a/b/{n}") for n in (1, 2))
    Path(first).write_text("1")
    made.remove(first)
    assert Path(second).parent.is_dir()
    made.remove(second)
    assert list((tmp_path / "inputs" / "x").iterdir()) == []
    assert (tmp_path / "inputs" / "x").is_dir(), "the folder of the input itself stays: scripts are told its name"


def test_a_path_that_was_not_promised_is_not_removed(tmp_path: Path) -> None:
    made = owned(tmp_path)
    (tmp_path / "other").write_text("")
    made.remove(str(tmp_path / "other"))
    assert (tmp_path / "other").exists()


def test_what_a_dead_agent_left_is_removed_and_what_a_live_one_has_is_not(tmp_path: Path) -> None:
    """Also of one that is frozen: it holds its lock until it is dead."""
    program = (
        "import sys, time; from pathlib import Path; from parallelrun_agent import cache\n"
        "from parallelrun.api.settings import InputSettings\n"
        "made = cache.for_agent(Path(sys.argv[1]), 'node001-other', ['x'], True)\n"
        "Path(made.input_file(InputSettings('x', 'File', ['s3://b/*'], 's3://b'), 's3://b/f')).write_text('')\n"
        "print('here', flush=True); time.sleep(100)\n"
    )
    other = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    with other:
        try:
            assert other.stdout.readline() == "here\n"
            theirs = tmp_path / "agents" / "node001-other" / "inputs" / "x" / "f"
            first = cache.for_agent(tmp_path, "node000-a", ["x"], True)
            assert theirs.exists()
        finally:
            other.kill()
    second = cache.for_agent(tmp_path, "node000-b", ["x"], True)
    assert sorted(path.name for path in (tmp_path / "agents").iterdir()) == ["node000-a", "node000-b"]
    first.close()
    second.close()
    assert list((tmp_path / "agents").iterdir()) == []
