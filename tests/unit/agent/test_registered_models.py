"""A script asks for a model by name: the newest is meant unless it says which."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from parallelrun.api.errors import InputError
from parallelrun.api.settings import JobSettings, ModelSettings
from parallelrun.leases.client import Leases
from parallelrun.leases.store import MemoryStore
from parallelrun_agent import registered_models
from parallelrun_agent.job import Job
from parallelrun_agent.storage.errors import Gone

REGISTERED = [
    ModelSettings("digits", "/digits/9", "9"),
    ModelSettings("digits", "/digits/10", "10"),
    ModelSettings("digits", "/digits/beta", "beta"),
    ModelSettings("other", "/other", "11"),
]


@pytest.mark.parametrize(("version", "path"), [(None, "/digits/10"), ("9", "/digits/9"), ("beta", "/digits/beta")])
def test_a_version_or_else_the_highest_number(version: str | None, path: str) -> None:
    found = registered_models.find(REGISTERED, "digits", version)
    assert found is not None
    assert found.path == path


def test_what_is_not_there_is_named_with_what_is() -> None:
    path, why = registered_models.unknown(REGISTERED[2:], "digits", "3")
    assert path is None
    assert why == (
        "there is no model 'digits' version 3, neither listed by the job nor registered (there are: "
        "digits version beta, other version 11).\nList it in the job: spec.models: [{name: digits, path: ...}]."
    )
    assert "there is no model 'digits', neither" in str(registered_models.unknown([], "digits", None)[1])


def answered(folder: Path, trouble: Exception | None = None) -> tuple[list[str | None], dict[str, str]]:
    """What a script is told that asks for a registered model in a store, and the models that the agent says it gave."""

    class Supplies:
        async def model(self, model: ModelSettings) -> ModelSettings:
            if trouble is not None:
                raise trouble
            return replace(model, path="/cache/models/far/2/far")

    far = ModelSettings("far", "s3://b/far", "2")
    settings = JobSettings("job", "uid", "score.py", [], registered_models=[far])
    job = Job(folder, settings, 0, "holder", Leases(MemoryStore()), folder)
    beats: list[dict[str, str]] = []

    async def beat() -> None:
        beats.append(dict(registered.given))

    async def asked_and_told_twice() -> list[str | None]:
        found = await registered.answer("far", None)
        await registered.tell()
        await registered.tell()
        return found

    registered = registered_models.RegisteredModels(job, Supplies(), beat)  # type: ignore[arg-type]
    found = asyncio.run(asked_and_told_twice())
    assert beats == ([registered.given] if registered.given else []), "told once, and only of what was given"
    return found, registered.given


def test_a_model_in_a_store_is_fetched_when_a_script_asks(tmp_path: Path) -> None:
    assert answered(tmp_path) == (["/cache/models/far/2/far", "2"], {"far": "2"})


@pytest.mark.parametrize("error", [InputError("its SHA-256 is another one"), Gone("s3://b/far", "it is not there")])
def test_a_model_that_cannot_be_had_is_told_to_the_script_and_does_not_end_the_agent(
    tmp_path: Path, error: Exception
) -> None:
    assert answered(tmp_path, error) == ([None, str(error)], {})
