"""``python -m parallelrun_agent.pod.program FOLDER``: copies the worker's program into ``FOLDER/parallelrun_worker``.

The worker runs in the user's image, which knows nothing of us.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import parallelrun_worker
from parallelrun_agent.pod import words


def copy(folder: Path) -> None:
    """Copy it, readable by everybody. Raises OSError."""
    target = folder / parallelrun_worker.__name__
    source = Path(parallelrun_worker.__file__).parent
    shutil.copytree(
        source, target, ignore=shutil.ignore_patterns("__pycache__"), copy_function=_copy, dirs_exist_ok=True
    )


def _copy(source: str, target: str) -> None:
    shutil.copyfile(source, target)
    Path(target).chmod(0o644)


def main(arguments: list[str]) -> int:
    """Copy; 0, or 1 after saying what went wrong."""
    words.end_at_sigterm()
    (folder,) = arguments
    try:
        copy(Path(folder))
    except (OSError, shutil.Error) as error:
        return words.fail(f"the worker's program cannot be copied to {folder}: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
