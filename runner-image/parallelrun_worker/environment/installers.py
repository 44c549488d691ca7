"""Installs a recipe into a folder: with uv or pip into a venv, or with micromamba, mamba or conda.

A venv has what is listed, with all that this needs, *before* the packages of the Python that makes it, which are seen
as well: ``pip: [pillow]`` on top of an image with TensorFlow has both.
"""

from __future__ import annotations

import collections
import contextlib
import glob
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from typing import Callable

from parallelrun_worker.environment.not_made import NotMade
from parallelrun_worker.environment.recipe import Recipe, base_packages

#: An installer that has not finished by then will not.
SECONDS = 1800.0
SHOWN_LINES = 15  # of an installer's output: the reason is at its end
_LINE = 300  # characters of one
_CHECK = "Check the names and versions in spec.environment, and that the package index can be reached."
#: Words of pip, uv, conda and what they are built on, where an index did not answer as it should or a volume was full.
_PASSING = re.compile(
    r"NewConnectionError|ConnectTimeoutError|ReadTimeoutError|Failed to establish a new connection|ProxyError|SSLError"
    r"|ConnectionResetError|Connection (?:refused|reset|aborted|broken)|[Nn]etwork is unreachable|No route to host"
    r"|[Nn]ame resolution|Name or service not known|dns error|tcp connect error|error sending request|[Tt]imed out"
    r"|Could not resolve (?:host|proxy)|CondaHTTPError|CondaSSLError|Download error|invalid peer certificate"
    r"|\b(?:401|403|407|408|429|5\d\d) (?:Client|Server) Error|HTTP error (?:401|403|407|408|429|5\d\d)"
    r"|HTTP status (?:client|server) error \((?:401|403|407|408|429|5\d\d)"
    r"|No space left on device|Disk quota exceeded"
)
#: What uv calls pip's variables: a machine that is set up for pip is set up for both.
_FOR_UV = {
    "PIP_INDEX_URL": "UV_INDEX_URL",
    "PIP_EXTRA_INDEX_URL": "UV_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_NO_INDEX": "UV_NO_INDEX",
    "PIP_CERT": "SSL_CERT_FILE",
}
_NOT_PASSED = (
    "VIRTUAL_ENV",
    "PYTHONPATH",
    "PYTHONHOME",
    "PIP_USER",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_REQUIRE_VIRTUALENV",
)
_TRUE = ("1", "true", "yes", "on")
_CONDAS = ("micromamba", "mamba", "conda")
#: Where images of conda have it, whatever their PATH.
_CONDA_FOLDERS = ("/opt/conda/bin", "/opt/miniconda3/bin", "/opt/mamba/bin")

Say = Callable[[str], None]


def build(recipe: Recipe, folder: str, say: Say, seconds: float = SECONDS) -> None:
    """Make the environment in ``folder``, which does not exist. ``say`` gets each line that installers print.

    Raises NotMade, also where one installer takes longer than ``seconds``.
    """
    run = _Runner(recipe, seconds, say)
    if recipe.conda:
        run(_conda(recipe.conda, folder), "make the conda environment")
        if not os.path.exists(python_of(folder)):
            raise NotMade(
                "spec.environment.conda: %s makes an environment without Python." % os.path.basename(recipe.conda),
                "List python among its dependencies.",
            )
        return
    venv, install = _venv(folder)
    run(venv, "make a venv")
    run([*install, *_listed(recipe.requirements), *recipe.pip], "install the job's packages")
    _see_base_packages(folder)


def python_of(folder: str) -> str:
    """The interpreter of an environment."""
    return os.path.join(folder, "bin", "python")


def _venv(folder: str) -> tuple[list[str], list[str]]:
    """The commands that make a venv, and that install what is named after them."""
    uv, python = shutil.which("uv"), python_of(folder)
    if uv:
        made = [uv, "venv", "--no-project", "--quiet", "--python", sys.executable, folder]
        # Compiled once here, as pip does: who starts there later may not write.
        return made, [uv, "pip", "install", "--compile-bytecode", "--python", python, *_uv_options()]
    if importlib.util.find_spec("ensurepip") is not None:
        return [sys.executable, "-m", "venv", folder], [python, "-m", "pip", "install"]
    if importlib.util.find_spec("pip") is not None:  # one that can install for another Python: 22.3 and newer
        install = [sys.executable, "-m", "pip", "--python", python, "install"]
        return [sys.executable, "-m", "venv", "--without-pip", folder], install
    raise NotMade(
        "spec.environment: packages are listed, but %s has neither uv nor pip to install them with." % sys.executable,
        "Put one of them into the image or environment that it belongs to, or the packages themselves.",
    )


def _uv_options() -> list[str]:
    """What pip reads from variables that uv has no counterpart for in all of its versions."""
    links = os.environ.get("PIP_FIND_LINKS", "").split()
    options = [word for link in links for word in ("--find-links", link)]
    return [*options, "--no-index"] if os.environ.get("PIP_NO_INDEX", "").lower() in _TRUE else options


def _listed(requirements: str) -> list[str]:
    """As options. Where some have hashes, uv would not ask for those of all others, as pip does."""
    if not requirements:
        return []
    with open(requirements, encoding="utf-8") as file:
        hashes = ["--require-hashes"] if "--hash=" in file.read() else []
    return [*hashes, "-r", requirements]


def _conda(file: str, folder: str) -> list[str]:
    candidates = [os.environ.get("MAMBA_EXE"), *map(shutil.which, _CONDAS), os.environ.get("CONDA_EXE")]
    candidates += [shutil.which(name, path=os.pathsep.join(_CONDA_FOLDERS)) for name in _CONDAS]
    program = next((one for one in candidates if one and os.access(one, os.X_OK)), None)
    if program is None:
        raise NotMade(
            "spec.environment.conda: neither micromamba nor mamba nor conda is there to make it, on the PATH or in "
            "/opt/conda.",
            "Name an image that has one in spec.environment.image (locally: install micromamba), or list the packages "
            "under pip.",
        )
    words = ["create"] if os.path.basename(program) == "micromamba" else ["env", "create"]
    return [program, *words, "--prefix", folder, "--file", file]


class _Runner:
    """Runs installers, each for so many seconds at most."""

    def __init__(self, recipe: Recipe, seconds: float, say: Say) -> None:
        file = recipe.requirements or recipe.conda
        self._base = os.path.dirname(file) if file else recipe.base
        self._seconds = seconds
        self._say = say

    def __call__(self, command: list[str], purpose: str) -> None:
        """Raises NotMade with the end of what it printed."""
        try:
            child = subprocess.Popen(
                command, cwd=self._base, env=_variables(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, start_new_session=True, universal_newlines=True, errors="replace",
            )  # fmt: skip
        except OSError as error:
            raise NotMade("Could not %s: %s did not start: %s." % (purpose, command[0], error.strerror)) from None
        last: collections.deque[str] = collections.deque(maxlen=SHOWN_LINES)
        late, passing = threading.Event(), False

        def give_up() -> None:
            late.set()
            _kill(child.pid)

        timer = threading.Timer(self._seconds, give_up)
        timer.daemon = True
        timer.start()
        try:
            assert child.stdout is not None
            with child.stdout:
                for line in map(str.rstrip, child.stdout):
                    if line:
                        self._say(line)
                        last.append(line[:_LINE])
                        passing = passing or bool(_PASSING.search(line))
            child.wait()
        except BaseException:
            _kill(child.pid)
            child.wait()
            raise
        finally:
            timer.cancel()
        said = "the installer said:\n  " + "\n  ".join(last)
        if late.is_set():
            raise NotMade("Could not %s within %d s; %s" % (purpose, self._seconds, said), _CHECK, may_mend=passing)
        if child.returncode < 0:
            why = "the installer was killed by signal %d (9: is there enough memory?)" % -child.returncode
            raise NotMade("Could not %s: %s; %s" % (purpose, why, said), _CHECK, may_mend=True)
        if child.returncode:
            raise NotMade("Could not %s; %s" % (purpose, said), _CHECK, may_mend=passing)


def _kill(group: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(group, signal.SIGKILL)


def _variables() -> dict[str, str]:
    variables = {name: value for name, value in os.environ.items() if name not in _NOT_PASSED}
    for ours, theirs in _FOR_UV.items():
        if ours in variables:
            variables.setdefault(theirs, variables[ours])
    variables.setdefault("UV_LINK_MODE", "copy")  # a cache elsewhere would be written to through hard links
    always = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_PROGRESS_BAR": "off"}
    always.update({"CONDA_ALWAYS_YES": "true", "MAMBA_ALWAYS_YES": "true", "PYTHONUNBUFFERED": "1"})
    variables.update(always)
    return variables


def _see_base_packages(folder: str) -> None:
    """Make the venv see the packages of this Python after its own, with a path file.

    The usual switch, system-site-packages, would show those of the interpreter below our own venv instead. Their own
    path files count too, since packages under development are found by these.
    """
    (packages,) = glob.glob(os.path.join(glob.escape(folder), "lib", "python*", "site-packages"))
    with open(os.path.join(packages, "parallelrun-base.pth"), "w", encoding="utf-8") as file:
        for path in base_packages():
            file.write("import site; site.addsitedir(%r)\n" % path)
