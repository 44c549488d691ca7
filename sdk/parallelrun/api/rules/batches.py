"""How the input is split and over how many nodes."""

import re
from collections.abc import Iterator
from typing import Any

from parallelrun.api.models import mini_batch_size
from parallelrun.api.models.spec import DEFAULT_MAX_NODE_COUNT
from parallelrun.api.problems import Path
from parallelrun.api.rule import Rule, fields_that
from parallelrun.api.rules.names import repeated

_SPEC = ("spec",)


def _is_size(value: Any) -> bool:
    return (
        value >= 1 if isinstance(value, int) else re.fullmatch(mini_batch_size.PATTERN.strip("^$"), value) is not None
    )


_SIZE = Rule(
    name="mini-batch-size",
    place=_SPEC,
    reads=("miniBatchSize",),
    message='miniBatchSize must be a whole number of at least 1 (files, or bytes of a table) or a size such as "10KB", '
    '"1MB" or "1GB"',
    example="miniBatchSize: 10",
    cel="!has(self.miniBatchSize) || (type(self.miniBatchSize) == int ? int(self.miniBatchSize) >= 1 : "
    f"string(self.miniBatchSize).matches('{mini_batch_size.PATTERN}'))",
    broken=fields_that(lambda spec: _is_size(spec.get("miniBatchSize", 1)), "miniBatchSize"),
)


def _has_unit(spec: Any) -> bool:
    size = spec.get("miniBatchSize")
    is_file = any(item.get("type") == "File" for item in spec["inputs"])
    return is_file and isinstance(size, str) and _is_size(size) and not size.isdigit()


_FILES = Rule(
    name="mini-batch-files",
    place=_SPEC,
    reads=("miniBatchSize", "inputs"),
    message="with inputs of type File, miniBatchSize counts files: a number without a unit",
    example="miniBatchSize: 10",
    cel="!has(self.miniBatchSize) || type(self.miniBatchSize) == int || "
    "!self.inputs.exists(i, has(i.type) && i.type == 'File') || "
    "!string(self.miniBatchSize).matches('^[0-9]+ ?[A-Za-z]+$')",
    broken=fields_that(lambda spec: not _has_unit(spec), "miniBatchSize"),
)

_KEYS_OR_SIZE = Rule(
    name="keys-or-size",
    place=_SPEC,
    reads=("miniBatchSize", "partitionKeys"),
    message="partitionKeys and miniBatchSize cannot both be given: with keys there is one mini-batch per value",
    example="partitionKeys: []",
    cel="!has(self.miniBatchSize) || !has(self.partitionKeys) || size(self.partitionKeys) == 0",
    broken=fields_that(lambda spec: "miniBatchSize" not in spec or not spec["partitionKeys"], "miniBatchSize"),
)

_UNIQUE_KEYS = Rule(
    name="partition-keys-unique",
    place=_SPEC,
    reads=("partitionKeys",),
    message="each of partitionKeys can be given only once",
    example="partitionKeys: [Store, Brand]\ninputs: [{name: sales, type: Tabular, paths: [sales/]}]",
    cel="!has(self.partitionKeys) || self.partitionKeys.all(a, self.partitionKeys.exists_one(b, b == a))",
    broken=repeated("partitionKeys", lambda item: item),
)


def _keys_without_place(spec: Any) -> Iterator[Path]:
    formats = [
        re.findall(r"\{([^{}:/]+)", item.get("partitionFormat", ""))
        for item in spec["inputs"]
        if item.get("type") == "File" and item["paths"]
    ]
    for index, key in enumerate(spec["partitionKeys"]):
        if any(key not in columns for columns in formats):
            yield ("partitionKeys", index)


_KEYS_IN_FORMAT = Rule(
    name="keys-in-partition-format",
    place=_SPEC,
    reads=("partitionKeys", "inputs"),
    message="with inputs of type File, each of partitionKeys must be a column of every input's partitionFormat",
    example="partitionKeys: [Store]\n"
    "inputs: [{name: sales, type: File, paths: [sales/], partitionFormat: '{Store}/{Brand}.csv'}]",
    cel="!has(self.partitionKeys) || self.inputs.all(i, !has(i.type) || i.type != 'File' || has(i.dataset) || "
    "self.partitionKeys.all(k, has(i.partitionFormat) && "
    "(i.partitionFormat.contains('{' + k + '}') || i.partitionFormat.contains('{' + k + ':'))))",
    broken=_keys_without_place,
)

_NODES = Rule(
    name="node-count",
    place=_SPEC,
    reads=("nodeCount", "maxNodeCount"),
    message="nodeCount must not be more than maxNodeCount",
    example="{nodeCount: 4, maxNodeCount: 64}",
    cel="!has(self.maxNodeCount) || self.nodeCount <= self.maxNodeCount",
    broken=fields_that(lambda spec: spec["nodeCount"] <= spec.get("maxNodeCount", spec["nodeCount"]), "nodeCount"),
)

_SCALE = Rule(
    name="scale",
    place=_SPEC,
    reads=("nodeCount", "maxNodeCount"),
    message=f"nodeCount can be raised to {DEFAULT_MAX_NODE_COUNT} where the job was created without maxNodeCount",
    example="{nodeCount: 64}",
    cel=f"has(self.maxNodeCount) || self.nodeCount <= {DEFAULT_MAX_NODE_COUNT} || self.nodeCount <= oldSelf.nodeCount",
    transition=lambda old, new: (
        "maxNodeCount" in new or new["nodeCount"] <= max(DEFAULT_MAX_NODE_COUNT, old["nodeCount"])
    ),
)


_INPUTS = Rule(
    name="inputs-or-run-once",
    place=_SPEC,
    reads=("inputs", "runOnce"),
    message="inputs must hold at least one input; only a program with runOnce: true has none",
    example="inputs: [{name: images, type: File, paths: ['images/*.png']}]",
    cel="size(self.inputs) > 0 || (has(self.runOnce) && self.runOnce)",
    broken=lambda spec: [] if spec["inputs"] or spec["runOnce"] else [("inputs",)],
)

_ONE = ("nodeCount", "processCountPerNode")
_NO_THRESHOLDS = {"errorThreshold": 0, "miniBatchErrorThreshold": -1, "allowedFailedPercent": 100}
_APPENDED = ("path", "appendRowFileName")


def _not_for_programs(spec: Any) -> Iterator[Path]:
    if spec["runOnce"]:
        yield from ((name,) for name in ("inputs", "miniBatchSize", "partitionKeys") if spec.get(name))
        yield from ((name,) for name in _ONE if spec[name] > 1)
        yield from ((name,) for name, tolerant in _NO_THRESHOLDS.items() if spec[name] != tolerant)
        yield from (("output", name) for name in _APPENDED if name in spec["output"])


_ALONE = Rule(
    name="run-once-alone",
    place=_SPEC,
    reads=("runOnce", "inputs", "miniBatchSize", "partitionKeys", "output", *_ONE, *_NO_THRESHOLDS),
    message="a program with runOnce: true runs once, in one process, and writes its results itself: it has no inputs, "
    "miniBatchSize, partitionKeys, thresholds, output.path or output.appendRowFileName, and nodeCount and "
    "processCountPerNode are 1; files to read are sideInputs, folders to write outputs",
    example="{runOnce: true, inputs: [], partitionKeys: [], nodeCount: 1, processCountPerNode: 1, output: {}, "
    "errorThreshold: 0, miniBatchErrorThreshold: -1, allowedFailedPercent: 100}",
    cel="!has(self.runOnce) || !self.runOnce || (size(self.inputs) == 0 && !has(self.miniBatchSize) && "
    "size(self.partitionKeys) == 0 && self.nodeCount == 1 && self.processCountPerNode == 1 && "
    "self.errorThreshold == 0 && self.miniBatchErrorThreshold == -1 && self.allowedFailedPercent == 100.0 && "
    "!has(self.output.path) && !has(self.output.appendRowFileName))",
    broken=_not_for_programs,
)

RULES = (_INPUTS, _ALONE, _SIZE, _FILES, _KEYS_OR_SIZE, _UNIQUE_KEYS, _KEYS_IN_FORMAT, _NODES, _SCALE)
