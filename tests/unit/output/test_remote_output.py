"""An output in an object store: one job's, whole or not at all, with ``_SUCCESS`` last."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from store_servers import SERVERS, Box
from written_job import Written, header, settings, write_job

from parallelrun.api.errors import OutputError
from parallelrun.api.settings import JobSettings
from parallelrun.leases.header import Phase
from parallelrun_agent import stall
from parallelrun_agent.output import finalize, remote
from parallelrun_agent.stall import Stall
from parallelrun_agent.storage import Storage, StorageError
from parallelrun_agent.storage.errors import Refused, Unreachable


@pytest.fixture(scope="module", params=["s3", "azureBlob", "gcs"])
def box(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with ExitStack() as stack:
        server = stack.enter_context(SERVERS[request.param](tmp_path_factory.mktemp("server")).running())
        yield server.box("results")


@pytest.fixture
def storage(box: Box) -> Storage:
    return Storage([box.store], patience=5)


def a_job(url: str, **fields: str) -> JobSettings:
    return replace(settings(path=url), **fields)  # type: ignore[arg-type]


def names(storage: Storage, url: str) -> list[str]:
    return sorted(path.decode().removeprefix(f"{url}/") for path, _, _ in storage.entries(url))


def test_what_is_merged_and_reported_is_put_and_success_comes_last(storage: Storage, box: Box, tmp_path: Path) -> None:
    url = f"{box.url}/one"
    job = a_job(url)
    write_job(tmp_path, {"0-a-0-0": [Written(0, b"zero\n"), Written(1, b"one\n")]})
    prepared = finalize.prepare(tmp_path, 2)
    finalize.commit(tmp_path, job, header(2, Phase.COMMITTING, prepared.sha256))
    for _ in range(2):  # as when the one who did it died before it could say so
        remote.claim(storage, url, job)
        assert "_SUCCESS" not in names(storage, url)
        remote.publish(storage, url, tmp_path, job)
        assert names(storage, url) == [
            "_OWNER",
            "job_result.json",
            "logs/processed_mini-batches.csv",
            "parallel_run_step.txt",
        ]
        remote.succeed(storage, url)
        assert "_SUCCESS" in names(storage, url)
    assert storage.get(f"{url}/parallel_run_step.txt") == b"zero\none\n"
    result = json.loads(storage.get(f"{url}/job_result.json") or b"")
    assert result["output"]["path"] == f"{url}/parallel_run_step.txt"


@pytest.mark.parametrize("looks", [[True], [False, True]])
def test_who_thaws_after_another_has_finished_leaves_its_success(storage: Storage, box: Box, looks: list[bool]) -> None:
    """Also one that was frozen between looking and removing."""
    url = f"{box.url}/four-{len(looks)}"
    remote.claim(storage, url, a_job(url))
    remote.succeed(storage, url)
    answers = iter(looks)
    remote.claim(storage, url, a_job(url), lambda: next(answers))
    assert names(storage, url) == ["_OWNER", "_SUCCESS"]


def test_another_jobs_output_is_refused_and_stays(storage: Storage, box: Box) -> None:
    url = f"{box.url}/two"
    remote.claim(storage, url, a_job(url, name="first"))
    remote.succeed(storage, url)
    with pytest.raises(OutputError, match=r"holds the output of another job: .*/first"):
        remote.claim(storage, url, a_job(url, name="second"))
    assert names(storage, url) == ["_OWNER", "_SUCCESS"]


def test_a_datastore_that_is_read_only_takes_no_output(box: Box) -> None:
    closed = Storage([replace(box.store, read_only=True)], patience=5)
    with pytest.raises(StorageError, match="is read-only"):
        remote.claim(closed, f"{box.url}/three", a_job(f"{box.url}/three"))


@pytest.mark.parametrize(
    ("path", "action", "url"),
    [
        ("s3://b/out/", "AppendRow", "s3://b/out"),
        ("datastore://results/out", "AppendRow", "datastore://results/out"),
        ("s3://b/out", "SummaryOnly", None),
        ("/volume/out", "AppendRow", None),
        (None, "AppendRow", None),
    ],
)
def test_which_outputs_go_to_a_store(path: str | None, action: str, url: str | None) -> None:
    assert remote.url_of(settings(path=path, action=action)) == url


@pytest.mark.parametrize("error", [Refused, Unreachable])
def test_a_store_that_refuses_is_waited_for(monkeypatch: pytest.MonkeyPatch, error: type[StorageError]) -> None:
    monkeypatch.setattr(stall, "RETRY_SECONDS", 0.01)
    pause, calls = Stall(), []

    def put() -> str:
        calls.append(pause.text)
        if len(calls) < 3:
            raise error("s3://b/x", "datastore 'results' refuses")
        return "done"

    assert asyncio.run(pause.run_on_stores(put)) == "done"
    assert calls == ["", "datastore 'results' refuses", "datastore 'results' refuses"]
    assert pause.text == ""
    with pytest.raises(error):
        asyncio.run(pause.run(lambda: calls.clear() or put()))  # type: ignore[func-returns-value]
