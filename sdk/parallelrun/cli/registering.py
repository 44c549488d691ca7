"""From the words after `parallelrun register KIND NAME` to the ``spec`` of the object; pure."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from typing import Any

import yaml

from parallelrun.api import documents, store_urls
from parallelrun.api.errors import ManifestError

Json = dict[str, Any]

_COMPARED = re.compile(r"\s*(?P<column>.+?)\s*(?P<op>==|!=|<=|>=|<|>)\s*(?P<value>.*?)\s*")
_WORDED = re.compile(r"\s*(?P<column>\S+)\s+(?P<op>in|notIn|isNull|notNull)(?:\s+(?P<values>.+?))?\s*")
_GPU = "nvidia.com/gpu"


def spec_of(kind: str, args: argparse.Namespace) -> Json:
    """What was typed, as the object's ``spec`` without name and version. Raises ManifestError."""
    makers = {
        "datastore": _datastore,
        "dataset": _dataset,
        "model": _model,
        "environment": _environment,
        "compute": _compute,
    }
    common = {"description": args.description or None, "tags": pairs("--tag", args.tags)}
    made: Json = given({**common, **makers[kind](args)})
    return made


def given(value: Any) -> Any:
    """Without what was not said."""
    if isinstance(value, dict):
        kept = {key: given(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item is not None and item != [] and item != {}}
    return [given(item) for item in value] if isinstance(value, list) else value


def pairs(option: str, texts: Iterable[str]) -> dict[str, str]:
    """KEY=VALUE, several times. Raises ManifestError."""
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise ManifestError(f"{option} {text}: this is not NAME=VALUE.", f"Example: {option} team=vision")
        found[key] = value
    return found


def _datastore(args: argparse.Namespace) -> Json:
    url = _one(args, "the URL of the place", "parallelrun register datastore lake az://account/container")
    return {
        "readOnly": args.read_only or None,
        **_place(url, args),
        "secretRef": {"name": args.secret},
        "anonymous": args.anonymous or None,
    }


def _place(url: str, args: argparse.Namespace) -> Json:
    text = store_urls.canonical("URL", url)
    scheme, _, rest = text.partition("://")
    first, _, path = rest.partition("/")
    path = path.strip("/")
    if scheme == "s3":
        return {"s3": {"bucket": first, "prefix": path or None, "region": args.region, "endpoint": args.endpoint}}
    if scheme == "gs":
        return {"gcs": {"bucket": first, "prefix": path or None, "endpoint": args.endpoint}}
    if scheme == "az":
        container, _, prefix = path.partition("/")
        place = {"account": first, "container": container, "prefix": prefix or None, "endpoint": args.endpoint}
        return {"azureBlob": place}
    if scheme in ("https", "http"):
        return {"https": {"url": text.rstrip("/")}}
    if scheme == "pvc":
        return {"claim": {"name": first, "path": path or None}}
    raise ManifestError(
        f"{url} is no place for a datastore.",
        "Write s3://bucket/folder, az://account/container/folder, gs://bucket/folder, https://host/path or "
        "pvc://claim/folder.",
    )


def _dataset(args: argparse.Namespace) -> Json:
    if not args.what:
        raise ManifestError("Which files? Name one path or more.", "Example: parallelrun register dataset d a/*.csv")
    return {
        "type": args.type or "File",
        "datastore": args.datastore,
        "paths": list(args.what),
        "partitionFormat": args.partition_format,
        "table": {
            "format": args.format,
            "separator": args.separator,
            "header": False if args.no_header else None,
            "encoding": args.encoding,
        },
        "mode": args.mode,
        "allowEmpty": args.allow_empty or None,
        "subset": {
            "include": list(args.include),
            "exclude": list(args.exclude),
            "where": [condition(text) for text in args.where],
            "skip": args.skip,
            "take": args.take,
            "sample": None if args.sample is None else {"fraction": args.sample, "seed": args.seed},
        },
    }


def condition(text: str) -> Json:
    """``Store == 1001``, ``Store in 1001,1002`` or ``Store isNull``. Raises ManifestError."""
    if found := _COMPARED.fullmatch(text):
        return {"column": found["column"], "op": found["op"], "value": _value(found["value"])}
    if found := _WORDED.fullmatch(text):
        listed = [_value(one.strip()) for one in (found["values"] or "").split(",") if one.strip()]
        return {"column": found["column"], "op": found["op"], **({"values": listed} if listed else {})}
    raise ManifestError(
        f"--where {text}: this is no condition.", "Examples: 'Store == 1001', 'Brand in a,b', 'Price isNull'"
    )


def _value(text: str) -> Any:
    """As YAML reads it: a number, a boolean, or text."""
    try:
        value = documents.parse_value(text)
    except yaml.YAMLError:
        return text
    return value if isinstance(value, str | int | float) else text


def _model(args: argparse.Namespace) -> Json:
    path = _one(args, "the path or URL of its file or folder", "parallelrun register model mnist pvc://models/mnist")
    return {"path": path, "sha256": args.sha256}


def _environment(args: argparse.Namespace) -> Json:
    _none(args, "environment")
    return {
        "image": args.image,
        "pip": list(args.pip),
        "requirements": args.requirements,
        "conda": args.conda,
        "env": [{"name": name, "value": value} for name, value in pairs("--env", args.env).items()],
    }


def _compute(args: argparse.Namespace) -> Json:
    _none(args, "compute")
    limits: Json = dict(pairs("--limit", args.limit))
    if args.gpus is not None:
        limits[_GPU] = args.gpus
    return {
        "resources": {"requests": pairs("--request", args.request), "limits": limits},
        "nodeSelector": pairs("--node-selector", args.node_selector),
        "tolerations": [toleration(text) for text in args.toleration],
        "priorityClassName": args.priority_class,
        "serviceAccountName": args.service_account,
        "maxNodes": args.max_nodes,
        "queueName": args.queue,
        "spot": args.spot or None,
        "volume": {"claimName": args.claim},
    }


def toleration(text: str) -> Json:
    """``KEY[=VALUE][:EFFECT]``, as kubectl writes taints."""
    taint, _, effect = text.partition(":")
    key, equals, value = taint.partition("=")
    made = {"key": key, "operator": "Equal", "value": value} if equals else {"key": key, "operator": "Exists"}
    return {**made, "effect": effect or None}


def _one(args: argparse.Namespace, what: str, example: str) -> str:
    if len(args.what) != 1:
        count = "none" if not args.what else f"{len(args.what)} words"
        raise ManifestError(f"Give {what} after the name; there is {count}.", f"Example: {example}")
    return str(args.what[0])


def _none(args: argparse.Namespace, kind: str) -> None:
    if args.what:
        raise ManifestError(
            f"{args.what[0]}: nothing comes after the name.", f"See: parallelrun register {kind} --help"
        )
