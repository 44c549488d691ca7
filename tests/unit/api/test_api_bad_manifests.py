"""Bad manifests: each problem has the right line, field and rule, and an example that repairs it."""

import re

import pytest
import yaml

from parallelrun.api import checks
from parallelrun.api.errors import ManifestError
from parallelrun.api.manifest import load_manifest
from parallelrun.api.problems import ManifestProblems, Problem, dotted
from parallelrun.api.shape import without_nulls

BASE = """\
apiVersion: parallelrun.dev/v1alpha1
kind: ParallelRunJob
metadata: {name: mnist}
spec:
  source: {directory: ./code}
  entryScript: score.py
  arguments: []
  environment: {}
  inputs:
  - name: images
    type: File
    paths: ["images/*.png"]
  sideInputs: []
  output: {}
"""

NAME = "  metadata: {name: mnist}"
SOURCE = "  source: {directory: ./code}"
SCRIPT = "  entryScript: score.py"
ARGUMENTS = "  arguments: []"
ENVIRONMENT = "  environment: {}"
TYPE = "    type: File"
PATHS = '    paths: ["images/*.png"]'
INPUTS = '  inputs:\n  - name: images\n    type: File\n    paths: ["images/*.png"]'
SIDE = "  sideInputs: []"
OUTPUT = "  output: {}"

# (what is replaced in BASE, by what: the line with "#!" is the one to be named, the field, what the rule says)
CASES = [
    ("metadata: {name: mnist}", "metadata: {name: Mnist} #!", "metadata.name", "lower-case"),
    ("metadata: {name: mnist}", "metadata: {name: mnist_1} #!", "metadata.name", "lower-case"),
    ("metadata: {name: mnist}", f"metadata: {{name: {'m' * 64}}} #!", "metadata.name", "at most 63"),
    ("metadata: {name: mnist}", "metadata: {} #!", "metadata.name", "is required"),
    ("metadata: {name: mnist}", "metadata: {name: 12} #!", "metadata.name", "must be of type string, not integer"),
    ("metadata: {name: mnist}", "metadata: {name: mnist, label: {a: b}} #!", "metadata.label", "did you mean labels?"),
    ("metadata: {name: mnist}", "metadata: {name: mnist, namespace: A_b} #!", "metadata.namespace", "lower-case"),
    (
        "apiVersion: parallelrun.dev/v1alpha1",
        "apiVersion: parallelrun.dev/v1 #!",
        "apiVersion",
        "parallelrun.dev/v1alpha1",
    ),
    (SOURCE, "  source: {} #!", "spec.source", "exactly one of configMap"),
    (SOURCE, "  source: {directory: a, imagePath: /b} #!", "spec.source", "exactly one of configMap"),
    (SOURCE, "  source: {imagePath: app} #!", "spec.source.imagePath", "absolute path"),
    (SOURCE, "  source: {configmap: {name: a}} #!", "spec.source.configmap", "did you mean configMap?"),
    (SOURCE, "  source: {configMap: {name: A_b}} #!", "spec.source.configMap.name", "Kubernetes name"),
    (SOURCE, "  source: {configMap: mnist-code} #!", "spec.source.configMap", "must be of type object, not string"),
    (SOURCE, "  source: {claim: {name: code, path: ../x}} #!", "spec.source.claim.path", "without '..'"),
    (SOURCE, "  source: {git: {ref: main}} #!", "spec.source.git.url", "is required"),
    (SOURCE, "  source: ./code #!", "spec.source", "must be of type object, not string"),
    (SCRIPT, "  entryScript: /code/score.py #!", "spec.entryScript", "relative path"),
    (SCRIPT, "  entryScript: a/../../score.py #!", "spec.entryScript", "without '..'"),
    (SCRIPT, '  entryScript: "" #!', "spec.entryScript", "at least 1 character"),
    (SCRIPT, "  entryScript: [score.py] #!", "spec.entryScript", "must be of type string, not array"),
    (SCRIPT, "  entry_script: score.py #!", "spec.entry_script", "did you mean entryScript?"),
    (ARGUMENTS, "  arguments: --model mnist #!", "spec.arguments", "must be of type array, not string"),
    (ARGUMENTS, "  arguments:\n  - --count\n  - 5 #!", "spec.arguments[1]", "put it in quotes"),
    (ARGUMENTS, "  arguments:\n  - true #!", "spec.arguments[0]", "put it in quotes"),
    (ARGUMENTS, "  arguments:\n  - --x\n  - $(sideInputs.labels) #!", "spec.arguments[1]", "declares"),
    (ARGUMENTS, "  arguments:\n  - $(HOME)/x #!", "spec.arguments[0]", "$$(x)"),
    (ENVIRONMENT, "  environment: {pip: [numpy], conda: env.yml} #!", "spec.environment.conda", "at most one of pip"),
    (ENVIRONMENT, "  environment: {pip: numpy} #!", "spec.environment.pip", "must be of type array"),
    (
        ENVIRONMENT,
        "  environment: {imagePullPolicy: Sometimes} #!",
        "spec.environment.imagePullPolicy",
        '"IfNotPresent"',
    ),
    (ENVIRONMENT, "  environment: {requirements: /r.txt} #!", "spec.environment.requirements", "relative path"),
    (
        ENVIRONMENT,
        "  environment:\n    env:\n    - name: THREADS\n      value: 1 #!",
        "spec.environment.env[0].value",
        "put it in quotes",
    ),
    (
        ENVIRONMENT,
        "  environment:\n    env:\n    - {name: 1A, value: x} #!",
        "spec.environment.env[0].name",
        "not beginning with a digit",
    ),
    (
        ENVIRONMENT,
        "  environment:\n    env:\n    - {name: A, value: x, valueFrom: {fieldRef: {fieldPath: a}}} #!",
        "spec.environment.env[0].valueFrom",
        "cannot both be given",
    ),
    (
        ENVIRONMENT,
        "  environment:\n    env:\n    - {name: A, valueFrom: {}} #!",
        "spec.environment.env[0].valueFrom",
        "exactly one of configMapKeyRef",
    ),
    (ENVIRONMENT, "  environment: {envFrom: [{prefix: A_}]} #!", "spec.environment.envFrom[0]", "exactly one of"),
    (TYPE, "    type: file #!", "spec.inputs[0].type", 'supported values: "File", "Tabular", "MLTable"'),
    (TYPE, "    tpye: File #!", "spec.inputs[0].tpye", "did you mean type?"),
    (SIDE, "  reuseOf: [a, a] #!", "spec.reuseOf[1]", "given once"),
    (SIDE, "  reuseOf: [A_b] #!", "spec.reuseOf[0]", "Kubernetes name"),
    (INPUTS, "  inputs: [] #!", "spec.inputs", "at least one input"),
    (INPUTS, INPUTS.replace("  inputs:", "  runOnce: true\n  inputs: #!"), "spec.inputs", "runs once, in one process"),
    (
        f"{INPUTS}\n{SIDE}\n{OUTPUT}",
        "  runOnce: true\n  output: {path: there} #!",
        "spec.output.path",
        "runs once, in one process",
    ),
    (INPUTS, "  runOnce: true\n  nodeCount: 2 #!", "spec.nodeCount", "runs once, in one process"),
    (INPUTS, "  runOnce: true\n  processCountPerNode: 2 #!", "spec.processCountPerNode", "runs once, in one process"),
    (INPUTS, "  runOnce: true\n  miniBatchSize: 2 #!", "spec.miniBatchSize", "runs once, in one process"),
    (INPUTS, "  runOnce: true\n  partitionKeys: [a] #!", "spec.partitionKeys", "runs once, in one process"),
    (PATHS, '    path: ["images/*.png"] #!', "spec.inputs[0].path", "did you mean paths?"),
    (PATHS, "    paths: images #!", "spec.inputs[0].paths", "must be of type array"),
    (PATHS, "    paths:\n    - a\n    - ftp://x/y #!", "spec.inputs[0].paths[1]", "pvc://claim/path"),
    (PATHS, "    paths:\n    - pvc:/claim #!", "spec.inputs[0].paths[0]", "pvc://claim/path"),
    (PATHS, PATHS + "\n    mode: Stream #!", "spec.inputs[0].mode", '"Direct"'),
    (PATHS, PATHS + "\n    table: {separator: ';'} #!", "spec.inputs[0].table", "type Tabular only"),
    (PATHS, PATHS + "\n    allowEmpty: maybe #!", "spec.inputs[0].allowEmpty", "must be of type boolean, not string"),
    (PATHS, PATHS + "\n    partitionFormat: Store/Brand.csv #!", "spec.inputs[0].partitionFormat", "in braces"),
    (TYPE, "    type: Tabular\n    mode: Direct #!", "spec.inputs[0].mode", "type File only"),
    (
        TYPE,
        "    type: Tabular\n    table: {separator: abc} #!",
        "spec.inputs[0].table.separator",
        "longer than 1 character",
    ),
    (TYPE, "    type: Tabular\n    table: {separator: 'x'} #!", "spec.inputs[0].table.separator", "a quote"),
    (TYPE, "    type: Tabular\n    table: {format: xlsx} #!", "spec.inputs[0].table.format", '"parquet"'),
    (
        TYPE,
        "    type: Tabular\n    table: {format: jsonl, separator: ;} #!",
        "spec.inputs[0].table.separator",
        "csv only",
    ),
    (TYPE, "    type: Tabular\n    table: {encoding: utf-9} #!", "spec.inputs[0].table.encoding", "Python knows"),
    (TYPE, "    type: Tabular\n    table: {columns: {a: int}} #!", "spec.inputs[0].table.columns.a", '"int64"'),
    (TYPE, "    type: Tabular\n    table: {multiLine: true} #!", "spec.inputs[0].table.multiLine", "supportMultiLine"),
    (SIDE, "  sideInputs:\n  - {name: labels} #!", "spec.sideInputs[0].path", "is required"),
    (SIDE, "  sideInputs:\n  - {name: a b, path: x} #!", "spec.sideInputs[0].name", "made of letters"),
    (SIDE, "  sideInputs:\n  - {name: a, path: x}\n  - {name: a, path: y} #!", "spec.sideInputs[1].name", "only once"),
    (SIDE, "  sideInputs:\n  - {name: a, path: file:///x} #!", "spec.sideInputs[0].path", "configmap://name"),
    (SIDE, "  models:\n  - {name: a, path: x}\n  - {name: a, path: y} #!", "spec.models[1].name", "only once"),
    (SIDE, "  outputs:\n  - {name: a, path: https://x/y} #!", "spec.outputs[0].path", "without wildcards"),
    (SIDE, "  outputs: {a: x} #!", "spec.outputs", "must be of type array, not object"),
    (OUTPUT, "  output: {action: append_row} #!", "spec.output.action", '"AppendRow", "SummaryOnly"'),
    (OUTPUT, "  output: {appendRowFileName: a/b.txt} #!", "spec.output.appendRowFileName", "without folders"),
    (OUTPUT, "  output: {appendRowFileName: ..} #!", "spec.output.appendRowFileName", "without folders"),
    (OUTPUT, "  output: {appendRowFileName: _SUCCESS} #!", "spec.output.appendRowFileName", "uses itself"),
    (OUTPUT, "  output: {appendRowFileName: a.parquet} #!", "spec.output.appendRowFileName", "fit the format"),
    (
        OUTPUT,
        "  output: {format: Parquet, appendRowFileName: a.txt} #!",
        "spec.output.appendRowFileName",
        "fit the format",
    ),
    (OUTPUT, "  output: {format: csv} #!", "spec.output.format", '"Text", "CSV", "JSONL", "Parquet"'),
    (OUTPUT, "  output: {csv: {header: false}} #!", "spec.output.csv", "format CSV only"),
    (OUTPUT, "  output: {format: CSV, csv: {separator: '\"'}} #!", "spec.output.csv.separator", "one ASCII character"),
    (OUTPUT, "  output: {path: s3:bucket/x*} #!", "spec.output.path", "without wildcards"),
    (OUTPUT, "  miniBatchSize: 0 #!", "spec.miniBatchSize", "at least 1"),
    (OUTPUT, "  miniBatchSize: -1KB #!", "spec.miniBatchSize", '"10KB"'),
    (OUTPUT, "  miniBatchSize: 10KB #!", "spec.miniBatchSize", "counts files"),
    (OUTPUT, "  miniBatchSize: 1.5 #!", "spec.miniBatchSize", "must be of type integer or string, not number"),
    (OUTPUT, "  miniBatchSize: [10] #!", "spec.miniBatchSize", "must be of type integer or string, not array"),
    (OUTPUT, "  mini_batch_size: 10 #!", "spec.mini_batch_size", "did you mean miniBatchSize?"),
    (OUTPUT, "  partitionKeys: [Store] #!", "spec.partitionKeys[0]", "partitionFormat"),
    (OUTPUT, "  nodeCount: 0 #!", "spec.nodeCount", "should be greater than or equal to 1"),
    (OUTPUT, '  nodeCount: "2" #!', "spec.nodeCount", "must be of type integer, not string"),
    (OUTPUT, "  nodeCount: 2.5 #!", "spec.nodeCount", "must be of type integer, not number"),
    (OUTPUT, "  nodeCount: true #!", "spec.nodeCount", "must be of type integer, not boolean"),
    (OUTPUT, "  nodeCount: 5 #!\n  maxNodeCount: 4", "spec.nodeCount", "not be more than maxNodeCount"),
    (OUTPUT, "  nodeCoumt: 2 #!", "spec.nodeCoumt", "did you mean nodeCount?"),
    (OUTPUT, "  processCountPerNode: 0 #!", "spec.processCountPerNode", "greater than or equal to 1"),
    (OUTPUT, "  errorThreshold: -2 #!", "spec.errorThreshold", "greater than or equal to -1"),
    (
        OUTPUT,
        "  miniBatchErrorThreshold: 2147483648 #!",
        "spec.miniBatchErrorThreshold",
        "less than or equal to 2147483647",
    ),
    (OUTPUT, "  allowedFailedPercent: 101 #!", "spec.allowedFailedPercent", "less than or equal to 100"),
    (OUTPUT, "  allowedFailedPercent: .nan #!", "spec.allowedFailedPercent", "finite"),
    (
        OUTPUT,
        "  runInvocationTimeoutSeconds: 259201 #!",
        "spec.runInvocationTimeoutSeconds",
        "less than or equal to 259200",
    ),
    (OUTPUT, "  runMaxTry: 0 #!", "spec.runMaxTry", "greater than or equal to 1"),
    (OUTPUT, "  loggingLevel: info #!", "spec.loggingLevel", 'supported values: "WARNING", "INFO", "DEBUG"'),
    (OUTPUT, "  advanced: {profilingModule: yappi} #!", "spec.advanced.profilingModule", '"cProfile"'),
    (
        OUTPUT,
        "  advanced: {taskOverheadTimeout: 3} #!",
        "spec.advanced.taskOverheadTimeout",
        "taskOverheadTimeoutSeconds",
    ),
    (OUTPUT, "  resources: {limits: {memory: 4 GB}} #!", "spec.resources.limits.memory", "4Gi"),
    (OUTPUT, "  resources: {cpu: 2} #!", "spec.resources.cpu", "known here: requests, limits"),
    (OUTPUT, "  tolerations: [{operator: Equal}] #!", "spec.tolerations[0].operator", "operator Exists"),
    (
        OUTPUT,
        "  tolerations: [{key: a, operator: Exists, tolerationSeconds: 3}] #!",
        "spec.tolerations[0].tolerationSeconds",
        "NoExecute",
    ),
    (OUTPUT, "  tags: {runs: 3} #!", "spec.tags.runs", "put it in quotes"),
    (OUTPUT, "  rerunOf: {failedOnly: true} #!", "spec.rerunOf.name", "is required"),
    (OUTPUT, "  ttlSecondsAfterFinished: -1 #!", "spec.ttlSecondsAfterFinished", "greater than or equal to 0"),
    (OUTPUT, "  suspend: 'yes' #!", "spec.suspend", "must be of type boolean, not string"),
    (OUTPUT, "  volume: {claim: x} #!", "spec.volume.claim", "did you mean claimName?"),
    (OUTPUT, "  computeTarget: GPU pool #!", "spec.computeTarget", "made of letters"),
    (ENVIRONMENT, "  environment: {name: a b} #!", "spec.environment.name", "name:version"),
    (TYPE + "\n" + PATHS, "    dataset: a:b:c #!", "spec.inputs[0].dataset", "name@latest"),
    (TYPE + "\n" + PATHS, "    dataset: azureml:a@latest #!", "spec.inputs[0].dataset", "no azureml: before it"),
    (
        PATHS,
        PATHS + "\n    subset: {where: [{column: a, op: '==', value: 1}]} #!",
        "spec.inputs[0].subset",
        "no columns",
    ),
    (
        TYPE,
        "    type: Tabular\n    subset: {where: [{column: a, op: in}]} #!",
        "spec.inputs[0].subset.where[0].op",
        "in and notIn, which need some",
    ),
    (
        TYPE,
        "    type: Tabular\n    subset: {where: [{column: a, op: isNull, value: 1}]} #!",
        "spec.inputs[0].subset.where[0].value",
        "isNull and notNull have none",
    ),
    (
        TYPE,
        "    type: Tabular\n    subset: {where: [{column: a, op: '<', value: [1]}]} #!",
        "spec.inputs[0].subset.where[0].value",
        "must be of type string or integer or number or boolean, not array",
    ),
    (
        PATHS,
        PATHS + "\n    subset: {sample: {fraction: 0}} #!",
        "spec.inputs[0].subset.sample.fraction",
        "greater than 0",
    ),
    (PATHS, PATHS + "\n    subset: {take: -1} #!", "spec.inputs[0].subset.take", "greater than or equal to 0"),
    (SIDE, "  models:\n  - {name: m, version: 2} #!", "spec.models[0].version", "put it in quotes"),
    (SIDE, "  models:\n  - {name: m, sha256: abc} #!", "spec.models[0].sha256", "64"),
    (OUTPUT, "extra: {} #!", "extra", "known here: apiVersion, kind, metadata, spec, status"),
]


def problems_of(text: str) -> tuple[Problem, ...]:
    with pytest.raises(ManifestProblems) as caught:
        load_manifest(text, name="job.yaml")
    return caught.value.problems


@pytest.mark.parametrize(("old", "new", "field", "words"), CASES, ids=[f"{c[2]}-{n}" for n, c in enumerate(CASES)])
def test_a_problem_has_its_line_field_and_rule_and_an_example_that_repairs_it(repairs, old, new, field, words):
    assert BASE.count(old) == 1
    text = BASE.replace(old, new)
    (problem,) = problems_of(text)
    assert dotted(problem.path) == field
    assert problem.line == next(n for n, line in enumerate(text.splitlines(), 1) if "#!" in line)
    assert words in problem.rule
    if "unknown field; known here" in problem.rule:
        return  # nothing is near enough to give an example of
    document = without_nulls(yaml.safe_load(text))
    assert any(not checks.problems(candidate) for candidate in repairs(document, problem)), problem.example


def test_the_base_of_the_table_is_right():
    assert load_manifest(BASE).job.metadata.name == "mnist"


def test_the_report_shows_file_line_field_value_rule_and_example():
    with pytest.raises(ManifestError) as caught:
        load_manifest(BASE.replace(OUTPUT, "  nodeCount: 0"), name="job.yaml")
    assert str(caught.value) == (
        "job.yaml: 1 problem\n\njob.yaml:14: spec.nodeCount: 0\n    should be greater than or equal to 1\n"
        "    for example:  nodeCount: 2"
    )


def test_all_problems_are_reported_at_once_in_the_order_of_their_lines():
    text = BASE.replace(SCRIPT, "  entryScript: /x").replace(TYPE, "    type: file").replace(OUTPUT, "  nodeCount: 0")
    assert [dotted(problem.path) for problem in problems_of(text)] == [
        "spec.entryScript", "spec.inputs[0].type", "spec.nodeCount",
    ]  # fmt: skip


def test_a_bad_argument_does_not_hide_a_bad_reference():
    found = problems_of(BASE.replace(ARGUMENTS, "  arguments: [5, $(models.x)]"))
    assert [dotted(problem.path) for problem in found] == ["spec.arguments[0]", "spec.arguments[1]"]


def test_a_misspelt_required_field_is_one_problem_and_not_also_a_missing_one():
    (problem,) = problems_of(BASE.replace("entryScript", "entryscript"))
    assert dotted(problem.path) == "spec.entryscript"


def test_an_empty_required_field_is_missing():
    (problem,) = problems_of(BASE.replace(SCRIPT, "  entryScript:"))
    assert (dotted(problem.path), problem.rule, problem.line) == ("spec.entryScript", "is required", 6)


def test_a_report_of_many_problems_fits_on_a_screen():
    text = BASE + "".join(f"  unknown{n}: 1\n" for n in range(40))
    with pytest.raises(ManifestError) as caught:
        load_manifest(text)
    assert len(str(caught.value)) < 4000
    assert len(str(caught.value).splitlines()) <= 40
    shown = str(caught.value).count("unknown field")
    assert shown >= 3
    assert str(caught.value).endswith(f"... and {40 - shown} more")


def test_a_long_value_is_cut():
    (problem,) = problems_of(BASE.replace(SCRIPT, f"  entryScript: /{'x' * 500}"))
    assert max(len(line) for line in problem.render("job.yaml").splitlines()) < 130


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: b\n\tc: d\n", 2, "a tab"),
        ("a: b: c\n", 1, "a ':' stands where none may be"),
        ("a: [1, 2\nb: 3\n", 2, "a '[' is not closed"),
        ("a: {b: 1\nc: 3\n", 2, "a '{' is not closed"),
        ('a: 1\nb: "c\nd: e\n', 2, "a quote is not closed"),
        ("a: 1\n b: 2\n", 2, "a ':' stands where none may be"),
        ("a:\n  - b\n  c: d\n", 3, "a '-' is missing"),
        ("a:\n    b: 1\n  c: 2\n", 3, "does not belong"),
        ("a: 1\nb: [\n", 3, "a '[' or"),
        ("a: \x00b\n", 1, "a character that YAML does not allow"),
        ("a: *b\n", 1, "an alias"),
        ("a: @b\n", 1, "cannot start"),
        ("a: &x [*x]\n", 1, "endless"),
        ("a: 1\nb: " + "[" * 100_000 + "\n", 2, "inside each other"),
        ("a: 1\nb: " + "{a: " * 900 + "1" + "}" * 900 + "\n", 2, "inside each other"),
        ("- " * 3000 + "a\n", 1, "inside each other"),
    ],
)
def test_what_is_not_yaml_has_its_line_and_a_plain_sentence(text, line, words):
    (problem,) = problems_of(text)
    assert problem.rule.startswith("not YAML: ")
    assert words in problem.rule
    assert problem.line == line


def test_a_key_given_twice_is_an_error_that_names_both_lines():
    (problem,) = problems_of(BASE + "  entryScript: other.py\n")
    assert (dotted(problem.path), problem.line) == ("spec.entryScript", 15)
    assert "first on line 6" in problem.rule


def test_a_key_given_twice_is_an_error_in_other_documents_too():
    text = BASE + "---\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  a.py: x\n  a.py: y\n"
    (problem,) = problems_of(text)
    assert (dotted(problem.path), problem.line) == ("data.a.py", 20)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", None, "it is empty"),
        ("# only a comment\n", None, "it is empty"),
        ("kind: ConfigMap\nmetadata: {name: a}\n", None, "only ConfigMap"),
        ("apiVersion: x\nkind: ParalelRunJob\nspec: {}\n---\nkind: ConfigMap\n", 2, "did you mean ParallelRunJob?"),
        ("- a\n- b\n", 1, "a manifest is an object"),
        ("just text\n", 1, "a manifest is an object"),
        (BASE + "---\n" + BASE, 18, "a second ParallelRunJob"),
    ],
)
def test_a_file_without_exactly_one_job_says_what_is_there(text, line, words):
    with pytest.raises(ManifestProblems) as caught:
        load_manifest(text + "\n", name="job.yaml")
    (problem,) = caught.value.problems
    assert words in problem.rule
    assert problem.line == line


def test_one_document_without_a_kind_is_taken_for_the_job():
    text = BASE.replace("kind: ParallelRunJob\n", "")
    (problem,) = problems_of(text)
    assert (dotted(problem.path), problem.rule) == ("kind", "is required")


def test_a_job_of_another_kind_in_its_only_document_is_named():
    (problem,) = problems_of(BASE.replace("kind: ParallelRunJob", "kind: ParallelRun"))
    assert dotted(problem.path) == "kind"
    assert "ParallelRunJob" in problem.rule


def test_a_missing_file_names_its_nearest_neighbour(tmp_path):
    (tmp_path / "job.yaml").write_text(BASE)
    with pytest.raises(ManifestError, match=re.escape(f"Did you mean {tmp_path / 'job.yaml'}?")):
        load_manifest(tmp_path / "jobs.yaml")


def test_a_folder_is_no_manifest_but_its_manifests_are_named(tmp_path):
    (tmp_path / "job.yaml").write_text(BASE)
    with pytest.raises(ManifestError, match=r"It is a folder; give a file: .*job\.yaml"):
        load_manifest(tmp_path)


def test_text_that_is_not_utf8_is_named_with_its_line(tmp_path):
    path = tmp_path / "job.yaml"
    path.write_bytes(BASE.encode() + "# caf\xe9\n".encode("latin-1"))
    with pytest.raises(ManifestError, match=r"job\.yaml:15: the manifest is not UTF-8 text"):
        load_manifest(path)
