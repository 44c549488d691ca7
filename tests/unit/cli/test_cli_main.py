"""The entry point: what went wrong becomes one screen of text and the right exit code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from parallelrun import __version__
from parallelrun.api.errors import InputError, JobFailed, ManifestError, RunFolderError
from parallelrun.cli import commands, version


def fail_with(monkeypatch, error: BaseException) -> None:
    """`parallelrun version` raises ``error``."""

    def execute(_: Namespace) -> int:
        raise error

    monkeypatch.setattr(version, "execute", execute)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ManifestError("spec.nodeCount: 0 is too small", "Example: 1"), 2),
        (InputError("no file matches"), 2),
        (RunFolderError("not a run"), 2),
        (JobFailed("it failed"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_become_a_message_and_an_exit_code(call, monkeypatch, error, code):
    fail_with(monkeypatch, error)
    answer = call("version")
    assert answer.code == code
    assert answer.out == ""
    assert str(error) in answer.err
    assert "Traceback" not in answer.err


def test_a_defect_is_a_sentence_and_its_traceback_is_in_a_file(call, monkeypatch, tmp_path):
    monkeypatch.delenv("PARALLELRUN_DEBUG", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    fail_with(monkeypatch, ZeroDivisionError("oh"))
    answer = call("version")
    assert answer.code == 1
    assert "defect of parallelrun" in answer.err
    assert "Traceback" not in answer.err
    (kept,) = tmp_path.iterdir()
    assert str(kept) in answer.err
    assert "ZeroDivisionError: oh" in kept.read_text()


def test_a_defect_is_raised_when_debugging(call, monkeypatch):
    monkeypatch.setenv("PARALLELRUN_DEBUG", "1")
    fail_with(monkeypatch, ZeroDivisionError("oh"))
    with pytest.raises(ZeroDivisionError):
        call("version")


def test_an_operating_system_error_names_the_file(call, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    fail_with(monkeypatch, PermissionError(13, "Permission denied", "/secret"))
    answer = call("version")
    assert "/secret: Permission denied" in answer.err
    assert "defect" not in answer.err.replace("parallelrun-defect", "")


def test_messages_show_control_characters_escaped(call, monkeypatch):
    fail_with(monkeypatch, InputError("no file \x1b[2J\x07.png"))
    answer = call("version")
    assert "\x1b" not in answer.err
    assert r"no file \x1b[2J\x07.png" in answer.err


def test_no_arguments_print_the_overview_with_every_command(call):
    answer = call()
    assert answer.code == 0
    for command in commands.COMMANDS:
        assert re.search(rf"^  {command.name} +\S", answer.out, re.MULTILINE), command.name


@pytest.mark.parametrize("word", ["--version", "-V", "version"])
def test_the_version_is_printed(call, word):
    assert call(word).out == f"parallelrun {__version__}\n"


@pytest.mark.parametrize("command", commands.COMMANDS, ids=lambda command: command.name)
def test_every_command_has_help(call, command):
    answer = call(command.name, "--help")
    assert answer.code == 0
    assert f"parallelrun {command.name}" in answer.out
    assert command.load().DESCRIPTION.splitlines()[0] in answer.out
    assert call("help", command.name).out.strip() == answer.out.strip()


def test_an_unknown_command_names_the_nearest(call):
    answer = call("rnu")
    assert answer.code == 2
    assert "Did you mean run?" in answer.err


def test_an_unknown_option_names_the_nearest(call):
    answer = call("run", "job.yaml", "--resum")
    assert answer.code == 2
    assert "Did you mean --resume?" in answer.err


PROBE = """
import sys, types
engine = types.ModuleType("parallelrun.local.run")
def run(request, listener):
    print(sorted({name.partition(".")[0] for name in sys.modules} & set(SLOW)))
    ours = {c.module or c.name for c in COMMANDS} & {n.rpartition(".")[2] for n in sys.modules if ".cli." in n}
    print(sorted(ours))
    raise SystemExit(0)
engine.run = run
sys.modules["parallelrun.local.run"] = engine
from parallelrun.cli.main import main
from parallelrun.cli.commands import COMMANDS
SLOW = ["typer", "click", "rich", "pydantic", "yaml", "numpy", "pandas", "pyarrow", "asyncio"]
sys.exit(main(["run", "job.yaml"]))
"""


def test_run_reaches_the_engine_without_slow_imports_or_other_commands():
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["[]", "['run']"], done.stderr


def test_the_module_runs_as_a_program():
    done = subprocess.run([sys.executable, "-m", "parallelrun.cli.main", "lst"], capture_output=True, timeout=60)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


def test_a_reader_that_leaves_is_no_error(tmp_path: Path):
    """`parallelrun logs | head` ends as a program that SIGPIPE ended, without a word."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "parallelrun.cli.main", "version"], stdout=writer, stderr=subprocess.PIPE, timeout=60
        )
    finally:
        os.close(writer)
    assert done.returncode == 141
    assert done.stderr == b""
