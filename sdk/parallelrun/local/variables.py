"""Environment variables of the worker: ``environment.env`` and ``envFrom``, as far as a laptop can know them.

What comes from a Secret or from the pod has no value here. It is taken from the variable of the same name in the shell
that runs the job, which is how people hand a token to a local run anyway; where that is not set, the run is refused
rather than started with half of its environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from parallelrun.api import hints
from parallelrun.api.errors import ManifestError
from parallelrun.local.configmaps import ConfigMaps

if TYPE_CHECKING:
    from parallelrun.api.models import Environment, EnvVar


def listed(environment: Environment, config_maps: ConfigMaps, shell: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """(where in the manifest, name, value) in order, later ones win; ``$(...)`` is not replaced yet.

    Raises ManifestError for a value that cannot be known here.
    """
    found = []
    for number, source in enumerate(environment.env_from):
        where = f"spec.environment.envFrom[{number}]"
        if source.secret_ref is not None and not source.secret_ref.optional:
            raise ManifestError(
                f'{where}: the Secret "{source.secret_ref.name}" cannot be read by a local run.',
                "List its variables under env with valueFrom: their values then come from your shell.",
            )
        if source.config_map_ref is not None:
            content = _content(config_maps, source.config_map_ref.name, where, source.config_map_ref.optional)
            found += [(where, source.prefix + key, _text(where, key, data)) for key, data in content.items()]
    for number, variable in enumerate(environment.env):
        where = f"spec.environment.env[{number}]"
        value = _value(variable, where, config_maps, shell)
        if value is not None:
            found.append((f"{where}.value", variable.name, value))
    return found


def _value(variable: EnvVar, where: str, config_maps: ConfigMaps, shell: Mapping[str, str]) -> str | None:
    source = variable.value_from
    if source is None:
        return variable.value or ""
    if source.config_map_key_ref is not None:
        reference = source.config_map_key_ref
        content = _content(config_maps, reference.name, where, reference.optional)
        if reference.key in content:
            return _text(where, reference.key, content[reference.key])
        if reference.optional:
            return None
        raise ManifestError(
            f'{where}: the ConfigMap "{reference.name}" has no key "{reference.key}".',
            hints.known("key", reference.key, content),
        )
    if variable.name in shell:
        return shell[variable.name].replace("$(", "$$(")
    if source.secret_key_ref is not None and source.secret_key_ref.optional:
        return None
    raise ManifestError(
        f"{where}: the value of {variable.name} comes from {_kind(variable)}, which a local run cannot read.",
        f"Set it in the shell: export {variable.name}=...",
    )


def _kind(variable: EnvVar) -> str:
    source = variable.value_from
    return "a Secret" if source is not None and source.secret_key_ref is not None else "the pod"


def _content(config_maps: ConfigMaps, name: str, where: str, optional: bool) -> Mapping[str, bytes]:
    try:
        return config_maps.get(name, where)
    except ManifestError:
        if optional:
            return {}
        raise


def _text(where: str, key: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ManifestError(f"{where}: the key {key} is not text.", "Only text can be a variable's value.") from None
