"""The worker's program comes into the pod as it is, for any user of any image to run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import parallelrun_worker
from parallelrun_agent.pod import program


def test_the_copy_is_whole_readable_by_all_and_runs_by_itself(tmp_path: Path):
    for _ in range(2):
        done = subprocess.run([sys.executable, "-m", "parallelrun_agent.pod.program", str(tmp_path)], check=False)
        assert done.returncode == 0
    copied = tmp_path / "parallelrun_worker"
    source = Path(parallelrun_worker.__file__).parent
    assert {p.relative_to(copied) for p in copied.rglob("*.py")} == {
        p.relative_to(source) for p in source.rglob("*.py")
    }
    assert not list(copied.rglob("__pycache__"))
    assert all(path.stat().st_mode & 0o444 == 0o444 for path in copied.rglob("*"))
    command = [sys.executable, "-S", "-E", str(copied / "host.py")]
    usage = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
    assert usage.stderr == "usage: host.py MEETING_FOLDER\n"


def test_what_cannot_be_copied_is_said(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr("parallelrun_agent.pod.words.end_at_sigterm", lambda: None)
    monkeypatch.setattr("parallelrun_agent.pod.words.TERMINATION_LOG", str(tmp_path / "log"))
    (tmp_path / "parallelrun_worker").write_text("in the way")
    assert program.main([str(tmp_path)]) == 1
    assert "cannot be copied" in (tmp_path / "log").read_text()
