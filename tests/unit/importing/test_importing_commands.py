"""command: one Python program, or lines for a shell."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from parallelrun.importing.azureml import commands


@pytest.mark.parametrize(
    ("command", "script", "words"),
    [
        ("python train.py --a ${{inputs.a}} --b 'x y'", "train.py", ("--a", "${{inputs.a}}", "--b", "x y")),
        ("python3 -u ./steps/train.py", "steps/train.py", ()),
        ("python a.py \\\n  --x 1", "a.py", ("--x", "1")),
        ('python a.py --d "a b"', "a.py", ("--d", "a b")),
        ("python a.py --out ${{outputs.o}}/x.csv", "a.py", ("--out", "${{outputs.o}}/x.csv")),
    ],
)
def test_one_python_program_is_run_as_it_is(command, script, words):
    assert commands.read(command) == commands.Program(script, words)


@pytest.mark.parametrize(
    "command",
    [
        "python a.py && python b.py",
        "pip install x; python a.py",
        "python a.py --home $HOME",
        "python a.py --all *.csv",
        "python a.py\npython b.py",
        "python -m package.module",
        "python -c 'print(1)'",
        "bash run.sh",
        "echo 'unclosed",
        "A=1 python a.py",
        "python /app/a.py",
    ],
)
def test_what_takes_a_shell_is_left_to_one(command):
    assert commands.read(command) == commands.Program(commands.WRAPPER, (command,), wrapped=True)


def wrapped(tmp_path, line: str) -> subprocess.CompletedProcess[str]:
    program = tmp_path / commands.WRAPPER
    program.write_text(commands.WRAPPER_TEXT)
    return subprocess.run([sys.executable, program, line], capture_output=True, text=True, timeout=60)


def test_the_wrapper_s_python_is_the_step_s(tmp_path):
    done = wrapped(tmp_path, "command -v python && echo done | cat")
    assert done.stdout.split() == [os.path.join(os.path.dirname(sys.executable), "python"), "done"]


@pytest.mark.parametrize(("line", "status"), [("exit 7", 7), ("kill -9 $$", 137), ("true", 0)])
def test_the_wrapper_ends_as_the_shell_did(tmp_path, line, status):
    assert wrapped(tmp_path, line).returncode == status
