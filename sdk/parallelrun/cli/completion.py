"""`parallelrun completion`: scripts that are made from the parsers, so that they never miss an option."""

from __future__ import annotations

import argparse
import shlex

from parallelrun.api import exit_codes
from parallelrun.cli import commands
from parallelrun.cli.terminal import give

DESCRIPTION = """\
Print a completion script for a shell.

Examples:
  source <(parallelrun completion bash)     # in ~/.bashrc
  source <(parallelrun completion zsh)      # in ~/.zshrc, after compinit
  parallelrun completion fish > ~/.config/fish/completions/parallelrun.fish"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be typed after `completion`."""
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell")


def execute(args: argparse.Namespace) -> int:
    """Print the script."""
    give({"bash": bash, "zsh": zsh, "fish": fish}[args.shell]())
    return exit_codes.DONE


def options() -> dict[str, list[argparse.Action]]:
    """Every command's arguments that begin with a dash."""
    found = {}
    for command in commands.COMMANDS:
        actions = commands.build_parser(command, command.load())._actions
        found[command.name] = [action for action in actions if action.option_strings]
    return found


def words() -> dict[str, list[str]]:
    """What may come first after a command, where there is a choice of words."""
    found = {}
    for command in commands.COMMANDS:
        actions = commands.build_parser(command, command.load())._actions
        first = next((action for action in actions if not action.option_strings), None)
        found[command.name] = [] if first is None else [str(choice) for choice in first.choices or ()]
    return found


def bash() -> str:
    """For bash: commands first, then the command's words and options, else files."""
    first = words()
    cases = "\n".join(
        f'    {name}) options="{" ".join(o for a in actions for o in a.option_strings)}"; '
        f'first="{" ".join(first[name])}" ;;'
        for name, actions in options().items()
    )
    return f"""\
_parallelrun() {{
  local options="" first="" word="${{COMP_WORDS[COMP_CWORD]}}"
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{" ".join(options())} --help --version" -- "$word"))
    return
  fi
  case "${{COMP_WORDS[1]}}" in
{cases}
  esac
  if [[ "$word" == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
  elif [ "$COMP_CWORD" -eq 2 ] && [ -n "$first" ]; then
    COMPREPLY=($(compgen -W "$first" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}}
complete -o filenames -F _parallelrun parallelrun"""


def zsh() -> str:
    """For zsh, with what each command is for."""
    first = words()
    names = "\n".join(f"    {shlex.quote(f'{command.name}:{command.summary}')}" for command in commands.COMMANDS)
    cases = "\n".join(
        f"    {name}) options=({' '.join(shlex.quote(o) for a in actions for o in a.option_strings)}); "
        f"first=({' '.join(map(shlex.quote, first[name]))}) ;;"
        for name, actions in options().items()
    )
    return f"""\
#compdef parallelrun
_parallelrun() {{
  local -a names options first
  names=(
{names}
  )
  if (( CURRENT == 2 )); then
    _describe command names
    return
  fi
  case "${{words[2]}}" in
{cases}
  esac
  if [[ "${{words[CURRENT]}}" == -* ]]; then
    compadd -- "${{options[@]}}"
  elif (( CURRENT == 3 && ${{#first}} )); then
    compadd -- "${{first[@]}}"
  else
    _files
  fi
}}
compdef _parallelrun parallelrun"""


def fish() -> str:
    """For fish, with what each command and option is for."""
    lines = ["function __parallelrun_is", "    set -l words (commandline -opc)"]
    lines += ['    test (count $words) -ge 2; and test "$words[2]" = $argv[1]', "end"]
    for command in commands.COMMANDS:
        lines.append(
            "complete -c parallelrun -f -n 'test (count (commandline -opc)) -eq 1' "
            f"-a {command.name} -d {shlex.quote(command.summary)}"
        )
    for name, choices in words().items():
        if choices:
            at = f"'__parallelrun_is {name}; and test (count (commandline -opc)) -eq 2'"
            lines.append(f"complete -c parallelrun -f -n {at} -a {shlex.quote(' '.join(choices))}")
    for name, actions in options().items():
        lines += [_fish_option(name, action) for action in actions]
    return "\n".join(lines)


def _fish_option(command: str, action: argparse.Action) -> str:
    words = ["complete", "-c", "parallelrun", "-n", shlex.quote(f"__parallelrun_is {command}")]
    for option in action.option_strings:
        words += ["-l", option[2:]] if option.startswith("--") else ["-s", option[1:]]
    if action.nargs != 0:
        words.append("-r")
    if action.choices:
        words += ["-a", shlex.quote(" ".join(map(str, action.choices)))]
    return " ".join([*words, "-d", shlex.quote(str(action.help or ""))])
