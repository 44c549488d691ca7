"""Stores that are busy, slow, broken or closed: never a wrong byte, and an error that names object and datastore."""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fault_proxy import FaultProxy, Faults
from store_servers import AZURE_KEY, S3_KEY, S3_SECRET, Box, secret

from parallelrun.api.settings import StoreSettings
from parallelrun_agent.storage import Refused, Storage, StorageError, Unreachable
from parallelrun_agent.storage.fetching import PIECE

SECRETS = (AZURE_KEY, S3_SECRET)


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def proxied(box: Box, faults: Faults) -> Iterator[Storage]:
    """The box, through a proxy that does what ``faults`` say."""
    with FaultProxy(box.server_url, faults, keep_host=box.store.kind != "gcs") as proxy:
        yield Storage([box.behind(proxy.url)], patience=20)


def fetch(storage: Storage, url: str, target: Path, ranges: list[tuple[int, int]] | None = None) -> bytes:
    entry = storage.entry(url)
    assert entry is not None
    asyncio.run(storage.fetch(url, entry[1], entry[2], target, ranges))
    return target.read_bytes()


def test_requests_that_fail_now_and_then_give_the_same_bytes(
    box: Box, proxied: Storage, faults: Faults, tmp_path: Path
) -> None:
    content = {f"f{number}": random.Random(number).randbytes(40_000) for number in range(20)}
    for name, data in content.items():
        box.write(name, data)
    entries = {name: proxied.entry(f"{box.url}/{name}") for name in content}
    faults.busy = faults.throttled = faults.cut = 8

    async def fetch_all() -> None:
        await asyncio.gather(
            *(
                proxied.fetch(f"{box.url}/{name}", entry[1], entry[2], tmp_path / name)
                for name, entry in entries.items()
                if entry
            )
        )

    asyncio.run(fetch_all())
    assert {name: (tmp_path / name).read_bytes() for name in content} == content
    assert faults.broken > 0


def test_a_large_body_that_breaks_off_goes_on_where_it_was(
    box: Box, proxied: Storage, faults: Faults, tmp_path: Path
) -> None:
    data = random.Random(3).randbytes(PIECE + (1 << 20))
    box.write("large", data)
    faults.cut = 60
    assert fetch(proxied, f"{box.url}/large", tmp_path / "large") == data
    assert faults.broken > 0


def test_reading_for_a_plan_gets_the_same_bytes_through_faults(box: Box, proxied: Storage, faults: Faults) -> None:
    data = random.Random(4).randbytes(3 << 20)
    box.write("table", data)
    with proxied.source(f"{box.url}/table") as source, source.stream() as stream:
        faults.cut = faults.busy = 15
        assert stream.read() == data


def test_a_listing_through_faults_misses_nothing(bucket: Box, faults: Faults) -> None:
    names = [f"in/{number:04}" for number in range(40)]
    for name in names:
        bucket.write(name, b"")
    faults.busy = faults.cut = 25
    with FaultProxy(bucket.server_url, faults, keep_host=bucket.store.kind != "gcs") as proxy:
        storage = Storage([bucket.behind(proxy.url)], patience=20)
        for _ in range(3):
            assert {path for path, _, _ in storage.entries(bucket.url)} == {f"{bucket.url}/{n}".encode() for n in names}


def test_a_listing_of_many_pages_that_breaks_off_goes_on_without_a_gap(
    servers: Callable[[str], Box], faults: Faults
) -> None:
    box = servers("s3")
    assert box.folder is not None
    names = [f"{folder}/{number}" for folder in ("a", "a-b", "a.c", "b") for number in range(900)]
    for name in names:
        (box.folder / name).parent.mkdir(exist_ok=True)
        (box.folder / name).touch()
    faults.cut = 30
    with FaultProxy(box.server_url, faults) as proxy:
        storage = Storage([box.behind(proxy.url)], patience=20)
        for _ in range(4):
            listed = [path for path, _, _ in storage.entries(box.url)]
            assert sorted(listed) == sorted(f"{box.url}/{name}".encode() for name in names)
    assert faults.broken > 0


def test_uploads_through_faults_are_whole(writable: Box, faults: Faults, tmp_path: Path) -> None:
    data = random.Random(5).randbytes(20 << 20)
    (tmp_path / "x").write_bytes(data)
    faults.busy = 20
    with FaultProxy(writable.server_url, faults) as proxy:
        storage = Storage([writable.behind(proxy.url)], patience=20)
        storage.upload(tmp_path / "x", f"{writable.url}/x")
        assert storage.put(f"{writable.url}/owner", b"me", only_new=True)
    assert Storage([writable.store]).get(f"{writable.url}/x") == data


def test_a_store_that_goes_on_failing_is_unreachable_after_the_patience(
    servers: Callable[[str], Box], faults: Faults, tmp_path: Path
) -> None:
    box = servers("s3")
    box.write("x", b"x")
    entry = Storage([box.store]).entry(f"{box.url}/x")
    assert entry is not None
    faults.busy = 100
    with FaultProxy(box.server_url, faults) as proxy:
        storage = Storage([box.behind(proxy.url)], patience=0.5)
        with pytest.raises(Unreachable, match=rf"{box.url}/x \(datastore '{box.store.name}'\).*503"):
            asyncio.run(storage.fetch(f"{box.url}/x", entry[1], entry[2], tmp_path / "x"))
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_comes_back_is_waited_for(servers: Callable[[str], Box], faults: Faults, tmp_path: Path) -> None:
    box = servers("s3")
    box.write("x", b"content")
    entry = Storage([box.store]).entry(f"{box.url}/x")
    assert entry is not None
    faults.busy = 100
    before = len(faults.requests)

    def mend() -> None:
        deadline = time.monotonic() + 20
        while len(faults.requests) < before + 5 and time.monotonic() < deadline:
            time.sleep(0.01)
        faults.busy = 0

    mending = threading.Thread(target=mend)
    mending.start()
    with FaultProxy(box.server_url, faults) as proxy:
        storage = Storage([box.behind(proxy.url)], patience=20)
        asyncio.run(storage.fetch(f"{box.url}/x", entry[1], entry[2], tmp_path / "x"))
    mending.join()
    assert (tmp_path / "x").read_bytes() == b"content"


WRONG = {
    "s3": [
        {"accessKeyId": "nobody", "secretAccessKey": S3_SECRET},
        {"accessKeyId": "test-key", "secretAccessKey": "?"},
    ],
    "azureBlob": [{"accountKey": AZURE_KEY.replace("8", "9")}, {"accountKey": "no key"}],
}


@pytest.mark.parametrize("number", [0, 1])
def test_wrong_credentials_are_refused_at_once_and_name_the_datastore(
    guarded: Box, tmp_path: Path, number: int
) -> None:
    guarded.write("x", b"x")
    keys = WRONG[guarded.store.kind][number]
    storage = Storage([replace(guarded.store, credentials=secret(tmp_path / "secret", **keys))])
    asked = [
        lambda: list(storage.entries(guarded.url)),
        lambda: storage.entry(f"{guarded.url}/x"),
        lambda: storage.get(f"{guarded.url}/x"),
        lambda: storage.put(f"{guarded.url}/y", b""),
        lambda: asyncio.run(storage.fetch(f"{guarded.url}/x", 1, 1, tmp_path / "x")),
    ]
    for ask in asked:
        with pytest.raises(Refused) as caught:
            ask()
        assert f"datastore '{guarded.store.name}'" in caught.value.message
        assert "Secret of the Datastore" in caught.value.hint or "base64" in caught.value.hint
        shown = "".join(traceback.format_exception(caught.value))
        assert not any(one in shown for one in SECRETS)


def test_no_error_shows_a_shared_access_signature(servers: Callable[[str], Box], tmp_path: Path) -> None:
    box = servers("azureBlob")
    credentials = secret(tmp_path / "secret", sasToken="?sv=2021-12-02&sp=r&sr=c&sig=VERYSECRET%3D")
    storage = Storage([replace(box.store, credentials=credentials)], patience=0)
    with pytest.raises(Refused) as refused:
        list(storage.entries(box.url))
    with FaultProxy(box.server_url, Faults(busy=100)) as proxy:
        behind = replace(box.behind(proxy.url), credentials=credentials)
        with pytest.raises(Unreachable) as unreachable:
            Storage([behind], patience=0).get(f"{box.url}/x")
    for caught in (refused, unreachable):
        assert "VERYSECRET" not in "".join(traceback.format_exception(caught.value))


def test_a_bucket_that_does_not_exist_is_refused_at_once(guarded: Box, tmp_path: Path) -> None:
    storage = Storage([replace(guarded.store, bucket="nowhere")])
    for ask in (
        lambda: list(storage.entries(guarded.url)),
        lambda: storage.entry(f"{guarded.url}/x"),
        lambda: asyncio.run(storage.fetch(f"{guarded.url}/x", 1, 1, tmp_path / "x")),
        lambda: storage.put(f"{guarded.url}/x", b""),
    ):
        with pytest.raises(Refused, match="nowhere") as caught:
            ask()
        assert "name right?" in caught.value.hint


def test_an_endpoint_with_https_for_http_is_refused_at_once(writable: Box) -> None:
    secure = writable.store.endpoint.replace("http://", "https://")
    storage = Storage([replace(writable.store, endpoint=secure)])
    with pytest.raises(Refused, match=f"datastore '{writable.store.name}'") as caught:
        list(storage.entries(writable.url))
    assert "http://" in caught.value.hint


def test_an_endpoint_with_the_bucket_in_it_is_refused_by_name(servers: Callable[[str], Box]) -> None:
    box = servers("s3")
    storage = Storage([replace(box.store, endpoint=f"{box.store.endpoint}/{box.store.bucket}")])
    with pytest.raises(Refused, match=f"datastore '{box.store.name}'") as caught:
        list(storage.entries(box.url))
    assert "endpoint" in caught.value.hint


def test_an_endpoint_of_the_environment_may_be_one_without_tls(
    servers: Callable[[str], Box], monkeypatch: pytest.MonkeyPatch
) -> None:
    box = servers("s3")
    box.write("x", b"content")
    around = {"ENDPOINT_URL": box.store.endpoint, "ACCESS_KEY_ID": S3_KEY, "SECRET_ACCESS_KEY": S3_SECRET}
    for name, value in around.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    storage = Storage([replace(box.store, endpoint="", credentials="")])
    assert storage.get(f"{box.url}/x") == b"content"


def test_a_secret_without_its_keys_is_refused_with_the_keys_it_has(bucket: Box, tmp_path: Path) -> None:
    storage = Storage([replace(bucket.store, credentials=secret(tmp_path / "secret", password="x"))])
    with pytest.raises(Refused, match=f"Secret of datastore '{bucket.store.name}'.* has no ") as caught:
        storage.entry(f"{bucket.url}/x")
    assert caught.value.hint == "Its keys are 'password'."


def test_credentials_that_are_replaced_on_disk_are_taken_up(guarded: Box, tmp_path: Path) -> None:
    guarded.write("x", b"content")
    folder = tmp_path / "secret"
    storage = Storage([replace(guarded.store, credentials=secret(folder, **WRONG[guarded.store.kind][0]))])
    with pytest.raises(Refused):
        storage.get(f"{guarded.url}/x")
    for name in os.listdir(guarded.store.credentials):
        (folder / name).write_text((Path(guarded.store.credentials) / name).read_text())
    assert storage.get(f"{guarded.url}/x") == b"content"


def test_a_web_server_s_token_is_sent_and_a_wrong_one_refused(servers: Callable[[str], Box], tmp_path: Path) -> None:
    box = servers("https")
    box.write("x", b"content")
    box.server.token = "right"
    try:
        store = replace(box.store, anonymous=False, credentials=secret(tmp_path / "secret", token="wrong"))
        with pytest.raises(Refused, match="401"):
            Storage([store]).get(f"{box.url}/x")
        secret(tmp_path / "secret", token="right")
        assert Storage([store]).get(f"{box.url}/x") == b"content"
    finally:
        box.server.token = ""


def test_a_web_server_without_ranges_sends_whole_files(servers: Callable[[str], Box], tmp_path: Path) -> None:
    box = servers("https")
    data = random.Random(6).randbytes(PIECE + 100)
    box.write("x", data)
    box.server.is_simple = True
    try:
        storage = Storage([box.store])
        assert fetch(storage, f"{box.url}/x", tmp_path / "whole") == data
        assert fetch(storage, f"{box.url}/x", tmp_path / "part", [(5, 10)])[5:10] == data[5:10]
        with storage.source(f"{box.url}/x") as source, pytest.raises(StorageError, match="sends whole files only"):
            source.read(5, 5)
    finally:
        box.server.is_simple = False


def test_a_web_address_with_a_query_is_asked_with_it(
    servers: Callable[[str], Box], tmp_path: Path, faults: Faults
) -> None:
    box = servers("https")
    box.write("a b.txt", b"content")
    with FaultProxy(box.server_url, faults) as proxy:
        store = StoreSettings(url=proxy.url, kind="https", endpoint=proxy.url)
        url = f"{proxy.url}/{box.store.name}/a%20b.txt?sig=1%2F2"
        assert fetch(Storage([store]), url, tmp_path / "x") == b"content"
    assert {one.partition(" ")[2] for one in faults.requests} == {f"/{box.store.name}/a%20b.txt?sig=1%2F2"}


@pytest.mark.parametrize("status", ["forbidden", "unauthorized"])
def test_a_store_that_closes_refuses_and_opens_again(
    box: Box, proxied: Storage, faults: Faults, tmp_path: Path, status: str
) -> None:
    box.write("x", b"content")
    entry = proxied.entry(f"{box.url}/x")
    assert entry is not None
    setattr(faults, status, True)
    with pytest.raises(Refused, match=f"datastore '{box.store.name}'"):
        asyncio.run(proxied.fetch(f"{box.url}/x", entry[1], entry[2], tmp_path / "x"))
    setattr(faults, status, False)
    asyncio.run(proxied.fetch(f"{box.url}/x", entry[1], entry[2], tmp_path / "x"))
    assert (tmp_path / "x").read_bytes() == b"content"


def test_one_object_that_may_not_be_read_is_no_refusal_of_the_store(
    writable: Box, faults: Faults, tmp_path: Path
) -> None:
    writable.write("secret", b"x")
    writable.write("public", b"x")
    with FaultProxy(writable.server_url, faults) as proxy:
        storage = Storage([writable.behind(proxy.url)])
        entry = storage.entry(f"{writable.url}/secret")
        assert entry is not None
        faults.forbidden_path = "/secret"
        with pytest.raises(StorageError, match=r"/secret .*may not be read: 403") as caught:
            asyncio.run(storage.fetch(f"{writable.url}/secret", entry[1], entry[2], tmp_path / "x"))
        assert type(caught.value) is StorageError
        assert fetch(storage, f"{writable.url}/public", tmp_path / "x") == b"x"


def test_an_error_of_the_disk_is_no_error_of_the_store(box: Box, storage: Storage) -> None:
    box.write("x", b"content")
    entry = storage.entry(f"{box.url}/x")
    assert entry is not None
    with pytest.raises(OSError, match="/proc/nowhere"):
        asyncio.run(storage.fetch(f"{box.url}/x", entry[1], entry[2], Path("/proc/nowhere/x")))


@pytest.mark.parametrize("name", ["a//b", "x/./y", "new\nline"])
def test_an_object_whose_name_cannot_be_asked_for_is_no_silent_gap(servers: Callable[[str], Box], name: str) -> None:
    box = servers("gcs")
    box.write("in/good", b"x")
    box.write(f"in/{name}", b"x")
    with pytest.raises(StorageError, match="object with invalid path") as caught:
        list(Storage([box.store]).entries(f"{box.url}/in"))
    assert "Rename it" in caught.value.hint


def test_a_slow_server_is_waited_for_as_long_as_bytes_come(
    box: Box, proxied: Storage, faults: Faults, tmp_path: Path
) -> None:
    data = random.Random(7).randbytes(100_000)
    box.write("x", data)
    faults.bytes_per_second = 200_000
    assert fetch(proxied, f"{box.url}/x", tmp_path / "x") == data


def test_a_url_of_no_store_says_so() -> None:
    with pytest.raises(StorageError, match="datastore://nowhere/x belongs to no store"):
        Storage([]).entry("datastore://nowhere/x")
