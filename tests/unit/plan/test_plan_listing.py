"""Which files an input takes, and in which order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from parallelrun.api.errors import InputError
from parallelrun_agent.plan import listing, order, sorting
from parallelrun_agent.plan.listing import list_files
from parallelrun_agent.storage import Storage

TREE = ["10.txt", "9.txt", "a/1.txt", "a/b/2.txt", "a/b/.hidden", "a/.git/3.txt", "a/x.png", "c/1.txt", ".top.txt"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    for name in TREE:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def listed(root: Path, *paths: str) -> list[str]:
    found = list_files("in", [f"{root}/{path}" for path in paths or ("",)], False, root.parent, Storage([]))
    return [os.path.relpath(os.fsdecode(path), root) for path, _, _ in found]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([""], ["9.txt", "10.txt", "a/1.txt", "a/b/2.txt", "a/x.png", "c/1.txt"]),
        (["*"], ["9.txt", "10.txt"]),
        (["*.txt"], ["9.txt", "10.txt"]),
        (["?.txt"], ["9.txt"]),
        ([".*"], [".top.txt"]),
        (["[0-9].txt"], ["9.txt"]),
        (["[!9].txt", "1*.txt"], None),
        (["**/*.txt"], ["9.txt", "10.txt", "a/1.txt", "a/b/2.txt", "c/1.txt"]),
        (["a/**"], ["a/1.txt", "a/b/2.txt", "a/x.png"]),
        (["a/**/b/*"], ["a/b/2.txt"]),
        (["*/1.txt"], ["a/1.txt", "c/1.txt"]),
        (["a/.git"], ["a/.git/3.txt"]),
        (["a/.git/*.txt"], ["a/.git/3.txt"]),
        (["*/b/.*"], ["a/b/.hidden"]),
        (["c/1.txt", "a/1.txt"], ["c/1.txt", "a/1.txt"]),
        (["a/*.png", "a", "**/1.txt"], ["a/x.png", "a/1.txt", "a/b/2.txt", "c/1.txt"]),
        (["9.txt", "9.txt", "./9.txt", "*.txt"], ["9.txt", "10.txt"]),
        (["**/**/2.txt"], ["a/b/2.txt"]),
    ],
)
def test_paths_take_files_in_natural_order_each_once(tree: Path, paths: list[str], expected: list[str] | None) -> None:
    if expected is None:
        with pytest.raises(InputError, match=r"\[!9\]\.txt matches no file"):
            listed(tree, *paths)
    else:
        assert listed(tree, *paths) == expected


def test_names_with_spaces_quotes_newlines_and_undecodable_bytes_are_files_like_others(tmp_path: Path) -> None:
    names = [b"a b", b'quo"te', b"new\nline", "é".encode(), b"\xff\xfe.txt", b"star*", b"[1]"]
    root = tmp_path / "odd"
    root.mkdir()
    for name in names:
        Path(os.fsdecode(os.fsencode(root) + b"/" + name)).touch()
    found = [os.path.basename(path) for path, _, _ in list_files("in", [str(root)], False, tmp_path, Storage([]))]
    assert found == sorted(names)
    assert listed(root, "[1]") == ["[1]"], "a path that exists as it is spelled is no glob"
    assert listed(root, "star*") == ["star*"]
    assert listed(root, "??.txt") == [os.fsdecode(b"\xff\xfe.txt")]


def test_links_are_followed_and_loops_of_folders_survived(tree: Path) -> None:
    (tree / "a" / "loop").symlink_to(tree)
    (tree / "z").symlink_to(tree / "c")
    (tree / "link.txt").symlink_to(tree / "9.txt")
    assert listed(tree) == [
        "9.txt",
        "10.txt",
        "a/1.txt",
        "a/b/2.txt",
        "a/x.png",
        "c/1.txt",
        "link.txt",
        "z/1.txt",
    ]


def test_a_link_to_nothing_is_an_error_that_names_it(tree: Path) -> None:
    (tree / "broken").symlink_to(tree / "gone")
    with pytest.raises(InputError, match=r"input 'in': .*/broken is a link to .*/gone, which does not exist"):
        listed(tree)


def test_pipes_and_sockets_are_no_files(tree: Path) -> None:
    os.mkfifo(tree / "pipe")
    assert "pipe" not in listed(tree)
    with pytest.raises(InputError, match="pipe is not a regular file"):
        listed(tree, "pipe")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("gone/x.png", r"input 'in': .*/gone/x\.png does not exist\n.*/tree holds '9\.txt', '10\.txt', 'a/'"),
        ("a/*.jpg", r"input 'in': .*/a/\*\.jpg matches no file\n.*/a holds '1\.txt', 'b/', 'x\.png'\."),
        ("d", r"input 'in': .*/d is a folder without files\n.*/d is empty\."),
        ("*/b", r"matches no file"),
    ],
)
def test_a_path_that_takes_nothing_says_what_is_there(tree: Path, path: str, message: str) -> None:
    (tree / "d").mkdir()
    with pytest.raises(InputError, match=message):
        listed(tree, path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_an_unreadable_folder_is_an_error_that_names_it(tree: Path) -> None:
    (tree / "a").chmod(0)
    try:
        with pytest.raises(InputError, match="a: Permission denied"):
            listed(tree)
    finally:
        (tree / "a").chmod(0o755)


_PART = st.sampled_from(["*", "**", "?", "a", "b1", "[ab]", "*1", ".a"])


@given(st.lists(st.lists(_PART, min_size=1, max_size=3).map("/".join), min_size=1, max_size=3))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_a_file_is_taken_once_by_the_first_path_that_takes_it(globbed: Path, patterns: list[str]) -> None:
    found = list(list_files("in", [f"{globbed}/{pattern}" for pattern in patterns], True, globbed.parent, Storage([])))
    paths = [path for path, _, _ in found]
    alone = [
        [path for path, _, _ in list_files("in", [f"{globbed}/{pattern}"], True, globbed.parent, Storage([]))]
        for pattern in patterns
    ]
    assert len(set(paths)) == len(paths)
    assert paths == list(dict.fromkeys(path for one in alone for path in one))
    assert all(one == sorted(one, key=order.path_key) for one in alone)


@pytest.fixture(scope="module")
def globbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("globbed") / "root"
    for folder in ("", "a", "b1", "a/a", "a/b1", ".a", "b1/.a"):
        (root / folder).mkdir(exist_ok=True, parents=True)
        for name in ("1", "x1", ".a1", "c"):
            (root / folder / name).touch()
    return root


def test_a_folder_larger_than_a_run_is_sorted_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "many").mkdir()
    for number in range(500):
        (tmp_path / "many" / f"{number}.txt").touch()
    monkeypatch.setattr(sorting.sort_on_disk, "__defaults__", (64,))
    assert listed(tmp_path / "many") == [f"{number}.txt" for number in range(500)]


def test_a_config_map_s_file_is_known_by_its_content_and_not_by_when_a_pod_mounted_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "maps" / "texts" / "a.txt"
    file.parent.mkdir(parents=True)
    monkeypatch.setattr(listing, "_MOUNTED_ANEW", os.fsencode(f"{tmp_path}/maps/"))

    def number(text: str, seconds: int) -> int:
        file.write_text(text)
        os.utime(file, (seconds, seconds))
        [(_, _, found)] = list_files("in", [str(file.parent)], False, tmp_path, Storage([]))
        return found

    assert number("one", 1) == number("one", 2)
    assert number("one", 2) != number("two", 2)
