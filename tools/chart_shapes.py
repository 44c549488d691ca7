"""Shapes of the chart's values that a default cannot tell: closed JSON schemas by the names that values.yaml uses.

What goes into objects of Kubernetes as it stands is closed as far down as its fields are few and stable; below that the
API server checks it.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_NAME = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
_QUANTITY: Schema = {"type": ["string", "integer", "number"], "pattern": "^[0-9.]+([eE][0-9]+|[numkKMGTPE]i?)?$"}
_STRING: Schema = {"type": "string"}
_INT_OR_PERCENT: Schema = {"type": ["integer", "string"], "minimum": 0, "pattern": "^[0-9]+%?$"}


def _closed(required: tuple[str, ...] = (), **properties: Schema) -> Schema:
    made: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return {**made, "required": list(required)} if required else made


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _map(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


def _words(*words: str) -> Schema:
    return {"type": "string", "enum": list(words)}


_LABELS = _map(_STRING)
_SELECTOR = _closed(
    matchLabels=_LABELS,
    matchExpressions=_list(
        _closed(
            ("key", "operator"),
            key=_STRING,
            operator=_words("In", "NotIn", "Exists", "DoesNotExist"),
            values=_list(_STRING),
        )
    ),
)
_AMOUNTS = _map(_QUANTITY)
_OPEN: Schema = {"type": "object", "description": "Checked by the API server."}

SHAPES: dict[str, Schema] = {
    "labels": _LABELS,
    "annotations": _LABELS,
    "names": _list({"type": "string", "pattern": _NAME}),
    "resources": _closed(requests=_AMOUNTS, limits=_AMOUNTS),
    "strategy": _closed(
        type=_words("RollingUpdate", "Recreate"),
        rollingUpdate=_closed(maxSurge=_INT_OR_PERCENT, maxUnavailable=_INT_OR_PERCENT),
    ),
    "tolerations": _list(
        _closed(
            key=_STRING,
            operator=_words("Exists", "Equal"),
            value=_STRING,
            effect=_words("NoSchedule", "PreferNoSchedule", "NoExecute"),
            tolerationSeconds={"type": "integer"},
        )
    ),
    "affinity": _closed(nodeAffinity=_OPEN, podAffinity=_OPEN, podAntiAffinity=_OPEN),
    "topologySpreadConstraints": _list(
        _closed(
            ("maxSkew", "topologyKey", "whenUnsatisfiable"),
            maxSkew={"type": "integer", "minimum": 1},
            topologyKey=_STRING,
            whenUnsatisfiable=_words("ScheduleAnyway", "DoNotSchedule"),
            labelSelector=_SELECTOR,
            matchLabelKeys=_list(_STRING),
            minDomains={"type": "integer", "minimum": 1},
            nodeAffinityPolicy=_words("Honor", "Ignore"),
            nodeTaintsPolicy=_words("Honor", "Ignore"),
        )
    ),
    "peers": _list(
        _closed(
            podSelector=_SELECTOR,
            namespaceSelector=_SELECTOR,
            ipBlock=_closed(("cidr",), cidr=_STRING, **{"except": _list(_STRING)}),
        )
    ),
    "claims": _list(
        _closed(
            ("namespace", "size"),
            namespace={"type": "string", "pattern": _NAME},
            name={"type": "string", "pattern": _NAME, "default": "parallelrun"},
            size={"type": "string", "pattern": _QUANTITY["pattern"]},
            storageClassName={"type": "string", "description": 'Absent: the cluster\'s default. "": no class.'},
            accessModes={
                **_list(_words("ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")),
                "minItems": 1,
                "default": ["ReadWriteMany"],
            },
            volumeName={"type": "string", "description": "A PersistentVolume that exists."},
            selector=_SELECTOR,
            labels=_LABELS,
            annotations=_LABELS,
        )
    ),
}
