"""``python3 copy_tree.py FROM TO``: copies the source folder out of the user's image, with the user's Python.

Before the job's pods have anything else of that image: its file system can only be read from within. Links are
followed, as the source is copied whole; version control and caches are left out. What goes wrong is also written to
the termination log, where the reason of the container's end is shown.
"""

from __future__ import annotations

import os
import shutil
import signal
import stat
import sys

TERMINATION_LOG = "/dev/termination-log"
_SKIPPED = (".git", "__pycache__", ".venv")


def copy(root: str, target: str) -> int:
    """Copy the files below ``root`` into the folder ``target``, which is made if need be; how many there were.

    Raises OSError, and RuntimeError with a sentence for people where ``root`` is no folder.
    """
    if not os.path.isdir(root):
        what = "is a file, not a folder" if os.path.exists(root) else "does not exist"
        raise RuntimeError("spec.source.imagePath: %s %s in the image of spec.environment" % (root, what))
    return _copy(os.path.realpath(root), target, (os.path.realpath(root),))


def _copy(root: str, target: str, above: tuple[str, ...]) -> int:
    os.makedirs(target, exist_ok=True)
    copied = 0
    for entry in sorted(os.scandir(root), key=lambda entry: entry.name):
        to = os.path.join(target, entry.name)
        if entry.is_dir():
            real = os.path.realpath(entry.path)
            if entry.name not in _SKIPPED and real not in above:  # links in a circle
                copied += _copy(entry.path, to, (*above, real))
        elif entry.is_file():
            shutil.copyfile(entry.path, to)
            os.chmod(to, stat.S_IMODE(os.stat(entry.path).st_mode) | 0o600)
            copied += 1
    return copied


def main(arguments: list[str]) -> int:
    """Copy; 0, or 1 after saying what went wrong."""
    if len(arguments) != 2:
        sys.stderr.write("usage: copy_tree.py FROM TO\n")
        return 2
    signal.signal(signal.SIGTERM, _leave)  # process 1 of a container hears no other
    try:
        copied = copy(arguments[0], arguments[1])
    except (OSError, RuntimeError, shutil.Error) as error:
        _say(str(error))
        return 1
    print("copied %d files from %s" % (copied, arguments[0]))
    return 0


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    try:
        with open(TERMINATION_LOG, "w") as file:
            file.write(text)
    except OSError:
        pass  # not in a container


def _leave(*_: object) -> None:
    os._exit(143)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
