"""What runs in a pod, in the user's image: makes the environment that a job asks for, and enters it.

    program.py make FOLDER SOURCE [--pip=LINE]... [--requirements=FILE] [--conda=FILE]
    program.py enter FOLDER COMMAND...

``FOLDER`` is shared by all pods that ask for the same with the same image. What goes wrong is also written to the
termination log, where the reason of a container's end is shown.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__" and not __package__:  # run as a file: our folder must not shadow the standard library
    _here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [os.path.dirname(os.path.dirname(_here))] + [_entry for _entry in sys.path if _entry != _here]
    import parallelrun_worker.environment  # noqa: F401

    del sys.path[0]

import argparse
import contextlib
import signal

from parallelrun_worker.environment import attempts, installers, recipe
from parallelrun_worker.environment.not_made import NotMade

TERMINATION_LOG = "/dev/termination-log"
_LIMIT = 4096  # bytes of it that are kept
#: Exit codes of ``make``: parallelrun.api.exit_codes has the first one, too.
REFUSED = 85
MAY_MEND = 1


class _Ended(BaseException):
    """Somebody deleted the pod."""


def make(folder: str, wanted: recipe.Recipe) -> str:
    """The environment that ``wanted`` comes to with this Python, made now or found. Raises NotMade."""

    def build(place: str) -> None:
        print("installing the job's packages into %s (kept for later jobs)" % place, flush=True)
        installers.build(wanted, place, _print)

    return attempts.ensure(_of_this_python(folder), build, _print)


def enter(folder: str, command: list[str]) -> None:
    """Become ``command``, a program of Python's, in the environment. Raises NotMade where there is none."""
    place = attempts.made(_of_this_python(folder))
    if place is None:
        raise NotMade("The environment in %s is gone." % folder, "Whoever deleted it: the next pod makes it anew.")
    os.environ["PATH"] = os.pathsep.join([os.path.join(place, "bin"), os.environ.get("PATH", os.defpath)])
    python = installers.python_of(place)
    if os.path.isdir(os.path.join(place, "conda-meta")):
        os.environ["CONDA_PREFIX"] = place
        shell = next((one for one in ("/bin/bash", "/bin/sh") if os.path.exists(one)), None)
        if shell and os.path.isdir(os.path.join(place, "etc", "conda", "activate.d")):
            script = 'for f in "$CONDA_PREFIX"/etc/conda/activate.d/*.sh; do . "$f"; done; exec "$@"'
            os.execv(shell, [shell, "-c", script, "enter", python, *command])
    else:
        os.environ["VIRTUAL_ENV"] = place
    os.execv(python, [python, *command])


def _of_this_python(folder: str) -> str:
    return os.path.join(folder, "%s-%s" % (sys.implementation.cache_tag, recipe.key(recipe.interpreter())[:12]))


def main(arguments: list[str]) -> int:
    """Make (0; REFUSED where nothing but another manifest helps; MAY_MEND) or enter (which does not come back)."""
    wanted = _parser().parse_args(arguments)
    try:
        if wanted.action == "enter":
            enter(wanted.folder, wanted.command)
        signal.signal(signal.SIGTERM, _end)
        os.umask(0o002)  # whatever user the next pod has, it has the volume's group
        print("environment: %s" % make(wanted.folder, _recipe(wanted)), flush=True)
    except NotMade as error:
        _say_last("%s\n%s" % (error, error.hint) if error.hint else str(error))
        return MAY_MEND if error.may_mend else REFUSED
    except _Ended:
        return 143
    return 0


def _recipe(wanted: argparse.Namespace) -> recipe.Recipe:
    def absolute(path: str) -> str:
        return path and os.path.join(wanted.source, path)

    lines = tuple(line.strip() for line in wanted.pip if line.strip())
    return recipe.Recipe(wanted.source, lines, absolute(wanted.requirements), absolute(wanted.conda))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="environment")
    actions = parser.add_subparsers(dest="action", required=True)
    made = actions.add_parser("make")
    made.add_argument("folder")
    made.add_argument("source")
    made.add_argument("--pip", action="append", default=[])
    made.add_argument("--requirements", default="")
    made.add_argument("--conda", default="")
    entered = actions.add_parser("enter")
    entered.add_argument("folder")
    entered.add_argument("command", nargs=argparse.REMAINDER)
    return parser


def _print(line: str) -> None:
    print(line, flush=True)


def _say_last(text: str) -> None:
    sys.stderr.write(text + "\n")
    with contextlib.suppress(OSError), open(TERMINATION_LOG, "w", encoding="utf-8", errors="replace") as file:
        file.write(text.encode("utf-8", "replace")[-_LIMIT:].decode("utf-8", "ignore"))


def _end(*_: object) -> None:
    raise _Ended


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
