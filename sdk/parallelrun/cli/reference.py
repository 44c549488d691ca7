"""Writes docs/reference/cli.md from the parsers, and exit-codes.md's table from their definitions' comments.

    python -m parallelrun.cli.reference docs/reference

The files are checked in; a test compares.
"""

from __future__ import annotations

import argparse
import ast
import sys
from pathlib import Path

from parallelrun.api import exit_codes
from parallelrun.cli import commands

INTRODUCTION = """\
# The command `parallelrun`

<!-- Written by `python -m parallelrun.cli.reference docs/reference`; do not edit. -->

What people read goes to stderr, what programs read to stdout. Names, messages and tracebacks are shown with control
characters escaped when they go to people.

A command that takes `RUN` takes the folder of a run, its name under `./runs`, or a job's name: its newest run under
`./runs` or, where there is none, the job in the cluster. Left out, it is the newest run under `./runs`; commands that
steer a run want it said. With `-n`, `--context` or `--kubeconfig`, and called as `kubectl parallelrun`, it is always
the job in the cluster. A name that could be both is the run here, and a line on stderr says so.

`PARALLELRUN_DEBUG=1` shows the traceback of a defect at once instead of keeping it in a file.

[Exit codes](exit-codes.md).
"""

CODES = """\
# Exit codes

<!-- Written by `python -m parallelrun.cli.reference docs/reference`; do not edit. -->

They are a contract: shells and pipelines may rely on those of the command, the operator relies on those of the agent.
"""


def cli_page() -> str:
    """docs/reference/cli.md."""
    index = [f"- [`{command.name}`](#{command.name}): {command.summary}" for command in commands.COMMANDS]
    sections = [_section(command) for command in commands.COMMANDS]
    return "\n".join([INTRODUCTION, *index, *sections]) + "\n"


def _section(command: commands.Command) -> str:
    module = command.load()
    parser = commands.build_parser(command, module)
    prose, _, examples = module.DESCRIPTION.partition("\nExample")
    lines = ["", f"## {command.name}", "", f"`{_usage(command, parser._actions)}`", "", prose.rstrip(), ""]
    rows = [_row(action) for action in parser._actions if action.dest != "help"]
    if rows:
        lines += ["| argument | meaning |", "|---|---|", *rows, ""]
    if examples:
        code, _, rest = examples.partition(":\n")[2].partition("\n\n")
        lines += ["```sh", *(line.removeprefix("  ") for line in code.splitlines()), "```"]
        lines += ["", rest.rstrip()] if rest else []
    return "\n".join(lines).rstrip()


def _usage(command: commands.Command, actions: list[argparse.Action]) -> str:
    words = ["parallelrun", command.name]
    words += ["[options]"] if any(action.option_strings and action.dest != "help" for action in actions) else []
    for action in actions:
        if not action.option_strings:
            name = _metavar(action)
            words.append({"?": f"[{name}]", "+": f"{name}...", "*": f"[{name}...]"}.get(str(action.nargs), name))
    return " ".join(words)


def _row(action: argparse.Action) -> str:
    names = ", ".join(f"`{option}`" for option in action.option_strings)
    value = "" if action.nargs == 0 else f"`{_metavar(action)}`"
    argument = " ".join(part for part in (names, value) if part).replace("|", "\\|")
    return f"| {argument} | {str(action.help).replace('<', '&lt;')} |"


def _metavar(action: argparse.Action) -> str:
    if action.choices:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return str(action.metavar or action.dest.upper())


def codes_page() -> str:
    """docs/reference/exit-codes.md: every constant of parallelrun.api.exit_codes with its comment."""
    source = Path(exit_codes.__file__).read_text(encoding="utf-8")
    comments = {line.split(" = ")[0]: line.partition("#")[2].strip() for line in source.splitlines() if " = " in line}
    rows: dict[bool, list[str]] = {False: [], True: []}
    for name in assigned(source):
        agent = name.startswith(("AGENT_", "ENVIRONMENT_"))
        rows[agent].append(f"| {getattr(exit_codes, name)} | `{name}` | {comments[name]} |")
    head = ["| code | name | meaning |", "|---|---|---|"]
    command, agents = [*head, *rows[False]], [*head, *rows[True]]
    return "\n".join([CODES, "## Of the command", "", *command, "", "## In a job's pods", "", *agents]) + "\n"


def assigned(source: str) -> list[str]:
    """The names that a module assigns, in order."""
    nodes = (node for node in ast.parse(source).body if isinstance(node, ast.Assign))
    return [target.id for node in nodes for target in node.targets if isinstance(target, ast.Name)]


def main(arguments: list[str]) -> int:
    """Write both pages into the folder that is named."""
    if len(arguments) != 1:
        print("usage: python -m parallelrun.cli.reference FOLDER", file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cli.md").write_text(cli_page(), encoding="utf-8")
    (folder / "exit-codes.md").write_text(codes_page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
