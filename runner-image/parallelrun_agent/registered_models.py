"""Which model a script means that asks for one by name, without its job listing it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence

from parallelrun.api import versions
from parallelrun.api.errors import InputError, ParallelRunError
from parallelrun.api.settings import ModelSettings
from parallelrun_agent.job import Job
from parallelrun_agent.supplies import Supplies

log = logging.getLogger(__name__)


class RegisteredModels:
    """Answers the scripts of one node; ``given`` are the names and versions of the models that they got."""

    def __init__(self, job: Job, supplies: Supplies, beat: Callable[[], Awaitable[None]]) -> None:
        """``beat`` tells the node's lease of all that there is to tell now."""
        self._job, self._supplies, self._beat = job, supplies, beat
        self.given: dict[str, str] = {}
        self._told: dict[str, str] = {}

    async def tell(self) -> None:
        """Have told of all that were given. Raises what a heartbeat does."""
        given = dict(self.given)
        if given != self._told:
            await self._beat()
            self._told = given

    async def answer(self, name: str, version: str | None) -> list[str | None]:
        """[path, version] or [None, why not], see ``parallelrun_worker.wire``; a model in a store is fetched."""
        try:
            registered = await self._registered(name, version)
            model = find(registered, name, version)
            if model is None:
                return unknown([*self._job.settings.models, *registered], name, version)
            model = await self._supplies.model(self._within_reach(model))
        except (ParallelRunError, OSError) as error:
            log.warning("model %s version %s was asked for: %s", name, version, error)
            return [None, self._job.shown(str(error))]
        self.given[name] = model.version
        log.info("model %s version %s was asked for: %s", name, model.version, model.path)
        return [model.path, model.version]

    async def _registered(self, name: str, version: str | None) -> Sequence[ModelSettings]:
        settings = self._job.settings
        if not settings.in_pod or find(settings.registered_models, name, version) is not None:
            return settings.registered_models
        from parallelrun_agent.pod import registered

        return [*settings.registered_models, *await registered.models(settings, name)]

    def _within_reach(self, model: ModelSettings) -> ModelSettings:
        if not self._job.settings.in_pod:
            return model
        from parallelrun_agent.pod import registered

        return registered.reachable(model, self._job.settings)


def find(registered: Sequence[ModelSettings], name: str, version: str | None) -> ModelSettings | None:
    """The registered model of that name and version (None: the newest, which is the highest number)."""
    found = [model for model in registered if model.name == name and version in (None, model.version)]
    return max(found, key=lambda model: versions.order(model.version), default=None)


def unknown(given: Sequence[ModelSettings], name: str, version: str | None) -> list[str | None]:
    """What the script's process is told, see ``parallelrun_worker.wire``: [None, why not]; ``given``: what there is."""
    known = ", ".join(sorted({f"{model.name} version {model.version}" for model in given})) or "none"
    wanted = repr(name) if version is None else f"{name!r} version {version}"
    told = InputError(
        f"there is no model {wanted}, neither listed by the job nor registered (there are: {known}).",
        f"List it in the job: spec.models: [{{name: {name}, path: ...}}].",
    )
    return [None, str(told)]
