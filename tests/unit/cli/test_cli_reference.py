"""The generated pages and completion scripts follow the commands; the doctor looks at the machine."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from parallelrun.api import exit_codes
from parallelrun.cli import commands, completion, machine, reference

PAGES = Path(__file__).parents[3] / "docs" / "reference"


@pytest.mark.parametrize(("name", "text"), [("cli.md", reference.cli_page), ("exit-codes.md", reference.codes_page)])
def test_the_checked_in_pages_are_what_the_commands_say(name, text):
    assert (PAGES / name).read_text(encoding="utf-8") == text(), (
        "write them anew: python -m parallelrun.cli.reference docs/reference"
    )


def test_every_command_and_option_is_in_the_reference():
    page = reference.cli_page()
    for name, actions in completion.options().items():
        assert f"\n## {name}\n" in page
        for action in actions:
            if action.dest != "help":
                assert f"`{action.option_strings[0]}`" in page


def test_every_exit_code_is_documented_with_what_it_means():
    page = reference.codes_page()
    names = [name for name in vars(exit_codes) if name.isupper()]
    assert names
    for name in names:
        row = next(line for line in page.splitlines() if f"`{name}`" in line)
        assert row.startswith(f"| {getattr(exit_codes, name)} |")
        assert len(row.split("|")[3].strip()) > 10


def complete_in_bash(*words: str, folder: Path) -> list[str]:
    line = " ".join(words)
    script = f"""{completion.bash()}
COMP_WORDS=({" ".join(repr(word) for word in words)}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_LINE={line!r}
_parallelrun; printf '%s\\n' "${{COMPREPLY[@]}}" """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, cwd=folder, check=True, timeout=30)
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_options_and_files(tmp_path):
    (tmp_path / "job.yaml").touch()
    assert complete_in_bash("parallelrun", "re", folder=tmp_path) == ["rerun", "results", "resume", "register"]
    assert complete_in_bash("parallelrun", "register", "data", folder=tmp_path) == ["datastore", "dataset"]
    assert complete_in_bash("parallelrun", "list", "mo", folder=tmp_path) == ["models"]
    assert complete_in_bash("parallelrun", "run", "--res", folder=tmp_path) == ["--resume"]
    assert complete_in_bash("parallelrun", "run", "jo", folder=tmp_path) == ["job.yaml"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_know_every_command_and_option(call, shell):
    script = call("completion", shell).out
    for name, actions in completion.options().items():
        assert name in script
        for action in actions:
            assert all(option.lstrip("-") in script for option in action.option_strings)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_reads_its_script(call, shell, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    (tmp_path / "script").write_text(call("completion", shell).out)
    subprocess.run([shell, "-n", tmp_path / "script"], check=True, timeout=30)


def test_every_group_of_commands_is_known():
    assert {command.group for command in commands.COMMANDS} == set(commands.GROUPS)


def test_the_doctor_has_a_line_for_each_check(call, here):
    answer = call("doctor", "-o", "json")
    findings = json.loads(answer.out)
    subjects = [finding["subject"] for finding in findings]
    assert {"python", "pandas", "pyarrow", "installer", "TMPDIR writable", "memory", "open files", "GPUs"} <= set(
        subjects
    )
    assert answer.code == (1 if any(finding["verdict"] == "bad" for finding in findings) else 0)
    assert all(finding["remedy"] for finding in findings if finding["verdict"] != "ok")


@pytest.mark.parametrize(
    ("finding", "verdict", "said"),
    [
        (lambda: machine.package("no-such-package", (1,)), "bad", "pip install no-such-package"),
        (lambda: machine.package("pandas", (999,)), "bad", "pandas>=999"),
        (lambda: machine.package("pandas", (1,)), "ok", ""),
        (lambda: machine.writable("TMPDIR", Path("/no/such")), "bad", "set TMPDIR"),
        (lambda: machine.writable("folder", Path("/proc")), "bad", "--output DIR"),
        (lambda: machine.disk("folder", Path("/no/such")), "warn", ""),
    ],
)
def test_what_is_wrong_comes_with_what_to_do(finding, verdict, said):
    found = finding()
    assert found.verdict == verdict
    assert said in found.remedy


def test_the_doctor_warns_of_a_low_limit_of_open_files(monkeypatch):
    monkeypatch.setattr(machine.resource, "getrlimit", lambda _: (256, 256))
    assert machine.open_files().verdict == "warn"


def test_the_doctor_exits_with_one_when_no_run_would_work(call, here, monkeypatch):
    broken = machine.Finding("disk", machine.BAD, "on fire", "put it out")
    monkeypatch.setattr(machine, "checks", lambda _: [lambda: broken])
    answer = call("doctor")
    assert answer.code == 1
    assert answer.out == "bad  disk  on fire: put it out\n"
