"""Bad objects of the kinds that are registered by name: the field, the rule, and an example that repairs it."""

from typing import Any

import pytest

from parallelrun.api import checks
from parallelrun.api.kinds import BY_NAME, REGISTERED
from parallelrun.api.problems import dotted
from parallelrun.api.rule import broken_rules
from parallelrun.api.shape import with_defaults

Json = dict[str, Any]
S3: Json = {"s3": {"bucket": "b"}}
BLOB: Json = {"account": "a", "container": "c"}
FILES: Json = {"type": "File", "paths": ["a/"]}
TABLE: Json = {"type": "Tabular", "paths": ["a/"]}
KEY: Json = {"secretRef": {"name": "key"}}
OTHER: Json = {"valueFrom": {"configMapKeyRef": {"name": "A_b", "key": "k"}}}

# (kind, metadata.name, spec, the field, what the rule says)
CASES: list[tuple[str, str, Json, str, str]] = [
    ("Datastore", "my_lake", S3, "metadata.name", "goes to spec.name"),
    ("Datastore", "x", S3 | {"name": "a b"}, "spec.name", "made of letters"),
    ("Datastore", "x", {}, "spec", "exactly one of s3, azureBlob, gcs, https and claim"),
    ("Datastore", "x", S3 | KEY | {"anonymous": True}, "spec.anonymous", "cannot both be given"),
    ("Datastore", "x", {"claim": {"name": "c"}} | KEY, "spec.secretRef", "a claim has no credentials"),
    ("Datastore", "x", {"s3": {"bucket": "a/b"}}, "spec.s3.bucket", "folders in it are the prefix"),
    ("Datastore", "x", {"s3": {"bucket": "b", "endpoint": "minio"}}, "spec.s3.endpoint", "begins with http://"),
    ("Datastore", "x", {"azureBlob": BLOB | {"account": "a/b"}}, "spec.azureBlob.account", "without '/'"),
    ("Datastore", "x", {"azureBlob": BLOB | {"container": "*"}}, "spec.azureBlob.container", "without '/'"),
    ("Datastore", "x", {"azureBlob": BLOB | {"endpoint": "x"}}, "spec.azureBlob.endpoint", "begins with http://"),
    ("Datastore", "x", {"gcs": {"bucket": "a?"}}, "spec.gcs.bucket", "without '/'"),
    ("Datastore", "x", {"gcs": {"bucket": "a", "endpoint": "https://a?b"}}, "spec.gcs.endpoint", "a query"),
    ("Datastore", "x", {"https": {"url": "ftp://host"}}, "spec.https.url", "begins with http://"),
    ("Datastore", "x", {"claim": {"name": "A_b"}}, "spec.claim.name", "Kubernetes name"),
    ("Datastore", "x", {"claim": {"name": "a", "path": "/b"}}, "spec.claim.path", "relative path"),
    ("Datastore", "x", S3 | {"secretRef": {"name": "A_b"}}, "spec.secretRef.name", "Kubernetes name"),
    ("Datastore", "x", S3 | {"readonly": True}, "spec.readonly", "did you mean readOnly?"),
    ("Datastore", "x", {"azureBlob": {"account": "a"}}, "spec.azureBlob.container", "is required"),
    ("Dataset", "my_data", FILES, "metadata.name", "goes to spec.name"),
    ("Dataset", "x", FILES | {"name": "-a"}, "spec.name", "made of letters"),
    ("Dataset", "x", FILES | {"version": "a b"}, "spec.version", "made of letters"),
    ("Dataset", "x", FILES | {"version": 2}, "spec.version", "put it in quotes"),
    ("Dataset", "x", FILES | {"datastore": "a/b"}, "spec.datastore", "made of letters"),
    ("Dataset", "x", FILES | {"datastore": "a", "paths": ["b", "s3://c/d"]}, "spec.paths[1]", "relative to it"),
    ("Dataset", "x", FILES | {"paths": ["ftp://a/b"]}, "spec.paths[0]", "pvc://claim/path"),
    ("Dataset", "x", FILES | {"paths": []}, "spec.paths", "at least 1"),
    ("Dataset", "x", TABLE | {"mode": "Direct"}, "spec.mode", "type File only"),
    ("Dataset", "x", FILES | {"table": {}}, "spec.table", "type Tabular only"),
    ("Dataset", "x", FILES | {"partitionFormat": "a"}, "spec.partitionFormat", "in braces"),
    ("Dataset", "x", TABLE | {"table": {"separator": "a"}}, "spec.table.separator", "a quote"),
    ("Dataset", "x", TABLE | {"table": {"format": "jsonl", "separator": ";"}}, "spec.table.separator", "csv only"),
    ("Dataset", "x", TABLE | {"table": {"encoding": "utf-9"}}, "spec.table.encoding", "Python knows"),
    ("Dataset", "x", FILES | {"subset": {"where": [{"column": "a", "op": "isNull"}]}}, "spec.subset", "no columns"),
    (
        "Dataset",
        "x",
        TABLE | {"subset": {"where": [{"column": "a", "op": "=="}]}},
        "spec.subset.where[0].op",
        "which need one",
    ),
    (
        "Dataset",
        "x",
        TABLE | {"subset": {"where": [{"column": "a", "op": "<", "values": [1]}]}},
        "spec.subset.where[0].op",
        "in and notIn",
    ),
    ("Model", "my_model", {"path": "a"}, "metadata.name", "goes to spec.name"),
    ("Model", "x", {"path": "a", "name": "a b"}, "spec.name", "made of letters"),
    ("Model", "x", {"path": "a", "version": "/"}, "spec.version", "made of letters"),
    ("Model", "x", {"path": "ftp://a"}, "spec.path", "pvc://claim/path"),
    ("Model", "x", {"path": "a", "sha256": "A" * 64}, "spec.sha256", "in lower case"),
    ("Environment", "my_env", {}, "metadata.name", "goes to spec.name"),
    ("Environment", "x", {"name": "a b"}, "spec.name", "made of letters"),
    ("Environment", "x", {"version": ".1"}, "spec.version", "made of letters"),
    ("Environment", "x", {"pip": ["a"], "requirements": "r.txt"}, "spec.requirements", "at most one of pip"),
    ("Environment", "x", {"requirements": "/r.txt"}, "spec.requirements", "relative path"),
    ("Environment", "x", {"conda": "../c.yml"}, "spec.conda", "relative path"),
    ("Environment", "x", {"env": [{"name": "1"}]}, "spec.env[0].name", "not beginning with a digit"),
    ("Environment", "x", {"env": [{"name": "A", "valueFrom": {}}]}, "spec.env[0].valueFrom", "exactly one of"),
    (
        "Environment",
        "x",
        {"env": [{"name": "A", "value": "b", "valueFrom": {"fieldRef": {"fieldPath": "a"}}}]},
        "spec.env[0].valueFrom",
        "cannot both be given",
    ),
    (
        "Environment",
        "x",
        {"env": [{"name": "A"} | OTHER]},
        "spec.env[0].valueFrom.configMapKeyRef.name",
        "Kubernetes name",
    ),
    (
        "Environment",
        "x",
        {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "A_b", "key": "k"}}}]},
        "spec.env[0].valueFrom.secretKeyRef.name",
        "Kubernetes name",
    ),
    ("Environment", "x", {"imagePullSecrets": [{"name": "A_b"}]}, "spec.imagePullSecrets[0].name", "Kubernetes name"),
    ("ComputeTarget", "my_pool", {}, "metadata.name", "goes to spec.name"),
    ("ComputeTarget", "x", {"name": "a b"}, "spec.name", "made of letters"),
    ("ComputeTarget", "x", {"priorityClassName": "A_b"}, "spec.priorityClassName", "Kubernetes name"),
    ("ComputeTarget", "x", {"serviceAccountName": "A_b"}, "spec.serviceAccountName", "Kubernetes name"),
    ("ComputeTarget", "x", {"queueName": "a.b"}, "spec.queueName", "Kubernetes name"),
    ("ComputeTarget", "x", {"volume": {"claimName": "A_b"}}, "spec.volume.claimName", "Kubernetes name"),
    ("ComputeTarget", "x", {"resources": {"limits": {"cpu": "two"}}}, "spec.resources.limits.cpu", "a number"),
    ("ComputeTarget", "x", {"tolerations": [{"value": "a"}]}, "spec.tolerations[0].operator", "operator Exists"),
    (
        "ComputeTarget",
        "x",
        {"tolerations": [{"key": "a", "tolerationSeconds": 3}]},
        "spec.tolerations[0].tolerationSeconds",
        "NoExecute only",
    ),
    ("ComputeTarget", "x", {"maxNodes": 0}, "spec.maxNodes", "greater than or equal to 1"),
]


def made(kind: str, name: str, spec: Json) -> Json:
    return {"apiVersion": "parallelrun.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


@pytest.mark.parametrize(
    ("kind", "name", "spec", "field", "words"), CASES, ids=[f"{case[0]}-{case[3]}-{n}" for n, case in enumerate(CASES)]
)
def test_a_problem_has_its_field_and_rule_and_an_example_that_repairs_it(repairs, kind, name, spec, field, words):
    model, rules = BY_NAME[kind].model, BY_NAME[kind].rules
    document = made(kind, name, spec)
    (problem,) = checks.problems(document, model, rules)
    assert dotted(problem.path) == field
    assert words in problem.rule
    assert any(not checks.problems(one, model, rules) for one in repairs(document, problem)), problem.example


@pytest.mark.parametrize("kind", REGISTERED, ids=lambda kind: kind.name)
def test_every_rule_is_broken_by_one_of_them(kind):
    broken = set()
    for name, object_name, spec, _, _ in CASES:
        if name == kind.name:
            filled = with_defaults(kind.model, made(name, object_name, spec))
            malformed = {problem.path for problem in checks.problems(made(name, object_name, spec), kind.model, ())}
            broken |= {rule.name for rule, _ in broken_rules(kind.rules, filled, malformed)}
    assert broken == {rule.name for rule in kind.rules if rule.broken is not None}
