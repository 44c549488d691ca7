"""Where pods run: what Kubernetes would refuse in a pod anyway, refused before there is one."""

import re
from collections.abc import Iterator
from typing import Any

from parallelrun.api.models.pod import QUANTITY
from parallelrun.api.problems import Path
from parallelrun.api.rule import ITEMS, Rule, fields_that

_TOLERATION = ("spec", "tolerations", ITEMS)
_KINDS = ("requests", "limits")


def _bad_quantities(resources: Any) -> Iterator[Path]:
    for kind in _KINDS:
        for name, value in resources[kind].items():
            good = value >= 0 if isinstance(value, int) else re.fullmatch(QUANTITY, value) is not None
            if not good:
                yield (kind, name)


_QUANTITIES = Rule(
    name="quantities",
    place=("spec", "resources"),
    reads=_KINDS,
    message="a quantity is a number with or without a unit of Kubernetes: 2, 500m, 4Gi",
    example="requests: {cpu: 500m, memory: 4Gi}",
    broken=_bad_quantities,
    only="the schema has the pattern, as in Kubernetes' own; CEL on it goes beyond the API server's cost limit",
)

_OPERATOR = Rule(
    name="toleration-operator",
    place=_TOLERATION,
    reads=("key", "operator", "value"),
    message="a toleration with operator Exists has no value, and one without a key has operator Exists",
    example="{key: nvidia.com/gpu, operator: Exists}",
    cel="self.operator == 'Exists' ? self.value == '' : self.key != ''",
    broken=fields_that(
        lambda item: item["value"] == "" if item["operator"] == "Exists" else item["key"] != "", "operator"
    ),
)

_SECONDS = Rule(
    name="toleration-seconds",
    place=_TOLERATION,
    reads=("effect", "tolerationSeconds"),
    message="tolerationSeconds is for effect NoExecute only",
    example="{key: spot, operator: Exists, effect: NoExecute, tolerationSeconds: 300}",
    cel="!has(self.tolerationSeconds) || self.effect == 'NoExecute'",
    broken=fields_that(
        lambda item: "tolerationSeconds" not in item or item["effect"] == "NoExecute", "tolerationSeconds"
    ),
)

RULES = (_QUANTITIES, _OPERATOR, _SECONDS)
