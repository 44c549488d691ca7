"""Results as ``Text``: Azure ML's append_row, byte for byte.

A list or array gives ``str(element)``, one line each; a DataFrame gives what ``to_csv(sep=" ", header=False,
index=False)`` gives, with the options of a ``parallel_run_step.settings.json`` beside the script.
"""

from __future__ import annotations

import json
import os

from parallelrun_worker import frame_text, kinds
from parallelrun_worker.unfit import Unfit

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any

SETTINGS = "parallel_run_step.settings.json"
_NEWLINE = "an element of the result has a newline in it; Text writes it as it is, so that it makes more than one line"
_NOT_OPTIONS = ("path_or_buf", "mode", "compression", "encoding")  # the segment is UTF-8 and has its own place


class Text:
    """The serialiser for ``Text``."""

    def __init__(self, script: str) -> None:
        """``script``: path of the entry script; raises Unfit where the settings beside it cannot be used."""
        settings = _settings(os.path.dirname(script))
        self._options = dict({"sep": frame_text.SEPARATOR, "header": False, "index": False}, **settings)
        self._plain = not settings
        self._remarked = False

    def encode(self, value: Any) -> tuple[bytes, int, str]:
        """Payload, number of lines, remark."""
        if kinds.is_frame(value):
            joined = frame_text.joined(value) if self._plain else None
            text = value.to_csv(**self._options) if joined is None else joined
            if not text.endswith("\n") and text:
                text += "\n"
            return to_bytes(text), text.count("\n"), ""
        if not len(value):
            return b"", 0, ""
        text = "\n".join(map(str, value)) + "\n"
        lines = text.count("\n")
        if lines != len(value) and not self._remarked:
            self._remarked = True
            return to_bytes(text), lines, _NEWLINE
        return to_bytes(text), lines, ""


def to_bytes(text: str) -> bytes:
    """UTF-8; the bytes of a file name that was not UTF-8 come out as they were. Raises Unfit for lone surrogates."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise Unfit("the result has a character that UTF-8 cannot write: %s" % error) from error


def _settings(folder: str) -> dict[str, Any]:
    path = os.path.join(folder, SETTINGS)
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
        options = value.get("append_row", {}).get("pandas.DataFrame.to_csv", {})
    except OSError:
        return {}
    except (ValueError, AttributeError) as error:
        raise Unfit("%s is not as expected (%s); an example: %s" % (path, error, _EXAMPLE)) from error
    if not isinstance(options, dict):
        raise Unfit("%s: the options of to_csv are an object; an example: %s" % (path, _EXAMPLE))
    return {key: option for key, option in options.items() if key not in _NOT_OPTIONS}


_EXAMPLE = '{"append_row": {"pandas.DataFrame.to_csv": {"sep": ","}}}'
