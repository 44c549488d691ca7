"""Compute: a registered ComputeTarget of the same name, with what is known of it."""

from __future__ import annotations

import re
from typing import Any

from parallelrun.importing.azureml.book import Book, reference
from parallelrun.importing.azureml.section import Section

_NOWHERE = ("local", "serverless", "aml_serverless")
_ABOUT = ("$schema", "type", "description", "tags", "location", "min_instances", "idle_time_before_scale_down",
          "identity", "ssh_settings", "ssh_public_access_enabled", "network_settings",
          "enable_node_public_ip")  # fmt: skip


def of(book: Book, section: Section, text: str) -> str:
    """The name of the ComputeTarget that ``text``, the value of ``section``, means; "" where it needs none."""
    text = text.strip()
    name = reference(text)[0]
    if text in _NOWHERE or name in _NOWHERE:
        section.mapped("nothing: any machine of the cluster will do")
        return ""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
        section.lost("nothing: the name is not understood", "Write computeTarget: NAME into pipeline.yaml.")
        return ""
    spec = _given(book.assets.get(("compute", name)))
    if spec is None:
        section.approximated(
            f"the ComputeTarget {name} in registered.yaml, without any demands",
            "For a cluster, add resources, nodeSelector or tolerations to it; on a laptop it means nothing.",
        )
    else:
        section.mapped(f"the ComputeTarget {name} in registered.yaml")
    about = f"Was {text}; resources and the like are to be added."
    book.register("ComputeTarget", name, spec or {"description": about})
    return name


def _given(asset: Section | None) -> dict[str, Any] | None:
    if asset is None:
        return None
    for key in (*_ABOUT, "name"):
        asset[key].seen()
    spec: dict[str, Any] = {}
    if asset["max_instances"]:
        spec["maxNodes"] = int(asset["max_instances"].value)
        asset["max_instances"].mapped(f"maxNodes: {spec['maxNodes']}")
    if asset["tier"]:
        spec["spot"] = str(asset["tier"].value).lower() in ("low_priority", "lowpriority")
        asset["tier"].mapped(f"spot: {str(spec['spot']).lower()}")
    if asset["size"]:
        asset["size"].approximated("description, for people", "Write resources.requests and limits in its place.")
        spec["description"] = f"Was {asset['size'].value}"
    return spec
