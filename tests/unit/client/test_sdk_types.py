"""Programs of users are checked against our types."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
SNIPPET = Path(__file__).with_name("user_snippet.py")


def test_a_users_program_passes_mypy_strict_and_its_mistakes_do_not():
    """Unused ignores are errors: each of the snippet's mistakes is one that mypy has found."""
    command = [sys.executable, "-m", "mypy", "--strict", "--warn-unused-ignores", str(SNIPPET)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
