"""Removes one folder. Runs in a reader pod. Standard library only, nothing of ours: see the package."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import Any


def main(request: dict[str, Any]) -> int:
    """Remove the folder that ``request`` names, if it is there; the exit code."""
    folder = request["folder"]
    try:
        if os.path.lexists(folder):
            shutil.rmtree(folder)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
