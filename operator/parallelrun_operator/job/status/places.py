"""Paths inside pods as people know them: on claims."""

from __future__ import annotations

from typing import Any

from parallelrun.api import pod_layout
from parallelrun.api.models.pod import DEFAULT_CLAIM


def job_folder_url(job: dict[str, Any]) -> str:
    """``pvc://claim/namespace/job-uid``: the job's folder."""
    metadata = job["metadata"]
    return f"pvc://{claim_of(job)}/{pod_layout.job_folder(metadata['namespace'], metadata['name'], metadata['uid'])}"


def claim_of(job: dict[str, Any]) -> str:
    """The claim that the job's folder is on; a compute target may name it, which status tells."""
    said = ((job.get("status") or {}).get("resolved") or {}).get("claim")
    return str(said or (job["spec"].get("volume") or {}).get("claimName") or DEFAULT_CLAIM)


def as_url(job: dict[str, Any], path: str) -> str:
    """``path`` as pvc://; unchanged where it is on no claim."""
    for root, url in ((pod_layout.JOB, job_folder_url(job)), (pod_layout.CLAIMS, "pvc:/")):
        if path == root or path.startswith(f"{root}/"):
            return url + path[len(root) :]
    return path
