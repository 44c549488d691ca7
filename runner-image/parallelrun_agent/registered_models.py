"""Which model a script means that asks for one by name, without its job listing it."""

from __future__ import annotations

from collections.abc import Sequence

from parallelrun.api.settings import ModelSettings


def find(registered: Sequence[ModelSettings], name: str, version: str | None) -> ModelSettings | None:
    """The registered model of that name and version (None: the newest, which is the highest number)."""
    found = [model for model in registered if model.name == name and version in (None, model.version)]
    return max(found, key=_age, default=None)


def answer(registered: Sequence[ModelSettings], name: str, version: str | None) -> list[str | None]:
    """What the script's process is told, see ``parallelrun_worker.wire``: [path, version], or [None, why not]."""
    model = find(registered, name, version)
    if model is not None:
        return [model.path, model.version]
    known = ", ".join(sorted({f"{m.name} version {m.version}" for m in registered})) or "none"
    wanted = repr(name) if version is None else f"{name!r} version {version}"
    return [None, f"there is no model {wanted} (registered: {known})"]


def _age(model: ModelSettings) -> tuple[int, str]:
    """Numbers come after words."""
    return (int(model.version), "") if model.version.isdecimal() else (-1, model.version)
