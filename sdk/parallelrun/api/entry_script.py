"""What can be said of an entry script without running it: that it is there, parses, and may define ``run``.

A typing mistake should cost a second, not the start of a hundred processes. Only what is certain is refused: a script
may import ``run``, make it in a branch or put it into ``globals()``, and then the worker finds out.
"""

from __future__ import annotations

import ast
import os
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from parallelrun.api import hints
from parallelrun.api.errors import SourceError

#: With one of these anywhere in it, a script can define names that no reading of it will find.
_DYNAMIC = {"globals", "locals", "vars", "exec", "eval", "setattr", "__dict__", "__getattr__", "runpy"}
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def check(entry_script: str, folder: Path, names: Iterable[str], shown: str, run_once: bool = False) -> None:
    """Check ``entry_script`` in the source ``folder``, whose files are ``names``. Raises SourceError.

    ``shown`` is what messages call the folder: the user's own, where ``folder`` is our copy of it. ``run_once``: the
    script is a program and needs no ``run``.
    """
    path = _inside(entry_script, folder, shown)
    if os.path.normpath(entry_script) not in set(names):
        if path.is_dir():
            raise SourceError(f"spec.entryScript: {entry_script} is a folder.", "Name a Python file in it.")
        scripts = [name for name in names if name.endswith(".py")] or list(names)
        raise SourceError(
            f"spec.entryScript: there is no {entry_script} in the source folder {shown}.",
            hints.known("file", entry_script, scripts),
        )
    tree = _parsed(path, entry_script, os.path.join(shown, entry_script))
    if not run_once and not may_define(tree, "run"):
        raise SourceError(
            f"spec.entryScript: {entry_script} does not define run(mini_batch).", _hint_on_run(tree, entry_script)
        )


def may_define(tree: ast.Module, name: str) -> bool:
    """Whether a module could have ``name`` after its code has run; False only if it certainly has not."""
    return any(_binds(node, name) for node in _module_level(tree)) or any(
        _is_dynamic(node, name) for node in ast.walk(tree)
    )


def _inside(entry_script: str, folder: Path, shown: str) -> Path:
    name = os.path.normpath(entry_script)
    if os.path.isabs(name) or name == ".." or name.startswith("../"):
        raise SourceError(
            f"spec.entryScript: {entry_script} is outside the source folder {shown}.",
            "Only the source folder is copied to where the script runs: name a file in it, relative to it.",
        )
    return folder / name


def _parsed(path: Path, name: str, shown: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the script's own, shown when it runs
            tree = ast.parse(path.read_bytes(), filename=shown)
            compile(tree, shown, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise _syntax_error(shown, name, error) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise SourceError(f"spec.entryScript: {shown} is not Python: {error}.", "Is it the right file?") from None
    except OSError as error:
        raise SourceError(f"spec.entryScript: {shown} cannot be read: {error.strerror}.") from None
    return tree


def _syntax_error(shown: str, name: str, error: SyntaxError) -> SourceError:
    text = (error.text or "").rstrip("\n")[:200]
    indent = len(text) - len(text.lstrip())
    excerpt = f"\n    {text.strip()}" if text.strip() else ""
    if excerpt and error.offset:
        excerpt += "\n    " + " " * max(0, error.offset - 1 - indent) + "^"
    line = f", line {error.lineno}" if error.lineno else ""
    return SourceError(
        f"spec.entryScript: {name} is not valid Python.\n  File {shown}{line}{excerpt}\n"
        f"{type(error).__name__}: {error.msg}",
        "Nothing was run.",
    )


def _module_level(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node that the module's own scope executes: all but what is inside functions and classes."""
    for child in ast.iter_child_nodes(tree):
        yield child
        if not isinstance(child, _SCOPES):
            yield from _module_level(child)


def _binds(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name == name
    if isinstance(node, ast.alias):
        return node.name == "*" or (node.asname or node.name.partition(".")[0]) == name
    if isinstance(node, ast.MatchAs | ast.MatchStar | ast.ExceptHandler):
        return node.name == name
    return isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)


def _is_dynamic(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.Global):
        return name in node.names
    if isinstance(node, ast.Name):
        return node.id in _DYNAMIC
    if isinstance(node, ast.Attribute):
        return node.attr in _DYNAMIC or (node.attr == name and isinstance(node.ctx, ast.Store))
    return isinstance(node, ast.FunctionDef) and node.name == "__getattr__"


def _hint_on_run(tree: ast.Module, name: str) -> str:
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    methods = {
        inner.name: node.name
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        for inner in node.body
        if isinstance(inner, ast.FunctionDef)
    }
    if "run" in methods:
        return f"class {methods['run']} has a method run: {name} needs a function of that name."
    there = f" It defines: {', '.join(functions[: hints.SHOWN])}." if functions else ""
    return f"It is called with each mini-batch and returns a list or a DataFrame.{there}"
