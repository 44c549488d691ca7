"""The user's entry script: found by path, run as a module, and asked for ``init``, ``run`` and ``shutdown``.

It is not ``__main__`` (so ``if __name__ == "__main__":`` stays out of the way), but it can be pickled from, imports
what lies beside it and reads its arguments from ``sys.argv``, as under Azure ML. It is always compiled from its source:
a stale ``.pyc`` of the same second and size would run the wrong code.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType, FunctionType, MethodType, ModuleType, TracebackType

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any, Callable

_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep
_LONGEST_TEXT = 32768  # characters of a traceback that travel
_VARIABLE_ARGUMENTS = 0x04  # inspect.CO_VARARGS


class ScriptError(Exception):
    """The script cannot be used; the message is one sentence for its author."""


class Script:
    """A loaded entry script."""

    def __init__(self, path: str, source: str, arguments: list[str]) -> None:
        """Run the module at ``path``; whatever it raises passes through. Raises :class:`ScriptError` for no ``run``."""
        take_over(path, source, arguments)
        module = _load(path)
        self.init = _optional(module, "init", path)
        self.shutdown = _optional(module, "shutdown", path)
        run = _optional(module, "run", path)
        if run is None:
            raise ScriptError("%s has no function run(mini_batch); define it at the top level of the script" % path)
        self.run: Callable[..., Any] = run
        self.takes_context = _positional_parameters(run) >= 2
        _require_callable(run, 2 if self.takes_context else 1, path)


def format_error(error: BaseException) -> str:
    """The traceback of ``error`` as its author should see it: without the frames that are ours."""
    import traceback

    trace = their_frames(error.__traceback__)
    lines = traceback.format_exception(type(error), error, trace)
    if trace is None and lines and lines[0].startswith("Traceback"):
        lines = lines[1:]
    text = "".join(lines).rstrip("\n")
    if len(text) > _LONGEST_TEXT:
        text = text[: _LONGEST_TEXT // 2] + "\n  ...\n" + text[-_LONGEST_TEXT // 2 :]
    return text


def their_frames(trace: TracebackType | None) -> TracebackType | None:
    """``trace`` from the first frame on that is not ours."""
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if not name.startswith(_OURS) and not name.startswith("<frozen importlib"):
            return trace
        trace = trace.tb_next
    return None


def take_over(path: str, source: str, arguments: list[str]) -> None:
    """Make ``sys.argv`` and ``sys.path`` those of the script."""
    sys.argv = [path, *arguments]
    folders = [os.path.dirname(path)]
    if source not in folders:
        folders.append(source)
    sys.path[:] = folders + [entry for entry in sys.path if entry not in folders]


def _load(path: str) -> ModuleType:
    stem = os.path.splitext(os.path.basename(path))[0]
    # A script called, say, json.py must not replace the module that everybody else imports.
    name = stem if stem not in sys.modules else "entry_script_" + stem
    code, loader = source_of(path, name)
    module = ModuleType(name)
    module.__file__ = path
    module.__loader__ = loader
    module.__spec__ = ModuleSpec(name, loader, origin=path)
    sys.modules[name] = module
    exec(code, module.__dict__)
    return module


def source_of(path: str, name: str) -> tuple[CodeType, SourceFileLoader]:
    """The code of the script at ``path``, for the module ``name``. Raises :class:`ScriptError` and SyntaxError."""
    loader = SourceFileLoader(name, path)
    try:
        data = loader.get_data(path)
    except OSError as error:
        raise ScriptError("cannot read the entry script %s: %s" % (path, error.strerror or error)) from error
    code = loader.source_to_code(data, path)
    assert isinstance(code, CodeType)
    return code, loader


def _optional(module: ModuleType, name: str, path: str) -> Callable[..., Any] | None:
    function = getattr(module, name, None)
    if function is not None and not callable(function):
        raise ScriptError("%s: %s is a value of type %s, not a function" % (path, name, type(function).__name__))
    return function


def _require_callable(run: Callable[..., Any], arguments: int, path: str) -> None:
    """Raises :class:`ScriptError` where no call with so many positional arguments can work."""
    if isinstance(run, FunctionType) and not hasattr(run, "__wrapped__"):
        code = run.__code__
        most = arguments if code.co_flags & _VARIABLE_ARGUMENTS else code.co_argcount
        least = code.co_argcount - len(run.__defaults__ or ())
        named_only = code.co_kwonlyargcount - len(run.__kwdefaults__ or {})
        if least > arguments or most < arguments or named_only:
            raise ScriptError(
                "%s: run is called as run(mini_batch), or as run(mini_batch, mini_batch_context) where it takes two "
                "arguments; this one cannot be: %s" % (path, _signature(run))
            )


def _signature(run: Callable[..., Any]) -> str:
    import inspect

    return "def run%s" % inspect.signature(run)


def _positional_parameters(function: Callable[..., Any]) -> int:
    """How many positional parameters a call of ``function`` may fill; ``*args`` alone does not ask for a context."""
    if isinstance(function, FunctionType) and not hasattr(function, "__wrapped__"):
        return function.__code__.co_argcount  # the common case, without the 10 ms of importing inspect
    if isinstance(function, MethodType):
        return _positional_parameters(function.__func__) - 1
    import inspect

    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a builtin that does not say
        return 1
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(parameter.kind in kinds for parameter in parameters)
