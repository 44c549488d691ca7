"""The command line of the operator: one flag for each field of Config, so that a field cannot be forgotten here."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from parallelrun_operator.config import Config
from parallelrun_operator.job.settings.cache import usable

#: Fields that the Deployment sets by environment, since the downward API cannot write flags.
ENVIRONMENT = {"identity": "POD_NAME", "namespace": "POD_NAMESPACE", "pod_uid": "POD_UID"}
_CHOICES = {"log_level": ("DEBUG", "INFO", "WARNING"), "log_format": ("json", "plain")}
_HELP = {
    "runner_image": "image of the agent, and of workers where the job names none",
    "runner_pull_policy": "imagePullPolicy of the runner image",
    "runner_pull_secrets": "imagePullSecrets for the runner image, separated by commas",
    "agent_resources": "resources of the agent's container, as JSON",
    "worker_resources": "resources of the worker's container where a job says nothing, as JSON",
    "cache_size": "size of a pod's volume for what its agent fetches from object stores, such as 20Gi",
    "proxy": "http, https and none of the proxy that agents use, as JSON",
    "packages": "index, extraIndex, wheels, channelAlias and certificates of jobs' packages, as JSON",
    "spot": "nodeSelector and tolerations of jobs that ask for spot machines, as JSON",
    "run_as_user": "runAsUser of all containers; empty: the platform chooses",
    "run_as_group": "runAsGroup of all containers; empty: the platform chooses",
    "fs_group": "fsGroup of pods; empty: the platform chooses",
    "drain_seconds": "how long what runs may take to end when a pod is told to leave",
    "watch_namespaces": "namespaces whose jobs are run, separated by commas; empty: all",
    "namespace": "the operator's own namespace (leader election)",
    "identity": "name of this replica; one that no other has",
    "pod_uid": "uid of this replica's pod, which then owns its heartbeat objects",
    "workers": "how many jobs are looked at at a time",
    "port": "port of /healthz, /readyz and /metrics",
    "log_level": "least severe messages that are logged",
    "log_format": "json: one object a line; plain: for people",
    "kubeconfig": "kubeconfig file, outside of a cluster; empty: as kubectl finds it",
    "context": "context of the kubeconfig; empty: the current one",
}


def parse(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Config:
    """The Config of a command line; a wrong flag ends the process with status 2 and the reason."""
    parser = argparse.ArgumentParser(
        prog="parallelrun-operator",
        description="Runs ParallelRunJobs: watches them and what belongs to them, and makes the one fit the other.",
        allow_abbrev=False,
    )
    for field in dataclasses.fields(Config):
        flag = "--" + field.name.replace("_", "-")
        parser.add_argument(
            flag,
            dest=field.name,
            type=_READERS.get(field.name) or _reader(str(field.type)),
            default=_default(field, environment),
            choices=_CHOICES.get(field.name),
            help=_HELP[field.name],
        )
    return Config(**vars(parser.parse_args(arguments)))


def _default(field: dataclasses.Field[Any], environment: Mapping[str, str]) -> Any:
    if environment.get(ENVIRONMENT.get(field.name, "")):
        return environment[ENVIRONMENT[field.name]]
    if field.name == "identity":
        return f"{socket.gethostname()}-{os.getpid()}"
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default


def _reader(annotation: str) -> Any:
    return {
        "str": str,
        "int": int,
        "int | None": _number_or_none,
        "tuple[str, ...]": _names,
        "dict[str, Any]": _object,
    }[annotation]


def _size(text: str) -> str:
    usable(text)
    return text


def _number_or_none(text: str) -> int | None:
    return int(text) if text else None


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text or "{}")
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"not a JSON object: {text}")
    return value


#: Of flags that are more than their types tell.
_READERS: dict[str, Any] = {"cache_size": _size}
