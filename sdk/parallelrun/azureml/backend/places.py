"""Where in a datastore something is that has an absolute path, or a URL of another form."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from parallelrun.api.errors import InputError

if TYPE_CHECKING:
    from parallelrun.azureml.core.workspace import Workspace


def in_datastore(workspace: Workspace, datastore: str, place: str) -> str:
    """``place``, a path or URL, as a path in ``datastore``. Raises InputError where it is not in it."""
    spec = workspace._files.spec(datastore)
    roots = [f"datastore://{datastore}"]
    if spec.claim is not None:
        below = os.path.normpath(f"{spec.claim.name}/{spec.claim.path}")
        roots += [f"pvc://{below}", str(workspace._settings.volumes / below)]
    if spec.azure_blob is not None:
        blob = spec.azure_blob
        roots.append("/".join(part for part in (f"az://{blob.account}/{blob.container}", blob.prefix) if part))
    for root in roots:
        if place == root or place.startswith(f"{root}/"):
            return place[len(root) :].strip("/")
    raise InputError(f"{place} is not in the datastore {datastore}.", "Fetch it from there yourself.")
