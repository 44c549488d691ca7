"""``python -m parallelrun.azureml FILE.py|FILE.ipynb [ARGUMENTS]``: runs a file whose imports are of ``azureml``."""

from __future__ import annotations

import os
import runpy
import sys

from parallelrun.azureml import imports

_USAGE = "usage: python -m parallelrun.azureml FILE.py|FILE.ipynb [ARGUMENTS]"


def main(words: list[str]) -> int:
    """Run the file as a program; the exit status."""
    if not words or words[0] in ("-h", "--help"):
        print(_USAGE, file=sys.stderr)
        return 0 if words else 2
    file, *arguments = words
    if not os.path.isfile(file):
        print(f"parallelrun.azureml: {file} is no file.\n{_USAGE}", file=sys.stderr)
        return 2
    if file.endswith(".ipynb"):
        from parallelrun.azureml import notebook

        return notebook.run(file)
    imports.install()
    sys.argv = [file, *arguments]
    sys.path[0] = os.path.dirname(os.path.abspath(file))
    runpy.run_path(file, run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
