"""Paths inside pods as people know them: on claims."""

from __future__ import annotations

from typing import Any

from parallelrun.api import pod_layout

_DEFAULT_CLAIM = "parallelrun"


def job_folder_url(job: dict[str, Any]) -> str:
    """``pvc://claim/namespace/job-uid``: the job's folder."""
    metadata = job["metadata"]
    claim = (job["spec"].get("volume") or {}).get("claimName", _DEFAULT_CLAIM)
    return f"pvc://{claim}/{pod_layout.job_folder(metadata['namespace'], metadata['name'], metadata['uid'])}"


def as_url(job: dict[str, Any], path: str) -> str:
    """``path`` as pvc://; unchanged where it is on no claim."""
    for root, url in ((pod_layout.JOB, job_folder_url(job)), (pod_layout.CLAIMS, "pvc:/")):
        if path == root or path.startswith(f"{root}/"):
            return url + path[len(root) :]
    return path
