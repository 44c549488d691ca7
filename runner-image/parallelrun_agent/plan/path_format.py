"""``partitionFormat``: columns that are read from where a file is.

``{name}`` takes text within one component, ``{name:yyyy/MM/dd}`` a date (a datetime column; parts: yyyy MM dd HH mm ss,
which may span components), ``*`` any text within a component and ``**`` any number of components. The format is matched
against the end of the path below the input's root, at a component's start: ``{Store}/{Brand}.csv`` fits
``2024/1001/dominicks.csv`` too, and a leading ``.../`` or ``/`` says nothing more. The last component of a file may go
beyond the format only by its extension, and only where the format's last component is a placeholder with none.
"""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Mapping

from parallelrun.api.errors import InputError
from parallelrun_agent.plan.patterns import below

_TOKEN = re.compile(r"\{(?P<name>[^{}:/]+)(?::(?P<date>[^{}]+))?\}|(?P<any>\*\*/?)|(?P<star>\*)|(?P<brace>[{}])")
_DATE_PART = re.compile(r"yyyy|MM|dd|HH|mm|ss")
_DIGITS = {"yyyy": 4, "MM": 2, "dd": 2, "HH": 2, "mm": 2, "ss": 2}
_FIELDS = {"yyyy": "year", "MM": "month", "dd": "day", "HH": "hour", "mm": "minute", "ss": "second"}

TEXT = "object"
DATETIME = "datetime64[ns]"


class PathFormat:
    """One partitionFormat, compiled; ``columns`` in the order they appear."""

    def __init__(self, text: str) -> None:
        """Raises InputError where ``text`` cannot be understood."""
        self.text = text
        self.columns: list[str] = []
        self._dates: dict[str, list[str]] = {}
        pattern = "".join(self._pieces(text.removeprefix("...").lstrip("/")))
        extension = r"(?:\.[^/.]*)?(?:\.gz)?" if text.endswith("}") else ""
        self._match = re.compile(f"(?:.*/)?{pattern}{extension}", re.DOTALL).fullmatch

    def dtypes(self) -> dict[str, str]:
        """The columns with their dtypes."""
        return {name: DATETIME if name in self._dates else TEXT for name in self.columns}

    def read(self, input_name: str, path: bytes, root: str) -> Mapping[str, str]:
        """The columns' values for one file; dates in ISO form. Raises InputError naming the file."""
        match = self._match(below(path, root))
        if match is None:
            raise self._misfit(input_name, path, "does not have the form")
        return {
            name: self._date(input_name, path, name, match) if name in self._dates else match[f"c{number}"]
            for number, name in enumerate(self.columns)
        }

    def _pieces(self, text: str) -> list[str]:
        pieces, position = [], 0
        for token in _TOKEN.finditer(text):
            pieces.append(re.escape(text[position : token.start()]))
            pieces.append(self._piece(token))
            position = token.end()
        pieces.append(re.escape(text[position:]))
        if not self.columns:
            raise InputError(f"partitionFormat {self.text!r} has no placeholder", 'An example: "{Store}/{Brand}.csv"')
        return pieces

    def _piece(self, token: re.Match[str]) -> str:
        if token["brace"]:
            raise InputError(
                f"partitionFormat {self.text!r}: unpaired {token['brace']!r} at character {token.start() + 1}",
                'An example: "{Store}/{Brand}.csv"',
            )
        if token["any"]:
            return "(?:[^/]+/)*" if token["any"].endswith("/") else ".*"
        if token["star"]:
            return "[^/]*"
        name = token["name"].strip()
        if name in self.columns:
            raise InputError(f"partitionFormat {self.text!r} has {{{name}}} twice", "Give each its own name.")
        number = len(self.columns)
        self.columns.append(name)
        if token["date"]:
            return self._date_piece(name, number, token["date"])
        return f"(?P<c{number}>[^/]+{'?' if token.end() == len(token.string) else ''})"

    def _date_piece(self, name: str, number: int, text: str) -> str:
        parts = _DATE_PART.findall(text)
        if "yyyy" not in parts or len(set(parts)) != len(parts):
            raise InputError(
                f"partitionFormat {self.text!r}: {text!r} is not a date's form",
                "It has yyyy, and each of MM, dd, HH, mm and ss at most once: {day:yyyy/MM/dd}",
            )
        self._dates[name] = parts
        pieces, position = [], 0
        for token in _DATE_PART.finditer(text):
            pieces.append(re.escape(text[position : token.start()]))
            pieces.append(f"(?P<c{number}{token.group()}>[0-9]{{{_DIGITS[token.group()]}}})")
            position = token.end()
        return "".join(pieces) + re.escape(text[position:])

    def _date(self, input_name: str, path: bytes, name: str, match: re.Match[str]) -> str:
        number = self.columns.index(name)
        fields = {"month": 1, "day": 1} | {_FIELDS[p]: int(match[f"c{number}{p}"]) for p in self._dates[name]}
        try:
            return datetime.datetime(**fields).isoformat()  # type: ignore[arg-type]
        except ValueError as error:
            raise self._misfit(input_name, path, f"has no date for {{{name}}} ({error}) in the form") from error

    def _misfit(self, input_name: str, path: bytes, what: str) -> InputError:
        return InputError(
            f"input {input_name!r}: {os.fsdecode(path)} {what} of partitionFormat {self.text!r}",
            "Every file of the input must fit it: correct the format, or narrow the paths.",
        )
