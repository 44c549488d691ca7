"""A ConfigMap is mounted anew in each pod: what is in it tells whether it is the same, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

from parallelrun_agent import whole_files


def mounted(folder: Path, when: str, **files: str) -> Path:
    """As kubelet does it: files in a folder named by the time, and links to them."""
    (folder / f"..{when}").mkdir(parents=True)
    (folder / "..data").symlink_to(f"..{when}")
    for name, text in files.items():
        (folder / f"..{when}" / name).write_text(text)
        os.utime(folder / f"..{when}" / name, (int(when), int(when)))
        (folder / name).symlink_to(f"..data/{name}")
    return folder


def test_two_mounts_of_the_same_content_are_the_same(tmp_path: Path) -> None:
    one, two = mounted(tmp_path / "1", "100", a="x", b="y"), mounted(tmp_path / "2", "200", a="x", b="y")
    assert whole_files.content(one) == whole_files.content(two)
    assert whole_files.content(one / "a") == whole_files.content(two / "a")


def test_another_content_or_name_is_another(tmp_path: Path) -> None:
    one = mounted(tmp_path / "1", "100", a="x", b="y")
    others = [mounted(tmp_path / "2", "100", a="x", b="z"), mounted(tmp_path / "3", "100", a="x", c="y")]
    assert len({whole_files.content(folder) for folder in (one, *others)}) == 3
    assert whole_files.content(one / "a") != whole_files.content(one / "b")


def test_what_is_not_there_is_told_apart_from_what_is_empty(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert whole_files.content(tmp_path / "gone") == ""
    assert whole_files.content(tmp_path / "empty") != ""
