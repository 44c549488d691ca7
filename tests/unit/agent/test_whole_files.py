"""A side input or model is another one where anything in it is, wherever its links lead."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from parallelrun_agent.whole_files import fingerprint


def test_what_is_in_a_folder_that_is_a_link_counts(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    (tmp_path / "elsewhere" / "deep" / "labels.txt").write_text("one")
    (tmp_path / "whole" / "linked").symlink_to(tmp_path / "elsewhere")
    before = fingerprint(tmp_path / "whole")
    (tmp_path / "elsewhere" / "deep" / "labels.txt").write_text("another")
    assert fingerprint(tmp_path / "whole") != before


def test_links_in_a_circle_and_to_nowhere_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    before = fingerprint(tmp_path)
    for name, target in (("circle", "."), ("nowhere", "gone"), ("itself", "itself")):
        (tmp_path / name).symlink_to(target)
    assert fingerprint(tmp_path) == before


@pytest.mark.parametrize("changes", [False, True])
def test_a_file_in_the_place_of_another_of_its_size_and_time_is_told_by_its_change(
    tmp_path: Path, changes: bool
) -> None:
    folder, new = tmp_path / "side", tmp_path / "new"
    folder.mkdir()
    for path in (folder / "labels.txt", new):
        path.write_text(path.name[:3])
        os.utime(path, (0, 1_000_000_000))
    before = fingerprint(folder, changes)
    assert fingerprint(folder, changes) == before
    new.replace(folder / "labels.txt")
    assert (fingerprint(folder, changes) != before) is changes
