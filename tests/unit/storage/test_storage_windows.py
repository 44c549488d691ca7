"""Random access to an object: whatever is asked for, announced and forgotten, the bytes are the object's."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from store_servers import Box

from parallelrun_agent.storage import Storage, reading

DATA = random.Random(0).randbytes(5_000)
_PLACES = st.integers(0, len(DATA) + 10)
_LENGTHS = st.integers(0, 900)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), _PLACES, _LENGTHS),
        st.tuples(st.just("on"), st.just(0), _LENGTHS),
        st.tuples(st.just("some"), _PLACES, st.integers(1, 900)),
        st.tuples(st.just("expect"), _PLACES, _LENGTHS),
    ),
    max_size=30,
)


@pytest.fixture(scope="module")
def storage(servers: Callable[[str], Box]) -> tuple[Storage, str]:
    box = servers("https")
    box.write("x", DATA)
    return Storage([box.store]), f"{box.url}/x"


@given(_STEPS)
@hypothesis_settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_windows_never_mix(
    storage: tuple[Storage, str], monkeypatch: pytest.MonkeyPatch, steps: list[tuple[str, int, int]]
) -> None:
    for name, size in (("_FIRST", 16), ("_LARGEST", 256), ("_KEPT", 1_500)):
        monkeypatch.setattr(reading, name, size)
    reached = 0
    with storage[0].source(storage[1]) as source:
        for what, place, length in steps:
            at = reached if what == "on" else place
            if what == "expect":
                source.expect([(at, at + length), (at + 2 * length, at + 3 * length)])
            elif what == "some":
                found = source.some(at, length)
                assert DATA[at : at + length].startswith(found)
                assert found or at >= len(DATA)
            else:
                assert source.read(at, length) == DATA[at : at + length]
                reached = min(at + length, len(DATA))
