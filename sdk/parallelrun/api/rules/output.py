"""The output's file and format."""

import re
from typing import Any

from parallelrun.api.rule import Rule, fields_that

_OUTPUT = ("spec", "output")
_RESERVED = ("_SUCCESS", "_OWNER", "job_result.json", "settings.json", "job.yaml", "header.json", "control.json",
             "schema.json", "segments", "tries", "source", "logs")  # fmt: skip

_FILE_NAME = Rule(
    name="file-name",
    place=_OUTPUT,
    reads=("appendRowFileName",),
    message="appendRowFileName must be a file's name without folders: no '/', no newline, not '.' or '..'; "
    "the folder is output.path",
    example="appendRowFileName: predictions.txt",
    cel="!has(self.appendRowFileName) || !self.appendRowFileName.matches('^[.][.]?$|[/\\\\n\\\\r\\\\x00]')",
    broken=fields_that(
        lambda output: not re.search(r"^\.\.?$|[/\n\r\x00]", output.get("appendRowFileName", "x")), "appendRowFileName"
    ),
)

_NOT_OURS = Rule(
    name="file-name-reserved",
    place=_OUTPUT,
    reads=("appendRowFileName",),
    message=f"appendRowFileName must not be a name that the job's folder uses itself: {', '.join(_RESERVED)}",
    example="appendRowFileName: predictions.txt",
    cel=f"!has(self.appendRowFileName) || !(self.appendRowFileName in {list(_RESERVED)!r})",
    broken=fields_that(lambda output: output.get("appendRowFileName") not in _RESERVED, "appendRowFileName"),
)


def _fits(output: Any) -> bool:
    name, form = output.get("appendRowFileName"), output["format"]
    if name is None:
        return True
    parquet, lines = name.endswith(".parquet"), name.endswith(".jsonl")
    return parquet == (form == "Parquet") and (not lines or form == "JSONL")


_EXTENSION = Rule(
    name="file-name-format",
    place=_OUTPUT,
    reads=("appendRowFileName", "format"),
    message="appendRowFileName must fit the format: .parquet with format Parquet and with no other, .jsonl only with "
    "format JSONL",
    example="{format: Parquet, appendRowFileName: predictions.parquet}",
    cel="!has(self.appendRowFileName) || (self.appendRowFileName.endsWith('.parquet') == (self.format == 'Parquet') "
    "&& (!self.appendRowFileName.endsWith('.jsonl') || self.format == 'JSONL'))",
    broken=fields_that(_fits, "appendRowFileName"),
)

_CSV = Rule(
    name="csv-options",
    place=_OUTPUT,
    reads=("csv", "format"),
    message="csv is for format CSV only",
    example="{format: CSV, csv: {separator: ';'}}",
    cel="!has(self.csv) || self.format == 'CSV'",
    broken=fields_that(lambda output: "csv" not in output or output["format"] == "CSV", "csv"),
)

_SEPARATOR = Rule(
    name="csv-separator",
    place=(*_OUTPUT, "csv"),
    reads=("separator",),
    message="separator must be one ASCII character that is not a quote, a newline, a letter or a digit",
    example="separator: ';'",
    cel="self.separator.matches('^[\\\\x01-\\\\x7f]$') && !self.separator.matches('[\"a-zA-Z0-9\\\\r\\\\n]')",
    broken=fields_that(
        lambda csv: re.search('["a-zA-Z0-9\r\n\x00]', csv["separator"]) is None and csv["separator"].isascii(),
        "separator",
    ),
)

RULES = (_FILE_NAME, _NOT_OURS, _EXTENSION, _CSV, _SEPARATOR)
