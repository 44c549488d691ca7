"""What storage decides without any store: places, versions, patience, what errors mean."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from obstore.exceptions import GenericError, PermissionDeniedError

from parallelrun.api.settings import StoreSettings
from parallelrun_agent.storage import StorageError, errors, identity, places
from parallelrun_agent.storage.errors import Cause
from parallelrun_agent.storage.fetching import merged
from parallelrun_agent.storage.patience import Patience, Waiting

S3 = StoreSettings(url="s3://bucket", kind="s3", bucket="bucket")
DEEP = StoreSettings(url="datastore://sales", kind="s3", name="sales", bucket="bucket", prefix="a/b")
LONGER = StoreSettings(url="datastore://sales/2024", kind="s3", name="x", bucket="other")
WEB = StoreSettings(url="https://host", kind="https", endpoint="https://host")


@pytest.mark.parametrize(
    ("url", "store", "key", "query"),
    [
        ("s3://bucket/x/y z%20.csv", S3, "x/y z%20.csv", ""),
        ("s3://bucket", S3, "", ""),
        ("s3://bucket//x/./y/", S3, "x/y", ""),
        ("s3://bucket/a?b#c", S3, "a?b#c", ""),
        ("datastore://sales/x", DEEP, "a/b/x", ""),
        ("datastore://sales/2024/x", LONGER, "x", ""),
        ("datastore://sales/2024x", DEEP, "a/b/2024x", ""),
        ("https://host/a%20b.csv?sig=x%2F#part", WEB, "a b.csv", "sig=x%2F"),
    ],
)
def test_a_url_belongs_to_the_store_with_the_longest_url(url: str, store: StoreSettings, key: str, query: str) -> None:
    found = places.find([S3, LONGER, DEEP, WEB], url)
    assert (found.store, found.key, found.query) == (store, key, query)


def test_a_key_s_url_leads_back_to_it() -> None:
    place = places.find([DEEP], "datastore://sales/x/y")
    assert place.url_of(place.key) == "datastore://sales/x/y"
    assert place.url_of("a/b") == place.url_of("") == "datastore://sales"


@pytest.mark.parametrize("url", ["s3://bucket2/x", "gs://bucket/x", "datastore://sale/x"])
def test_a_url_of_another_bucket_is_an_error(url: str) -> None:
    with pytest.raises(StorageError, match="belongs to no store"):
        places.find([S3, DEEP, WEB], url)


def test_a_url_with_dots_leads_nowhere_else() -> None:
    with pytest.raises(StorageError, match=r'holds "\.\."'):
        places.find([DEEP], "datastore://sales/../secret")


def meta(**values: Any) -> Any:
    when = datetime(2026, 1, 31, 12, 0, 0, 250_000, tzinfo=UTC)
    return {"path": "x", "size": 10, "last_modified": when, "e_tag": None, "version": None} | values


def test_one_etag_is_one_version_however_it_is_written() -> None:
    written = ['"0x8D"', "0x8D", 'W/"0x8D"']
    assert len({identity.version(meta(e_tag=tag)) for tag in written}) == 1
    assert identity.version(meta(e_tag='"0x8E"')) != identity.version(meta(e_tag='"0x8D"'))


def test_without_an_etag_the_time_in_seconds_and_the_size_are_the_version() -> None:
    version = identity.version(meta())
    assert 0 <= version < 1 << 56
    assert identity.is_version(meta(last_modified=datetime(2026, 1, 31, 12, tzinfo=UTC)), version)
    assert identity.is_version(meta(e_tag='"told in other answers"'), version)
    assert not identity.is_version(meta(last_modified=datetime(2026, 1, 31, 12, 0, 1, tzinfo=UTC)), version)
    assert not identity.is_version(meta(size=11), version)


def test_patience_ends_after_its_seconds_and_begins_anew_with_progress() -> None:
    now = 0.0
    patience = Patience(60, clock=lambda: now)

    def tries() -> int:
        nonlocal now
        count = 0
        while (pause := patience.pause("x")) is not None:
            assert 0 < pause <= 15
            now += pause
            count += 1
        return count

    assert 5 < tries() < 20
    assert patience.lasted >= 60
    patience.progress()
    assert patience.lasted == 0
    assert 5 < tries() < 20


def answered(status: str, body: str = "") -> GenericError:
    return GenericError(f"Generic S3 error: GET http://x/y - Server returned non-2xx status code: {status}: {body}")


def unsent(source: str) -> GenericError:
    return GenericError(f"HTTP error: error sending request\n\nDebug source: {source}")


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (FileNotFoundError("Object at location x not found"), Cause.MISSING),
        (PermissionDeniedError("x"), Cause.REFUSED),
        (answered("404 Not Found", "<Code>NoSuchBucket</Code>"), Cause.MISSING),
        (answered("403 Forbidden"), Cause.REFUSED),
        (answered("401 Unauthorized"), Cause.REFUSED),
        (answered("400 Bad Request", "<Code>ExpiredToken</Code>"), Cause.REFUSED),
        (answered("400 Bad Request", "<Code>Whatever</Code>"), Cause.OTHER),
        (answered("416 Range Not Satisfiable"), Cause.CHANGED),
        (answered("503 Slow Down"), Cause.TRANSIENT),
        (answered("429 Too Many Requests"), Cause.TRANSIENT),
        (answered("301 Moved Permanently"), Cause.CLOSED),
        (unsent("dns error: Name or service not known"), Cause.CLOSED),
        (unsent("dns error: Temporary failure in name resolution"), Cause.TRANSIENT),
        (unsent("ConnectionRefused"), Cause.TRANSIENT),
        (unsent("InvalidMessage(InvalidContentType)"), Cause.CLOSED),
        (unsent('url: "http://host/certificate/redirect.csv"'), Cause.TRANSIENT),
        (GenericError("HTTP error: request or response body error"), Cause.TRANSIENT),
        (GenericError("Error performing GET http://169.254.169.254/latest: error sending request"), Cause.CLOSED),
        (ConnectionError("the connection ended at byte 3 of 5"), Cause.TRANSIENT),
        (GenericError("Could not parse path"), Cause.OTHER),
    ],
)  # fmt: skip
def test_what_an_error_of_the_library_means(error: Exception, cause: Cause) -> None:
    assert errors.cause(error) is cause


def test_messages_show_no_signature() -> None:
    error = GenericError(
        "Error performing GET https://x.blob/y?sv=1&sig=SECRET%3D in 3ms - HTTP error: sending request"
    )
    assert "SECRET" not in errors.said(error)
    assert "https://x.blob/y" in errors.said(error)


def test_an_error_names_a_web_address_without_its_query_and_any_other_object_whole() -> None:
    signed, key = "https://host/a.csv?sig=SECRET", "s3://bucket/what?.csv"
    assert errors.gone(WEB, signed).message == "https://host/a.csv?... is not there any more"
    assert errors.gone(S3, key).message == "s3://bucket/what?.csv is not there any more"


def test_of_what_a_server_says_the_first_line_is_shown_as_people_read_it() -> None:
    body = "<Code>Denied</Code><Message>the region &#34;x&#34; is wrong\nRequestId:1\nTime:2</Message>"
    assert errors.said(answered("403 Forbidden", body)) == '403 Forbidden (Denied: the region "x" is wrong)'


RANGES = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 60)).map(lambda one: (one[0], one[0] + one[1])))


@given(RANGES, st.integers(0, 50))
def test_merged_ranges_cover_what_was_wanted_apart_from_each_other(ranges: list[tuple[int, int]], near: int) -> None:
    found = merged(ranges, near)
    covered = {byte for start, stop in found for byte in range(start, stop)}
    assert {byte for start, stop in ranges for byte in range(start, stop)} <= covered
    assert all(after[0] - before[1] > near for before, after in itertools.pairwise(found))


def test_a_request_that_fails_for_a_while_is_told_of_until_something_comes() -> None:
    now = 0.0
    patience, waiting = Patience(300.0, clock=lambda: now), Waiting()
    patience.pause("x")
    waiting.failed(patience, "s3://bucket does not answer")
    assert waiting.text(3.0) == ""
    now = 3.0
    assert (waiting.text(3.0), waiting.text(30.0)) == ("s3://bucket does not answer", "")
    patience.progress()
    assert waiting.text(3.0) == ""
    patience.pause("x")
    now = 60.0
    assert waiting.text(30.0) == "s3://bucket does not answer"
    waiting.over(patience)
    assert waiting.text(30.0) == ""
