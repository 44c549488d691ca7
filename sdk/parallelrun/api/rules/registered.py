"""The rules of the kinds that are registered by name: datastores, datasets, models, environments, compute targets."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from parallelrun.api.problems import Path
from parallelrun.api.rule import Rule, fields_that
from parallelrun.api.rules import inputs, names, pod, source, subset

_SPEC = ("spec",)
_STORES = ("s3", "azureBlob", "gcs", "https", "claim")
_ENDPOINT = "^https?://[^/?#@]+(/[^?#]*)?$"
_BUCKET = "^[^/?#*]+$"


_OBJECT_NAME = Rule(
    name="metadata-name",
    place=("metadata",),
    reads=("name",),
    message="metadata.name must be a Kubernetes name: lower-case letters, digits, '-' and '.'; a registered name of "
    "another kind goes to spec.name",
    example="name: mnist-datastore",
    broken=names.matches(names.SUBDOMAIN, "name"),
    only="the API server checks objects' names itself",
)


def _at(rule: Rule, place: tuple[str, ...], prefix: str) -> Rule:
    """A rule of a job's manifest, for another place."""
    return replace(rule, name=f"{prefix}-{rule.name}", place=place)


def _named(prefix: str, example: str) -> tuple[Rule, ...]:
    return (_OBJECT_NAME, names.registered_name(f"{prefix}-registered-name", _SPEC, "name", example))


def _matching(name: str, place: tuple[str, ...], field: str, pattern: str, message: str, example: str) -> Rule:
    return Rule(
        name=name,
        place=place,
        reads=(field,),
        message=message,
        example=f"{field}: {example}",
        cel=f"!has(self.{field}) || self.{field} == '' || self.{field}.matches('{pattern}')",
        broken=names.matches(pattern, field, empty=True),
    )


def _endpoint(store: str, field: str, example: str) -> Rule:
    return _matching(
        f"{store}-{field}",
        (*_SPEC, store),
        field,
        _ENDPOINT,
        f"{field} must be a URL that begins with http:// or https://, without a user, a query or a fragment",
        example,
    )


def _container(store: str, field: str, example: str) -> Rule:
    message = f"{field} is a name without '/', '?', '#' and '*'; folders in it are the prefix"
    return _matching(f"{store}-{field}", (*_SPEC, store), field, _BUCKET, message, example)


_NO_SECRET = Rule(
    name="anonymous-or-secret",
    place=_SPEC,
    reads=("anonymous", "secretRef"),
    message="anonymous and secretRef cannot both be given",
    example="anonymous: false",
    cel="!self.anonymous || !has(self.secretRef)",
    broken=fields_that(lambda spec: not spec["anonymous"] or "secretRef" not in spec, "anonymous"),
)

_CLAIM_NEEDS_NONE = Rule(
    name="claim-without-credentials",
    place=_SPEC,
    reads=("claim", "anonymous", "secretRef"),
    message="a claim has no credentials: neither secretRef nor anonymous can be given with it",
    example="{anonymous: false}",
    cel="!has(self.claim) || (!has(self.secretRef) && !self.anonymous)",
    broken=fields_that(
        lambda spec: "claim" not in spec or ("secretRef" not in spec and not spec["anonymous"]),
        "secretRef",
        "anonymous",
    ),
)

DATASTORE = (
    *_named("datastore", "mnist_datastore"),
    source.exactly_one("one-store", _SPEC, _STORES, "s3: {bucket: sales-data}"),
    _NO_SECRET,
    _CLAIM_NEEDS_NONE,
    _container("s3", "bucket", "sales-data"),
    _endpoint("s3", "endpoint", "http://minio.storage:9000"),
    _container("azureBlob", "account", "pipelinedata"),
    _container("azureBlob", "container", "sampledata"),
    _endpoint("azureBlob", "endpoint", "http://azurite:10000/devstoreaccount1"),
    _container("gcs", "bucket", "sales-data"),
    _endpoint("gcs", "endpoint", "http://fake-gcs:4443"),
    _endpoint("https", "url", "https://data.example.com/public"),
    names.object_name((*_SPEC, "claim"), "name", "claim", "parallelrun"),
    source.inside("datastore-claim-path", (*_SPEC, "claim"), "path", "sampledata"),
    names.object_name((*_SPEC, "secretRef"), "name", "secret", "sampledata-key"),
)

_RELATIVE = re.compile(r"^/|(^|/)\.\.(/|$)|://")


def _absolute_paths(spec: Any) -> Iterator[Path]:
    if "datastore" in spec:
        yield from (("paths", index) for index, text in enumerate(spec["paths"]) if _RELATIVE.search(text))


_IN_DATASTORE = Rule(
    name="dataset-paths-in-datastore",
    place=_SPEC,
    reads=("datastore", "paths"),
    message="paths in a datastore are relative to it: no URL, no '/' at the beginning, no '..'",
    example="{datastore: mnist_datastore, paths: ['mnist/*.png']}",
    broken=_absolute_paths,
    only="CEL on 1024 paths goes beyond the API server's cost limit",
)

DATASET = (
    *_named("dataset", "mnist"),
    names.version("dataset-version", _SPEC),
    names.registered_name("dataset-datastore", _SPEC, "datastore", "mnist_datastore"),
    _IN_DATASTORE,
    *(_at(rule, _SPEC, "dataset") for rule in inputs.SHARED),
    *(_at(rule, (*_SPEC, "table"), "dataset") for rule in inputs.TABLE),
    *subset.rules(_SPEC, "dataset-"),
)


MODEL = (
    *_named("model", "mnist"),
    names.version("model-version", _SPEC),
    inputs.place_rule("model-path", _SPEC, "path: pvc://models/mnist/"),
    names.sha256("model-sha256", _SPEC),
)

_IN_JOB = ("spec", "environment")
_OF_JOBS_ONLY = ("envFrom", "environment-reference")
_ENVIRONMENT_RULES = tuple(
    _at(rule, (*_SPEC, *rule.place[2:]), "environment")
    for rule in (*source.RULES, *names.RULES)
    if rule.place[:2] == _IN_JOB and not {*rule.place, rule.name} & {*_OF_JOBS_ONLY}
)

ENVIRONMENT = (
    *_named("environment", "scoring"),
    names.version("environment-version", _SPEC),
    *_ENVIRONMENT_RULES,
)

COMPUTE_TARGET = (
    *_named("compute-target", "gpu-pool"),
    names.object_name(_SPEC, "priorityClassName", "priority-class", "low"),
    names.object_name(_SPEC, "serviceAccountName", "service-account", "scoring"),
    _matching(
        "queue-name",
        _SPEC,
        "queueName",
        names.LABEL,
        "queueName must be a Kubernetes name: lower-case letters, digits and '-'",
        "gpu-queue",
    ),
    names.object_name((*_SPEC, "volume"), "claimName", "volume-claim", "parallelrun"),
    *(_at(rule, ("spec", *rule.place[1:]), "target") for rule in pod.RULES),
)
