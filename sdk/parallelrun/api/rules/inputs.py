"""What is read: one kind of input, from places that are known, with options that fit it."""

import codecs
import re
from collections.abc import Iterator
from typing import Any

from parallelrun.api.problems import Path
from parallelrun.api.rule import ITEMS, Rule, fields_that
from parallelrun.api.rules import subset
from parallelrun.api.rules.names import REFERENCE, matches

_INPUT = ("spec", "inputs", ITEMS)
_TABLE = (*_INPUT, "table")
SCHEMES = (
    *("pvc", "s3", "az", "gs", "https", "http", "datastore", "configmap"),
    *("azureml", "wasbs", "wasb", "abfss", "abfs"),  # as Azure's users write them, see store_urls.py
)
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*):/")
_KNOWN_URL = re.compile(rf"^({'|'.join(SCHEMES)})://[^/]+")
_PATH_COST = "CEL on every path of every input goes beyond the API server's cost limit; the operator checks it"
_PATH_MESSAGE = (
    "a path is relative or absolute, or a URL: pvc://claim/path, s3://bucket/path, az://account/container/path, "
    "gs://bucket/path, https://host/path, datastore://name/path, configmap://name"
)
_DATASET = Rule(
    name="dataset-reference",
    place=_INPUT,
    reads=("dataset",),
    message="dataset must be a registered name, name:version or name@latest (no azureml: before it): letters, digits, "
    "'_', '-', '.'",
    example="{paths: [], dataset: mnist}",
    cel=f"!has(self.dataset) || self.dataset.matches('{REFERENCE}')",
    broken=matches(REFERENCE, "dataset"),
)

_PATHS_OR_DATASET = Rule(
    name="paths-or-dataset",
    place=_INPUT,
    reads=("paths", "dataset"),
    message="exactly one of paths and dataset must be given",
    example="paths: ['images/*.png']",
    cel="has(self.dataset) != (has(self.paths) && size(self.paths) > 0)",
    broken=lambda item: [] if ("dataset" in item) != bool(item["paths"]) else [()],
)

_TYPE_WITH_PATHS = Rule(
    name="type-with-paths",
    place=_INPUT,
    reads=("paths", "type"),
    message="an input with paths needs a type: File, Tabular or MLTable",
    example="type: File",
    cel="has(self.type) || !has(self.paths) || size(self.paths) == 0",
    broken=lambda item: [] if "type" in item or not item["paths"] else [()],
)


def _mixed(spec: Any) -> Iterator[Path]:
    kinds = [(index, item["type"]) for index, item in enumerate(spec["inputs"]) if "type" in item]
    decided = [(index, kind) for index, kind in kinds if kind != "MLTable"]
    yield from (("inputs", index, "type") for index, kind in decided if kind != decided[0][1])


_ONE_KIND = Rule(
    name="one-kind-of-input",
    place=("spec",),
    reads=("inputs",),
    message="inputs must be all of type File or all of type Tabular (MLTable is either)",
    example="inputs: [{name: a, type: File, paths: [a/]}, {name: b, type: File, paths: [b/]}]",
    cel="!(self.inputs.exists(i, has(i.type) && i.type == 'File') && "
    "self.inputs.exists(i, has(i.type) && i.type == 'Tabular'))",
    broken=_mixed,
)

_MODE = Rule(
    name="mode-file-only",
    place=_INPUT,
    reads=("mode", "type"),
    message="mode is for type File only: tables are always read by byte range",
    example="{type: File, mode: Download}",
    cel="!has(self.type) || self.type != 'Tabular' || !has(self.mode) || self.mode == 'Mount'",
    broken=fields_that(lambda item: item.get("type") != "Tabular" or item.get("mode", "Mount") == "Mount", "mode"),
)

_TABLE_TYPE = Rule(
    name="table-tabular-only",
    place=_INPUT,
    reads=("table", "type"),
    message="table is for type Tabular only (an MLTable says in its own file how it is parsed)",
    example="{type: Tabular, table: {separator: ';'}}",
    cel="!has(self.table) || !has(self.type) || self.type == 'Tabular'",
    broken=fields_that(lambda item: "table" not in item or item.get("type", "Tabular") == "Tabular", "table"),
)

_SEPARATOR = Rule(
    name="table-separator",
    place=_TABLE,
    reads=("separator",),
    message='separator must not be a quote, a newline or a letter or digit; a tab is written "\\t", in double quotes',
    example="separator: ';'",
    cel="!has(self.separator) || !self.separator.matches('[\"a-zA-Z0-9\\\\r\\\\n]')",
    broken=fields_that(lambda table: not re.search('["a-zA-Z0-9\r\n]', table.get("separator", "")), "separator"),
)

_CSV_ONLY = Rule(
    name="separator-csv-only",
    place=_TABLE,
    reads=("separator", "format"),
    message="separator is for format csv only",
    example="{format: csv, separator: ';'}",
    cel="!has(self.separator) || !has(self.format) || self.format == 'csv'",
    broken=fields_that(lambda table: "separator" not in table or table.get("format", "csv") == "csv", "separator"),
)


def _is_encoding(name: str) -> bool:
    try:
        codecs.lookup(name)
    except (LookupError, ValueError):
        return False
    return True


_ENCODING = Rule(
    name="encoding",
    place=_TABLE,
    reads=("encoding",),
    message="encoding must be one that Python knows",
    example="encoding: latin-1",
    broken=fields_that(lambda table: _is_encoding(table.get("encoding", "utf-8")), "encoding"),
    only="only Python knows its encodings",
)


_PARTITION_FORMAT = Rule(
    name="partition-format",
    place=_INPUT,
    reads=("partitionFormat",),
    message="partitionFormat must name at least one column in braces",
    example="partitionFormat: '{Store}/{Brand}.csv'",
    cel="!has(self.partitionFormat) || self.partitionFormat.matches('[{][^{}:/]+(:[^{}]+)?[}]')",
    broken=fields_that(
        lambda item: re.search("[{][^{}:/]+(:[^{}]+)?[}]", item.get("partitionFormat", "{a}")) is not None,
        "partitionFormat",
    ),
)


_IS_URL = f"self.path.matches('{_SCHEME.pattern}')"


def is_place(text: str) -> bool:
    """Whether ``text`` is a path, or a URL of a kind that is known."""
    return not _SCHEME.match(text) or _KNOWN_URL.match(text) is not None


def _bad_paths(item: Any) -> Iterator[Path]:
    yield from (("paths", index) for index, text in enumerate(item["paths"]) if not is_place(text))


def place_rule(name: str, place: tuple[str, ...], example: str) -> Rule:
    """The rule on ``path``, a path or URL that is read."""
    return Rule(
        name=name,
        place=place,
        reads=("path",),
        message=_PATH_MESSAGE,
        example=example,
        cel=f"!has(self.path) || !{_IS_URL} || self.path.matches('^({'|'.join(SCHEMES)})://[^/]+')",
        broken=fields_that(lambda value: is_place(value.get("path", "")), "path"),
    )


_WRITABLE = tuple(scheme for scheme in SCHEMES if scheme not in ("https", "http", "configmap"))
_WRITABLE_URL = re.compile(f"^({'|'.join(_WRITABLE)})://[^/]+")


def _is_writable(text: str) -> bool:
    return "*" not in text and (not _SCHEME.match(text) or _WRITABLE_URL.match(text) is not None)


def _output_rule(name: str, place: tuple[str, ...], example: str) -> Rule:
    return Rule(
        name=name,
        place=place,
        reads=("path",),
        message="a folder to write to is a path or a URL pvc://claim/path, s3://bucket/path, "
        "az://account/container/path, gs://bucket/path or datastore://name/path, without wildcards",
        example=example,
        cel="!has(self.path) || (!self.path.contains('*') && "
        f"(!{_IS_URL} || self.path.matches('{_WRITABLE_URL.pattern}')))",
        broken=fields_that(lambda value: _is_writable(value.get("path", "")), "path"),
    )


_PATHS = Rule(
    name="input-paths",
    place=_INPUT,
    reads=("paths",),
    message=_PATH_MESSAGE,
    example="paths: ['pvc://data/images/*.png']",
    broken=_bad_paths,
    only=_PATH_COST,
)

#: On what a job's input and a registered dataset have in common; of its place, and of ``table`` in it.
SHARED = (_MODE, _TABLE_TYPE, _PARTITION_FORMAT, *subset.OF_INPUT, _PATHS)
TABLE = (_SEPARATOR, _CSV_ONLY, _ENCODING)

RULES = (
    _PATHS_OR_DATASET,
    _DATASET,
    _TYPE_WITH_PATHS,
    _ONE_KIND,
    *SHARED,
    *TABLE,
    *subset.rules(_INPUT),
    place_rule("side-input-path", ("spec", "sideInputs", ITEMS), "path: pvc://data/labels.txt"),
    place_rule("model-path", ("spec", "models", ITEMS), "path: pvc://models/mnist/"),
    _output_rule("script-output-path", ("spec", "outputs", ITEMS), "path: pvc://results/trained"),
    _output_rule("output-path", ("spec", "output"), "path: pvc://results/mnist"),
)
