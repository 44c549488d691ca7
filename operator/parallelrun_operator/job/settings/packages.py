"""Packages that a job asks for: where they come from, as the operator was told, and what else makes two jobs differ."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from parallelrun.api import pod_layout
from parallelrun.api.errors import ManifestError
from parallelrun.api.models import Environment, EnvVar
from parallelrun_operator.config import Config
from parallelrun_operator.job.settings.places import Place, Places

#: What the job's own variables for installers begin with.
_INSTALLERS = ("PIP_", "UV_", "CONDA_", "MAMBA_")
#: Of a ConfigMap with certificates, and where installers look for the bundle.
CERTIFICATES_KEY = "ca.crt"
_CERTIFICATES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@dataclass(frozen=True)
class Packages:
    """What a job's pods need to install its packages."""

    variables: dict[str, str]  # of the container that installs, below the job's own
    wheels: Place | None  # a folder of wheels
    certificates: str  # the ConfigMap that CERTIFICATES_KEY is in; "": none
    salt: str  # differs where the same list may come to something else: image, indexes


def of(environment: Environment, config: Config, image: str, places: Places) -> Packages | None:
    """None where the job asks for none. Raises ManifestError for wheels that the operator cannot mean."""
    if not (environment.pip or environment.requirements or environment.conda):
        return None
    told = config.packages
    wheels = _wheels(told["wheels"], places) if told["wheels"] else None
    own = [one.model_dump(by_alias=True) for one in environment.env if _is_installer_s(one)]
    differs = [image, told["index"], told["extraIndex"], told["channelAlias"], wheels and wheels.path, own]
    salt = hashlib.sha256(json.dumps(differs).encode()).hexdigest()
    return Packages(_variables(told, wheels), wheels, told["certificates"], salt)


def _wheels(text: str, places: Places) -> Place:
    where = "runner.packages.wheels of the operator"
    found = places.on_volume(where, text)
    if not found.claim:
        raise ManifestError(f"{where}: {text} is not on a claim.", "Put the wheels into a folder of one.")
    return found


def _is_installer_s(variable: EnvVar) -> bool:
    return variable.name.startswith(_INSTALLERS)


def _variables(told: dict[str, Any], wheels: Place | None) -> dict[str, str]:
    indexes = [told["index"], *told["extraIndex"].split()]
    trusted = [urlsplit(one).hostname or "" for one in indexes if one.startswith("http://")]
    found = {
        "PIP_INDEX_URL": told["index"],
        "PIP_EXTRA_INDEX_URL": told["extraIndex"],
        "PIP_TRUSTED_HOST": " ".join(trusted),  # whoever named it so meant it
        "PIP_FIND_LINKS": pod_layout.WHEELS if wheels else "",
        "PIP_NO_INDEX": "1" if wheels and not told["index"] else "",
        "CONDA_CHANNEL_ALIAS": told["channelAlias"],
        "MAMBA_CHANNEL_ALIAS": told["channelAlias"],
        "PIP_NO_CACHE_DIR": "1",  # it would be the node's disk, and nobody comes back for it
        "UV_NO_CACHE": "1",
        "CONDA_PKGS_DIRS": "/tmp/conda-packages",
        "MAMBA_ROOT_PREFIX": "/tmp/mamba",
    }
    if told["certificates"]:
        found |= dict.fromkeys(_CERTIFICATES, f"{pod_layout.CERTIFICATES}/{CERTIFICATES_KEY}")
    return {name: value for name, value in found.items() if value}
