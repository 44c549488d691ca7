"""What of a manifest results follow from, and the hash of that; pure.

All of spec counts but for what is named here: a field that is new counts until somebody says that it does not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parallelrun.api.models import ParallelRunJobSpec

#: To be raised when the same job would have other results from a new version on.
_VERSION = 1
_FOR_PEOPLE = ("description", "tags", "experiment")
_SOURCE = ("source",)  # its content counts, wherever it is
_HOW_MUCH_AT_ONCE = ("nodeCount", "maxNodeCount", "processCountPerNode")
_WHERE = ("volume", "computeTarget", "resources", "nodeSelector", "tolerations", "priorityClassName",
          "serviceAccountName")  # fmt: skip
_WHEN_IT_FAILS = ("errorThreshold", "miniBatchErrorThreshold", "allowedFailedPercent", "runInvocationTimeoutSeconds",
                  "runMaxTry", "advanced")  # fmt: skip
_LIFE = ("loggingLevel", "rerunOf", "reuseOf", "suspend", "cancel", "ttlSecondsAfterFinished")
LEFT_OUT = frozenset((*_FOR_PEOPLE, *_SOURCE, *_HOW_MUCH_AT_ONCE, *_WHERE, *_WHEN_IT_FAILS, *_LIFE))
#: Of parts of it.
_OF_OUTPUT = ("path", "keepSegments")
_OF_ENVIRONMENT = ("name", "imagePullPolicy", "imagePullSecrets")


def result_spec(spec: ParallelRunJobSpec) -> dict[str, Any]:
    """The part of ``spec``, in which registered names are resolved, that can change results."""
    kept = {key: value for key, value in spec.model_dump(mode="json", by_alias=True).items() if key not in LEFT_OUT}
    kept["output"] = {key: value for key, value in kept["output"].items() if key not in _OF_OUTPUT}
    kept["environment"] = {key: value for key, value in kept["environment"].items() if key not in _OF_ENVIRONMENT}
    kept["outputs"] = [one["name"] for one in kept["outputs"]]
    return kept


def result_hash(spec: ParallelRunJobSpec, name: str = "", variables: Mapping[str, str] | None = None) -> str:
    """The SHA-256 of :func:`result_spec`; "" where nobody here can tell what results follow from.

    ``name`` is the job's, which counts where arguments or variables have $(job.name). ``variables``: the values of all
    environment variables, before ``$(...)`` is replaced; None: those of ConfigMaps and Secrets are not known here.
    """
    kept = result_spec(spec)
    environment = spec.environment
    if variables is not None:
        kept["environment"] |= {"env": dict(variables), "envFrom": []}
    elif environment.env_from or any(one.value_from is not None for one in environment.env):
        return ""
    named = name if "$(job.name)" in json.dumps([kept["arguments"], kept["environment"]["env"]]) else ""
    text = json.dumps([_VERSION, named, kept], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
