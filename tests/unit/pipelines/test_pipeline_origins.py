"""Which earlier runs of a step may be looked at for reuse."""

import pytest

from parallelrun.pipelines.reuse import given_the_same


@pytest.mark.parametrize(
    ("needed", "now", "then", "same"),
    [
        ((), {}, {}, True),
        (("a",), {"a": "job-1"}, {"a": "job-1", "b": "job-2"}, True),
        (("a",), {"a": "job-2"}, {"a": "job-1"}, False),
        (("a", "b"), {"a": "job-1", "b": "job-3"}, {"a": "job-1", "b": "job-2"}, False),
        (("a",), {"a": "job-1"}, {}, False),
        (("a",), {"a": ""}, {"a": ""}, False),
    ],
)
def test_every_step_that_it_needs_has_to_be_of_the_same_origin(needed, now, then, same):
    assert given_the_same(needed, now, then) is same
