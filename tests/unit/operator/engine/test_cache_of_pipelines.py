"""Pipelines, their runs and the jobs of these, as the cache keeps them: who owns whom, and who is woken."""

from __future__ import annotations

from typing import Any

from parallelrun.kube.resources import PARALLEL_RUN_JOBS, PIPELINE_RUNS, PIPELINES
from parallelrun_operator.cache import Cache, Key

Json = dict[str, Any]

RUN, JOB = Key("here", "run", "run-uid", PIPELINE_RUNS), Key("here", "job", "job-uid")
PIPELINE = Key("here", "digits", "digits-uid", PIPELINES)


def obj(name: str, *owners: str, version: int = 1, namespace: str = "here", **spec: object) -> Json:
    meta: Json = {"name": name, "namespace": namespace, "uid": f"{name}-uid", "resourceVersion": str(version)}
    return {"metadata": {**meta, "ownerReferences": [{"uid": f"{owner}-uid"} for owner in owners]}, "spec": spec}


def with_run(**spec: object) -> Cache:
    cache = Cache()
    assert cache.put(PIPELINE_RUNS, obj("run", **spec)) == {RUN}
    return cache


def test_a_change_of_a_job_wakes_the_run_that_owns_it() -> None:
    cache = with_run()
    assert cache.put(PARALLEL_RUN_JOBS, obj("job", "run")) == {JOB, RUN}
    assert cache.put(PARALLEL_RUN_JOBS, obj("job", "run", version=2)) == {JOB, RUN}
    assert cache.put(PARALLEL_RUN_JOBS, obj("job", "run", version=2)) == set()
    assert cache.discard(PARALLEL_RUN_JOBS, obj("job")["metadata"]) == {JOB, RUN}


def test_what_an_object_owns_is_known_whichever_came_first() -> None:
    cache = Cache()
    cache.put(PARALLEL_RUN_JOBS, obj("job", "run"))
    cache.put(PIPELINE_RUNS, obj("run"))
    assert list(cache.owned(RUN)) == [JOB]
    cache.discard(PARALLEL_RUN_JOBS, obj("job")["metadata"])
    assert cache.owned(RUN) == {}


def test_a_job_that_is_given_away_is_owned_no_more() -> None:
    cache = with_run()
    cache.put(PARALLEL_RUN_JOBS, obj("job", "run"))
    cache.put(PARALLEL_RUN_JOBS, obj("job", version=2))
    assert cache.owned(RUN) == {}


def test_a_pipeline_wakes_the_runs_of_its_namespace_that_name_it() -> None:
    cache = with_run(pipeline={"name": "digits"})
    cache.put(PIPELINE_RUNS, obj("other", pipeline={"name": "letters"}))
    assert cache.put(PIPELINES, obj("digits")) == {PIPELINE, RUN}
    assert cache.put(PIPELINES, obj("digits", namespace="there")) == {PIPELINE._replace(namespace="there")}


def test_a_run_wakes_the_runs_that_go_on_from_it() -> None:
    cache = with_run(rerunFailed={"name": "first"})
    first = Key("here", "first", "first-uid", PIPELINE_RUNS)
    assert cache.put(PIPELINE_RUNS, obj("first")) == {first, RUN}


def test_all_that_is_looked_at_has_a_key_that_names_its_kind() -> None:
    cache = with_run()
    cache.put(PARALLEL_RUN_JOBS, obj("run"))  # of the same name
    assert cache.keys() == {RUN, RUN._replace(kind=PARALLEL_RUN_JOBS)}
    assert cache.uid_of("here", "run", PIPELINES) is None
