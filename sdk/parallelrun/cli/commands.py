"""Every command: its name, where its code is, and what it is for.

Only the module of the command that was typed is imported, so `parallelrun run` does not pay for the others. argparse
is used, and not typer or click, for the same reason: measured over what the engine imports anyway, argparse costs about
5 ms, click 55 ms and typer 90 ms, of the second that a small job takes as a whole.
"""

from __future__ import annotations

import argparse
import importlib
from dataclasses import dataclass
from typing import NoReturn, Protocol, cast

from parallelrun.api.errors import ManifestError


class CommandModule(Protocol):
    """What a command's module has."""

    DESCRIPTION: str  # help text: paragraphs, then worked examples

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Say what may be typed after the command's name."""

    def execute(self, args: argparse.Namespace) -> int:
        """Do it; the exit code. Raises ParallelRunError."""


@dataclass(frozen=True)
class Command:
    """One command, its module not yet imported."""

    name: str
    summary: str
    group: str
    module: str = ""  # in parallelrun.cli; "": as the command

    def load(self) -> CommandModule:
        """Import the command's module."""
        return cast(CommandModule, importlib.import_module(f"parallelrun.cli.{self.module or self.name}"))


RUNNING, LOOKING, STEERING = "Run", "Look at a run or job", "Steer a live run or job"
MOVING, REGISTRY, WRITING, TOOLS = "Move files", "Register by name", "Write manifests", "Tools"
GROUPS = (RUNNING, LOOKING, STEERING, MOVING, REGISTRY, WRITING, TOOLS)

COMMANDS = (
    Command("run", "run a manifest on this machine", RUNNING),
    Command("submit", "apply a manifest to a cluster, with its source folder", RUNNING),
    Command("rerun", "run a finished run again, whole or only what failed", RUNNING),
    Command("debug", "run one mini-batch in this terminal, under pdb", RUNNING),
    Command("list", "the runs under ./runs or the jobs of a cluster; or what is registered", LOOKING, "list_runs"),
    Command("get", "one run or job: phase, counts, output", LOOKING),
    Command("results", "print or copy a run's output", LOOKING),
    Command("failures", "what failed, grouped by error, with files and tracebacks", LOOKING),
    Command("logs", "what the script printed and logged", LOOKING),
    Command("watch", "show a live run's progress", STEERING),
    Command("wait", "wait until a run ends", STEERING),
    Command("suspend", "pause a live run: what is running finishes, nothing new starts", STEERING),
    Command("resume", "let a suspended run go on", STEERING),
    Command("cancel", "end a live run; what is finished stays", STEERING),
    Command("delete", "delete a job of a cluster; its files stay, unless --results", STEERING),
    Command("upload", "put files onto a claim of a cluster, or into an object store", MOVING),
    Command("download", "fetch files of a claim of a cluster, or of an object store", MOVING),
    Command("register", "give a datastore, dataset, model, environment or compute target a name", REGISTRY),
    Command("show", "one datastore, dataset, model, environment or compute target", REGISTRY),
    Command("validate", "check a manifest, every problem at once", WRITING),
    Command("import", "turn Azure ML's v2 YAML into manifests that run here", WRITING, "import_"),
    Command("schema", "the CRD, or with --json the manifest's JSON schema", WRITING),
    Command("doctor", "check this machine, and the cluster if there is one", TOOLS),
    Command("completion", "a completion script for bash, zsh or fish", TOOLS),
    Command("version", "the version", TOOLS),
)


class Parser(argparse.ArgumentParser):
    """An argparse parser that raises ManifestError on a mistake, and never guesses at abbreviated options."""

    def __init__(self, name: str, description: str) -> None:
        """``name`` is the command as typed after `parallelrun`."""
        super().__init__(
            prog=f"parallelrun {name}",
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def read(self, words: list[str]) -> argparse.Namespace:
        """As parse_args, but options may also stand before or among words that there may be any number of."""
        if any(action.nargs == "*" and not action.option_strings for action in self._actions):
            return self.parse_intermixed_args(words)
        return self.parse_args(words)

    def error(self, message: str) -> NoReturn:
        """Raise what main() shows; argparse would exit by itself."""
        raise ManifestError(message, f"Try: {self.prog} --help{self._nearest(message)}")

    def _nearest(self, message: str) -> str:
        unknown = next((word for word in message.split() if word.startswith("--")), "").partition("=")[0]
        if "unrecognized arguments" not in message or not unknown:
            return ""
        import difflib

        known = [option for action in self._actions for option in action.option_strings]
        match = difflib.get_close_matches(unknown, known, 1)
        return f"\nDid you mean {match[0]}?" if match else ""


def find(name: str) -> Command:
    """The command called ``name``; raises ManifestError that names the nearest one."""
    for command in COMMANDS:
        if command.name == name:
            return command
    import difflib

    nearest = difflib.get_close_matches(name, [command.name for command in COMMANDS], 1)
    hint = f"Did you mean {nearest[0]}? " if nearest else ""
    raise ManifestError(f"There is no command {name!r}.", f"{hint}All commands: parallelrun --help")


def build_parser(command: Command, module: CommandModule) -> Parser:
    """The parser of one command."""
    parser = Parser(command.name, module.DESCRIPTION)
    module.add_arguments(parser)
    return parser


def overview() -> str:
    """What `parallelrun` without arguments prints."""
    width = max(len(command.name) for command in COMMANDS)
    lines = [
        "parallelrun: run an init()/run(mini_batch) script over many files or rows, in parallel, exactly once.",
        "",
        "Usage: parallelrun COMMAND [arguments]        parallelrun COMMAND --help",
    ]
    for group in GROUPS:
        lines += ["", f"{group}:"]
        lines += [f"  {c.name:<{width}}  {c.summary}" for c in COMMANDS if c.group == group]
    return "\n".join([*lines, "", "Start here: parallelrun run JOB.yaml, then parallelrun submit JOB.yaml"])
