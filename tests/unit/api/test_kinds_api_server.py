"""A real API server takes the definitions of all kinds, and refuses what `parallelrun validate` refuses."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from api_server import ApiServer, program

from parallelrun.api import checks, crd
from parallelrun.api.kinds import DEFINED

Json = dict[str, Any]
Kubectl = Callable[..., "subprocess.CompletedProcess[str]"]
ROOT = Path(__file__).parents[3]
SECRET = {"secretRef": {"name": "key"}}
S3: Json = {"s3": {"bucket": "b"}}
FILES: Json = {"type": "File", "paths": ["a/"]}
TABLE: Json = {"type": "Tabular", "paths": ["a/"]}
SCRIPT: Json = {"source": {"configMap": {"name": "code"}}, "entryScript": "a.py"}
A: Json = {"name": "a", "script": SCRIPT}
B: Json = {"name": "b", "dependsOn": ["a"], "job": {"entryScript": "b.py", "nodeCount": "$(params.nodes)"}}
#: (kind, spec, what is said; "": it is right)
SPECS: list[tuple[str, Json, str]] = [
    ("Datastore", S3 | SECRET, ""),
    ("Datastore", {"name": "mnist_datastore", "azureBlob": {"account": "a", "container": "c"}}, ""),
    ("Datastore", {"https": {"url": "https://example.com/data"}, "anonymous": True, "readOnly": True}, ""),
    ("Datastore", {}, "exactly one of s3"),
    ("Datastore", S3 | {"gcs": {"bucket": "b"}}, "exactly one of s3"),
    ("Datastore", S3 | SECRET | {"anonymous": True}, "cannot both be given"),
    ("Datastore", {"claim": {"name": "c"}} | SECRET, "a claim has no credentials"),
    ("Datastore", {"claim": {"name": "c", "path": "../other"}}, "without '..'"),
    ("Datastore", {"s3": {"bucket": "b/c"}}, "folders in it are the prefix"),
    ("Datastore", {"s3": {"bucket": "b", "endpoint": "minio:9000"}}, "begins with http"),
    ("Datastore", {"https": {"url": "https://user:password@example.com"}}, "without a user"),
    ("Datastore", {"name": "a b"} | S3, "made of letters"),
    ("Dataset", FILES | {"datastore": "mnist_datastore", "version": "2", "subset": {"take": 10}}, ""),
    ("Dataset", TABLE | {"subset": {"where": [{"column": "a", "op": "==", "value": 1.5}]}}, ""),
    ("Dataset", TABLE | {"subset": {"where": [{"column": "a", "op": "in", "values": [1, "x", True]}]}}, ""),
    ("Dataset", {"paths": ["a/"]}, "equired"),
    ("Dataset", FILES | {"table": {"separator": ";"}}, "type Tabular only"),
    ("Dataset", TABLE | {"mode": "Direct"}, "type File only"),
    ("Dataset", TABLE | {"table": {"separator": "x"}}, "separator must not be"),
    ("Dataset", FILES | {"subset": {"where": [{"column": "a", "op": "isNull"}]}}, "files have no columns"),
    ("Dataset", FILES | {"subset": {"sample": {"fraction": 0}}}, "greater than 0"),
    ("Dataset", FILES | {"version": "a b"}, "version must be made of"),
    ("Model", {"path": "az://account/models/mnist/", "sha256": "0" * 64}, ""),
    ("Model", {"path": "ftp://host/model"}, "a path is relative or absolute"),
    ("Model", {"path": "model/", "sha256": "A" * 64}, "64 hexadecimal digits"),
    ("Environment", {"image": "scoring:1", "pip": ["a"], "env": [{"name": "A", "value": "1"}]}, ""),
    ("Environment", {"pip": ["a"], "conda": "env.yml"}, "at most one of pip"),
    ("Environment", {"env": [{"name": "1A", "value": "1"}]}, "not beginning with a digit"),
    ("ComputeTarget", {"maxNodes": 4, "spot": True, "queueName": "gpus", "volume": {"claimName": "fast"}}, ""),
    ("ComputeTarget", {"maxNodes": 0}, "greater than or equal to 1"),
    ("ComputeTarget", {"queueName": "GPU"}, "queueName must be"),
    ("ComputeTarget", {"tolerations": [{"value": "x"}]}, "a toleration with"),
    ("ParallelRunPipeline", {"parameters": [{"name": "nodes", "type": "integer", "default": 2}], "steps": [A, B]}, ""),
    ("ParallelRunPipeline", {"steps": [A], "schedule": {"cron": "*/5 2 1,15 * MON-FRI"}}, ""),
    ("ParallelRunPipeline", {"steps": [A], "schedule": {"cron": "0 2 * *"}}, "five fields"),
    ("ParallelRunPipeline", {"steps": []}, "at least 1 items"),
    ("ParallelRunPipeline", {"steps": [B]}, "dependsOn must name steps"),
    ("ParallelRunPipeline", {"steps": [A, A]}, "each name in steps can be given only once"),
    ("ParallelRunPipeline", {"steps": [A | {"job": {}}]}, "exactly one of script and job"),
    ("ParallelRunPipeline", {"steps": [A], "parameters": [{"name": "a b"}]}, "made of letters"),
    ("ParallelRunPipelineRun", {"pipeline": {"name": "digits"}, "parameters": {"a": 1, "b": "x", "c": True}}, ""),
    ("ParallelRunPipelineRun", {"pipelineSpec": {"steps": [A]}}, ""),
    ("ParallelRunPipelineRun", {"pipelineSpec": {"steps": [A | {"name": "A"}]}}, "name must be made of lower-case"),
    ("ParallelRunPipelineRun", {}, "exactly one of pipeline and pipelineSpec"),
]


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """Calls kubectl where all definitions are applied."""
    with ApiServer(tmp_path_factory.mktemp("api-server")) as server:
        command = [program("kubectl"), "--kubeconfig", str(server.kubeconfig())]

        def run(*words: str, give: Json | None = None) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [*command, *words],
                input=None if give is None else json.dumps(give),
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )

        applied = run("apply", "--server-side", "-f", str(ROOT / "crds"))
        assert applied.returncode == 0, applied.stderr
        for made in crd.definitions().values():
            name = made["metadata"]["name"]
            run("wait", "--for=condition=Established", "--timeout=30s", f"crd/{name}").check_returncode()
        yield run


@pytest.mark.parametrize(("kind", "spec", "words"), SPECS, ids=[f"{kind}-{words}" for kind, _, words in SPECS])
def test_the_api_server_refuses_what_the_command_refuses_in_the_same_words(
    kubectl: Kubectl, kind: str, spec: Json, words: str
) -> None:
    made = {"apiVersion": "parallelrun.dev/v1alpha1", "kind": kind, "metadata": {"name": "x"}, "spec": spec}
    meant = next(one for one in DEFINED if one.name == kind)
    here = [problem.rule for problem in checks.problems(made, meant.model, meant.rules)]
    there = kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", give=made)
    if not words:
        assert here == []
        assert there.returncode == 0, there.stderr
        return
    assert any(words in rule for rule in here), here
    assert there.returncode != 0
    assert words in there.stderr


PROGRAM: Json = {"source": {"imagePath": "/app"}, "entryScript": "a.py", "runOnce": True}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, ""),
        ({"reuseOf": ["b", "c.d"]}, ""),
        ({"runOnce": False}, "inputs must hold at least one input"),
        ({"inputs": [{"name": "t"} | FILES]}, "runs once, in one process"),
        ({"nodeCount": 2}, "runs once, in one process"),
        ({"processCountPerNode": 2}, "runs once, in one process"),
        ({"errorThreshold": -1}, "runs once, in one process"),
        ({"allowedFailedPercent": 5}, "runs once, in one process"),
        ({"miniBatchSize": 2}, "runs once, in one process"),
        ({"partitionKeys": ["a"]}, "runs once, in one process"),
        ({"output": {"path": "pvc://a/b"}}, "runs once, in one process"),
        ({"reuseOf": ["b", "b"]}, "given once"),
        ({"reuseOf": ["B"]}, "Kubernetes name"),
    ],
    ids=str,
)
def test_of_programs_and_earlier_jobs_it_says_what_the_command_says(kubectl: Kubectl, more: Json, words: str) -> None:
    meta = {"name": "program"}
    job = {"apiVersion": "parallelrun.dev/v1alpha1", "kind": "ParallelRunJob", "metadata": meta, "spec": PROGRAM | more}
    here = [problem.rule for problem in checks.problems(job)]
    there = kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", give=job)
    assert any(words in rule for rule in here) if words else here == []
    assert (there.returncode == 0) is (words == "")
    assert words in there.stderr


def test_a_condition_of_a_job_cannot_change_after_its_creation(kubectl: Kubectl) -> None:
    """Though its value has no type in the schema, which hides it from expressions."""
    condition: Json = {"column": "a", "op": "==", "value": 1}
    table: Json = {"name": "t", "type": "Tabular", "paths": ["a/"], "subset": {"where": [condition]}}
    job = {
        "apiVersion": "parallelrun.dev/v1alpha1",
        "kind": "ParallelRunJob",
        "metadata": {"name": "filtered"},
        "spec": {"source": {"imagePath": "/app"}, "entryScript": "a.py", "inputs": [table]},
    }
    assert kubectl("create", "-f", "-", give=job).returncode == 0
    condition["value"] = "1"
    refused = kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", give=job)
    assert "inputs cannot change after the job was created" in refused.stderr


def test_a_run_of_a_pipeline_keeps_its_pipeline_also_where_the_schema_says_nothing_of_it(kubectl: Kubectl) -> None:
    job: Json = {"entryScript": "b.py"}
    run = {
        "apiVersion": "parallelrun.dev/v1alpha1",
        "kind": "ParallelRunPipelineRun",
        "metadata": {"name": "kept"},
        "spec": {"pipelineSpec": {"steps": [{"name": "a", "job": job}]}},
    }
    assert kubectl("create", "-f", "-", give=run).returncode == 0
    job["entryScript"] = "c.py"
    refused = kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", give=run)
    assert "pipelineSpec cannot change after the run was created" in refused.stderr
    job["entryScript"] = "b.py"
    run["spec"]["suspend"] = True
    assert kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", give=run).returncode == 0


def test_a_step_whose_code_is_on_a_laptop_is_refused(kubectl: Kubectl) -> None:
    script = SCRIPT | {"source": {"directory": "code"}}
    pipeline = {
        "apiVersion": "parallelrun.dev/v1alpha1",
        "kind": "ParallelRunPipeline",
        "metadata": {"name": "local"},
        "spec": {"steps": [{"name": "a", "script": script}]},
    }
    assert "a folder on your machine" in kubectl("create", "-f", "-", give=pipeline).stderr


def test_kubectl_explains_a_dataset_like_a_page_of_documentation(kubectl: Kubectl) -> None:
    said = kubectl("explain", "dataset.spec").stdout
    assert "A job takes it with inputs" in " ".join(said.split())
    for name in ("datastore", "paths", "subset", "partitionFormat", "version"):
        assert f"\n  {name}\t" in said
    assert "drawn at random" in kubectl("explain", "dataset.spec.subset").stdout


@pytest.mark.parametrize("kind", DEFINED, ids=lambda kind: kind.name)
def test_a_kind_has_a_short_name_and_is_shown_with_its_columns(kubectl: Kubectl, kind: Any) -> None:
    spec = next(spec for name, spec, words in SPECS if name == kind.name and not words)
    made = {"apiVersion": "parallelrun.dev/v1alpha1", "kind": kind.name, "metadata": {"name": "shown"}, "spec": spec}
    assert kubectl("create", "-f", "-", give=made).returncode == 0
    table = kubectl("get", kind.short_name).stdout.splitlines()
    assert table[0].split() == ["NAME", *(heading.upper() for heading, _, _ in kind.columns)]
    assert any(line.startswith("shown") for line in table[1:])
