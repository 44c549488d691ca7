"""The source folder is copied out of the user's image by the user's own Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from parallelrun_worker import copy_tree

PROGRAM = copy_tree.__file__


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-S", PROGRAM, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_files_come_over_whole_links_as_what_they_point_to_and_no_caches(tmp_path: Path):
    root, target = tmp_path / "app", tmp_path / "checkout"
    (root / "lib" / "__pycache__").mkdir(parents=True)
    (root / "lib" / "__pycache__" / "x.pyc").write_text("")
    (root / "score.py").write_text("def run(b): return b\n")
    (root / "lib" / "tool.sh").write_text("exit\n")
    (root / "lib" / "tool.sh").chmod(0o555)
    (root / "lib" / "again").symlink_to(root)
    (root / "latest.py").symlink_to("score.py")
    done = run(root, target)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"copied 3 files from {root}\n"
    assert sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()) == [
        "latest.py", "lib/tool.sh", "score.py",
    ]  # fmt: skip
    assert not (target / "latest.py").is_symlink()
    assert (target / "lib" / "tool.sh").stat().st_mode & 0o777 == 0o755


def test_copying_twice_is_copying_once(tmp_path: Path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "score.py").write_text("x")
    for _ in range(2):
        assert run(tmp_path / "app", tmp_path / "to").returncode == 0


def test_a_folder_that_is_not_in_the_image_is_named(tmp_path: Path):
    done = run(tmp_path / "nowhere", tmp_path / "to")
    assert done.returncode == 1
    assert f"spec.source.imagePath: {tmp_path}/nowhere does not exist" in done.stderr
