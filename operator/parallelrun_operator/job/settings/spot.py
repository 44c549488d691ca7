"""Where jobs run that ask for spot machines: what those carry is the operator's to know."""

from __future__ import annotations

from parallelrun.api.models import ParallelRunJob, Toleration
from parallelrun_operator.config import Config

#: Of a machine that may be taken away at any time, unless the operator was told what else it carries.
LABEL = "parallelrun.dev/spot"


def placed(job: ParallelRunJob, config: Config) -> ParallelRunJob:
    """``job`` on spot machines; its own node selector counts."""
    spec = job.spec
    labels = config.spot.get("nodeSelector") or {LABEL: "true"}
    taints = config.spot.get("tolerations") or [{"key": LABEL, "operator": "Exists"}]
    tolerations = [Toleration.model_validate(one, by_alias=True, by_name=False) for one in taints]
    changes = {
        "node_selector": {**labels, **spec.node_selector},
        "tolerations": [*spec.tolerations, *(one for one in tolerations if one not in spec.tolerations)],
    }
    return job.model_copy(update={"spec": spec.model_copy(update=changes)})
