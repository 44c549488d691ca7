"""Good manifests: what is read is what the file says, as the API server would read it, with --set put in."""

import datetime
import re

import pytest
from pydantic import ValidationError

from parallelrun.api.errors import ManifestError
from parallelrun.api.manifest import load_manifest
from parallelrun.api.models import ParallelRunJob
from parallelrun.api.problems import ManifestProblems, dotted

WHOLE = """\
apiVersion: parallelrun.dev/v1alpha1
kind: ParallelRunJob
metadata: {name: mnist}
spec:
  description: ""
  tags: {}
  experiment: ""
  source:
    configMap: {name: mnist-code}
  entryScript: digit_identification.py
  arguments: ["--model-name", "mnist", "--labels", "$(sideInputs.labels)", "--out", "$(outputs.models)"]
  environment:
    image: registry.example.com/scoring:1
    imagePullPolicy: IfNotPresent
    imagePullSecrets: []
    pip: ["pillow==11.*"]
    env: []
    envFrom: []
  inputs:
  - name: mnist
    type: File
    paths: ["images/*.png"]
    partitionFormat: "{Store}/{Brand}.csv"
    mode: Mount
    allowEmpty: false
  sideInputs: [{name: labels, path: labels.txt}]
  models: [{name: mnist, path: model/}]
  outputs: [{name: models, path: trained/}]
  miniBatchSize: 10
  partitionKeys: []
  nodeCount: 2
  maxNodeCount: 64
  processCountPerNode: 2
  errorThreshold: 0
  miniBatchErrorThreshold: -1
  allowedFailedPercent: 100
  runInvocationTimeoutSeconds: 60
  runMaxTry: 3
  loggingLevel: INFO
  advanced: {firstTaskCreationTimeoutSeconds: 600, progressUpdateTimeoutSeconds: 0, taskOverheadTimeoutSeconds: 600,
    resourceMonitorIntervalSeconds: 600, profilingModule: cProfile}
  output:
    action: AppendRow
    appendRowFileName: parallel_run_step.csv
    format: CSV
    csv: {separator: ";", header: true, index: false}
    path: pvc://results/mnist
    keepSegments: true
  rerunOf: {name: mnist-1, failedOnly: true}
  volume: {claimName: parallelrun}
  computeTarget: gpu-pool
  resources: {}
  nodeSelector: {}
  tolerations: []
  priorityClassName: ""
  serviceAccountName: ""
  suspend: false
  cancel: false
  ttlSecondsAfterFinished: null
"""


def with_spec(lines: str) -> str:
    return (
        "apiVersion: parallelrun.dev/v1alpha1\nkind: ParallelRunJob\nmetadata: {name: a}\nspec:\n"
        "  source: {directory: .}\n  entryScript: a.py\n" + lines
    )


FILES = "  inputs: [{name: a, type: File, paths: [a/]}]\n"
TABLES = "  inputs: [{name: a, type: Tabular, paths: [a.csv]}]\n"


def test_every_field_of_the_manifest_is_read_and_dumps_to_what_was_read():
    job = load_manifest(WHOLE).job
    dumped = job.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert ParallelRunJob.model_validate(dumped, by_alias=True, by_name=False) == job
    given = load_manifest(WHOLE).documents[0]["spec"]
    for name, value in given.items():
        if value is not None and not isinstance(value, (dict, list)):
            assert dumped["spec"][name] == value
    assert job.spec.output.csv is not None
    assert job.spec.output.csv.separator == ";"
    assert job.spec.rerun_of is not None
    assert job.spec.rerun_of.failed_only


def test_the_defaults_are_those_of_azure_where_it_has_some():
    spec = load_manifest(with_spec(FILES)).job.spec
    assert (spec.mini_batch_files, spec.node_count, spec.process_count_per_node) == (10, 1, 1)
    assert (spec.error_threshold, spec.mini_batch_error_threshold, spec.allowed_failed_percent) == (0, -1, 100.0)
    assert (spec.run_invocation_timeout_seconds, spec.run_max_try, spec.logging_level) == (60, 3, "INFO")
    assert spec.advanced.first_task_creation_timeout_seconds == 600
    assert spec.output.file_name == "parallel_run_step.txt"
    assert spec.node_limit == 64


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("100", 100), ('"100"', 100), ('"1b"', 1), ('"10KB"', 10240), ('"10kb"', 10240), ('"1 MB"', 1024**2),
        ('"2Gb"', 2 * 1024**3), ("1MB", 1024**2), (None, 1024**2),
    ],
)  # fmt: skip
def test_the_size_of_a_tabular_mini_batch_is_in_bytes_with_units_of_1024(size, expected):
    lines = TABLES + (f"  miniBatchSize: {size}\n" if size else "")
    assert load_manifest(with_spec(lines)).job.spec.mini_batch_bytes == expected


@pytest.mark.parametrize(("size", "expected"), [("3", 3), ('"3"', 3), (None, 10)])
def test_the_size_of_a_file_mini_batch_is_a_count(size, expected):
    lines = FILES + (f"  miniBatchSize: {size}\n" if size else "")
    assert load_manifest(with_spec(lines)).job.spec.mini_batch_files == expected


@pytest.mark.parametrize(
    ("form", "name"), [("Text", ".txt"), ("CSV", ".csv"), ("JSONL", ".jsonl"), ("Parquet", ".parquet")]
)
def test_the_default_file_name_has_the_extension_of_the_format(form, name):
    spec = load_manifest(with_spec(FILES + f"  output: {{format: {form}}}\n")).job.spec
    assert spec.output.file_name == "parallel_run_step" + name


def test_the_kind_of_input_is_undecided_for_mltable_until_another_input_decides_it():
    mltable = "{name: a, type: MLTable, paths: [a/]}"
    assert load_manifest(with_spec(f"  inputs: [{mltable}]\n")).job.spec.input_kind is None
    both = f"  inputs: [{mltable}, {{name: b, type: Tabular, paths: [b/]}}]\n"
    assert load_manifest(with_spec(both)).job.spec.input_kind == "Tabular"


def test_without_max_node_count_a_larger_node_count_is_the_limit():
    assert load_manifest(with_spec(FILES + "  nodeCount: 100\n")).job.spec.node_limit == 100


def test_other_documents_of_the_file_are_kept_as_they_are(tmp_path):
    path = tmp_path / "job.yaml"
    path.write_text("kind: ConfigMap\nmetadata: {name: a}\ndata: {a.py: 'x = 1'}\n---\n" + with_spec(FILES) + "---\n")
    loaded = load_manifest(path)
    assert [document["kind"] for document in loaded.documents] == ["ConfigMap", "ParallelRunJob"]
    assert loaded.documents[0]["data"] == {"a.py": "x = 1"}
    assert (loaded.path, loaded.text) == (path, path.read_text())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024-01-01", "2024-01-01"), ("12:30", "12:30"), ("1.5:30", "1.5:30"), ("yes", True), ("0x10", 16), ("010", 8),
        ("1_000", 1000), ("1e3", "1e3"), ("1.5", 1.5), (".inf", float("inf")), ("~", None), ("'1'", "1"), ("+3", 3),
        ("-0b11", -3), ("0o17", "0o17"),
    ],
)  # fmt: skip
def test_plain_values_mean_what_they_mean_to_kubectl(text, value):
    loaded = load_manifest(f"kind: Other\nvalue: {text}\n---\n" + with_spec(FILES))
    assert loaded.documents[0]["value"] == value
    assert not isinstance(loaded.documents[0]["value"], datetime.date)


def test_anchors_and_merges_work():
    text = with_spec("  inputs:\n  - &a {name: a, type: File, paths: [a/]}\n  - {<<: *a, name: b}\n")
    assert [(item.name, item.paths) for item in load_manifest(text).job.spec.inputs] == [("a", ["a/"]), ("b", ["a/"])]


def test_a_job_as_a_cluster_returns_it_can_be_read():
    text = WHOLE.replace(
        "metadata: {name: mnist}",
        "metadata: {name: mnist, uid: 1-2, resourceVersion: '3', generation: 1, "
        "creationTimestamp: '2026-01-01T00:00:00Z', managedFields: [{manager: kubectl}]}",
    )
    assert load_manifest(text + "status: {phase: Done}\n").job.metadata.uid == "1-2"


def test_a_model_can_be_made_by_python_names_but_a_manifest_not():
    from parallelrun.api.models import Input

    assert Input(name="a", type="File", paths=["a/"], allow_empty=True).allow_empty
    with pytest.raises(ManifestProblems):
        load_manifest(with_spec("  inputs: [{name: a, type: File, paths: [a/], allow_empty: true}]\n"))
    with pytest.raises(ValidationError):
        Input(name="a", tpye="File")


@pytest.mark.parametrize(
    ("setting", "path", "value"),
    [
        ("spec.nodeCount=4", ("node_count",), 4),
        ("spec.inputs[0].paths=[x, y]", ("inputs", 0, "paths"), ["x", "y"]),
        ("spec.inputs[0].paths[1]=more", ("inputs", 0, "paths"), ["a/", "more"]),
        ("spec.inputs[0].paths[0]=a=b", ("inputs", 0, "paths"), ["a=b"]),
        ("spec.tags.team=vision", ("tags",), {"team": "vision"}),
        (r"spec.tags.a\.b=c", ("tags",), {"a.b": "c"}),
        ("spec.output.format=CSV", ("output", "format"), "CSV"),
        ("spec.environment.env[0].name=A", ("environment", "env", 0, "name"), "A"),
        ("spec.description=two words", ("description",), "two words"),
        ("spec.description=", ("description",), ""),
        ("spec.source={imagePath: /app}", ("source", "image_path"), "/app"),
        ("spec.sideInputs[0]={name: x, path: y}", ("side_inputs", 0, "path"), "y"),
    ],
)
def test_set_puts_a_value_into_the_manifest(setting, path, value):
    here = load_manifest(with_spec(FILES), sets=[setting]).job.spec
    for part in path:
        here = here[part] if isinstance(part, int) else getattr(here, part)
    assert here == value


def test_later_settings_win_and_null_removes_a_field():
    text = with_spec(FILES + "  miniBatchSize: 3\n")
    assert load_manifest(text, sets=["spec.miniBatchSize=5", "spec.miniBatchSize=7"]).job.spec.mini_batch_files == 7
    assert load_manifest(text, sets=["spec.miniBatchSize=null"]).job.spec.mini_batch_size is None


def test_a_setting_repairs_what_the_file_has_wrong():
    assert load_manifest(with_spec(FILES + "  nodeCount: none\n"), sets=["spec.nodeCount=1"]).job.spec.node_count == 1


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("spec.nodeCoumt=4", "Did you mean spec.nodeCount?"),
        ("nodeCount=4", "Did you mean spec.nodeCount?"),
        ("spec.inputs[0].path=x", "Did you mean spec.inputs[0].paths?"),
        ("spec.inputs[2].name=x", "The next one is [1]."),
        ("spec.inputs.paths=x", "spec.inputs is a list"),
        ("spec.nodeCount[0]=4", "spec.nodeCount is not a list"),
        ("spec.nodeCount.x=4", 'no field "x" in spec.nodeCount'),
        ("spec.nodeCount", "there is no '='"),
        ("=4", "there is no path before '='"),
        ("spec..nodeCount=4", "is not a path"),
        ("spec.=4", "is not a path"),
        ("spec.nodeCount=[", "the value is not YAML"),
        ("spec.qqq=1", "Fields: description, tags"),
    ],
)
def test_a_setting_that_cannot_be_is_an_error_that_says_what_can(setting, words):
    with pytest.raises(ManifestError, match=re.escape(words)) as caught:
        load_manifest(with_spec(FILES), sets=[setting])
    assert str(caught.value).startswith(f"--set {setting}")


def test_a_wrong_value_from_a_setting_is_shown_with_the_setting():
    with pytest.raises(ManifestProblems) as caught:
        load_manifest(with_spec(FILES), sets=["spec.nodeCount=0"])
    (problem,) = caught.value.problems
    assert (dotted(problem.path), problem.line, problem.source) == ("spec.nodeCount", None, "--set spec.nodeCount=0")
    assert str(caught.value).splitlines()[2] == "--set spec.nodeCount=0: spec.nodeCount: 0"
