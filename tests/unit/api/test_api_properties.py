"""For any right manifest: it is read as it was dumped; for any text and any values: a report, never another error."""

from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from parallelrun.api import checks
from parallelrun.api.errors import ManifestError
from parallelrun.api.manifest import load_manifest
from parallelrun.api.models import ParallelRunJob
from parallelrun.api.models.mini_batch_size import bytes_

WORDS = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
TEXT = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\x85\u2028\u2029\ufeff$"), max_size=20
)
PATHS = WORDS.map(lambda word: f"{word}/*.png")


def objects(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=optional)


def named(values: st.SearchStrategy[dict[str, Any]], least: int = 0) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(values, min_size=least, max_size=3, unique_by=lambda item: item["name"])


FILES = objects(
    {"name": WORDS, "type": st.just("File"), "paths": st.lists(PATHS, min_size=1, max_size=3)},
    {"mode": st.sampled_from(["Mount", "Download", "Direct"]), "allowEmpty": st.booleans()},
)
TABLES = objects(
    {"name": WORDS, "type": st.just("Tabular"), "paths": st.lists(PATHS, min_size=1, max_size=3)},
    {
        "table": objects(
            {},
            {
                "format": st.sampled_from(["csv", None]),
                "separator": st.sampled_from([";", "\t", "|", " "]),
                "header": st.booleans(),
                "encoding": st.sampled_from(["utf-8", "latin-1", "cp1252"]),
                "columns": st.dictionaries(TEXT, st.sampled_from(["int64", "object", "datetime64[ns]"]), max_size=3),
            },
        )
    },
)
SIZES = st.integers(1, 10**9) | st.builds(
    "{}{}".format, st.integers(1, 999), st.sampled_from(["", "B", "kb", "MB", " Gb"])
)
SPECS = objects(
    {
        "source": st.sampled_from([{"directory": "./code"}, {"imagePath": "/app"}, {"configMap": {"name": "a"}}]),
        "entryScript": WORDS.map(lambda word: f"{word}.py"),
    },
    {
        "description": TEXT,
        "tags": st.dictionaries(TEXT, TEXT, max_size=3),
        "arguments": st.lists(TEXT, max_size=4),
        "sideInputs": named(objects({"name": WORDS, "path": WORDS}, {})),
        "outputs": named(objects({"name": WORDS, "path": WORDS}, {})),
        "nodeCount": st.integers(1, 64),
        "processCountPerNode": st.integers(1, 64),
        "errorThreshold": st.integers(-1, 2**31 - 1),
        "allowedFailedPercent": st.floats(0, 100) | st.integers(0, 100),
        "loggingLevel": st.sampled_from(["WARNING", "INFO", "DEBUG"]),
        "output": st.sampled_from([{}, {"format": "CSV", "csv": {"separator": ";"}}, {"action": "SummaryOnly"}]),
        "ttlSecondsAfterFinished": st.none() | st.integers(0, 10**6),
        "resources": objects({}, {"limits": st.dictionaries(WORDS, st.sampled_from([2, "500m", "4Gi"]), max_size=2)}),
    },
)
INPUTS = st.fixed_dictionaries({"inputs": named(FILES, 1)}) | st.fixed_dictionaries(
    {"inputs": named(TABLES, 1)}, optional={"miniBatchSize": SIZES}
)
JOBS = st.builds(
    lambda name, spec, inputs: {
        "apiVersion": "parallelrun.dev/v1alpha1",
        "kind": "ParallelRunJob",
        "metadata": {"name": name},
        "spec": {**spec, **inputs},
    },
    WORDS, SPECS, INPUTS,
)  # fmt: skip


@given(JOBS)
def test_a_right_manifest_is_read_and_dumps_to_itself(document):
    text = yaml.safe_dump(document, allow_unicode=True)
    job = load_manifest(text + "\n").job
    dumped = job.model_dump(mode="json", by_alias=True, exclude_none=True)
    again = load_manifest(yaml.safe_dump(dumped) + "\n").job
    assert again == job
    assert again.model_dump(mode="json", by_alias=True, exclude_none=True) == dumped
    for name, value in document["spec"].items():
        if not isinstance(value, (dict, list)) and value is not None:
            assert dumped["spec"][name] == value


KEYS = st.sampled_from(
    ["spec", "kind", "metadata", "name", "inputs", "type", "paths", "source", "directory", "table", "columns", "output",
     "arguments", "miniBatchSize", "partitionKeys", "nodeCount", "maxNodeCount", "resources", "limits", "env",
     "environment", "appendRowFileName", "format", "tolerations", "dataset", "partitionFormat", "sideInputs", "cancel"]
)  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**12) | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | TEXT, inner, max_size=5),
    max_leaves=25,
)


def report_on(text: str) -> str:
    """What is wrong with ``text``; "" if nothing is. Any other error than a report escapes."""
    try:
        load_manifest(text + "\n")
    except ManifestError as error:
        return str(error)
    return ""


@settings(max_examples=60)
@given(JOBS, st.dictionaries(KEYS, ANYTHING, max_size=4), st.dictionaries(KEYS, ANYTHING, max_size=4), ANYTHING)
def test_whatever_stands_in_a_manifest_is_right_or_a_report(document, spec, item, anything):
    document["spec"] |= spec
    inputs = document["spec"].get("inputs")
    if isinstance(inputs, list) and inputs and isinstance(inputs[0], dict):
        inputs[0].update(item)
    for candidate in (document, {**document, "spec": anything}, {"kind": "ParallelRunJob", "spec": anything}):
        assert len(report_on(yaml.safe_dump(candidate, allow_unicode=True)).splitlines()) <= 60


@given(st.text(max_size=200))
def test_any_text_is_a_manifest_or_a_report(text):
    assert report_on(text)  # chance does not write manifests


@given(JOBS)
def test_what_the_rules_accept_the_model_accepts(document):
    clean = {**document, "spec": {key: value for key, value in document["spec"].items() if value is not None}}
    for item in clean["spec"]["inputs"]:
        if item.get("table", {}).get("format", "csv") is None:
            del item["table"]["format"]
    assert checks.problems(clean) == []
    ParallelRunJob.model_validate(clean, by_alias=True, by_name=False)


@given(st.integers(1, 10**6), st.sampled_from([("", 1), ("b", 1), ("kb", 1024), ("mb", 1024**2), ("gb", 1024**3)]))
def test_units_of_sizes_are_powers_of_1024_in_any_case(number, unit):
    name, factor = unit
    assert bytes_(f"{number}{name}") == bytes_(f"{number}{name.upper()}") == number * factor
