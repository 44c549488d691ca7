"""Runs of pipelines on a real API server: jobs come and end, and a replica does what follows; whoever decides on jobs
does nothing here, so that tests can end them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from api_server import ApiServer
from pipeline_cluster import a_pipeline, a_run, job_step, script
from replicas import Decider, Json, Lab, install, lab, until

from parallelrun.kube import errors
from parallelrun.kube.resources import CRDS, PARALLEL_RUN_JOBS, PIPELINE_RUNS, PIPELINES, Resource
from parallelrun_operator import watches
from parallelrun_operator.cache import Cache, Key
from parallelrun_operator.job.actions import SetStatus
from parallelrun_operator.job.apply import Applier, Outdated
from parallelrun_operator.job.status.conditions import Told, holds, merged
from parallelrun_operator.job.world import World
from parallelrun_operator.metrics import Metrics
from parallelrun_operator.pipeline import look

SECONDS = 30.0
CHAIN = (script("prepare"), job_step("score", "prepare"), script("aggregate", "score"))


class Stage:
    """A namespace in which pipelines are applied."""

    def __init__(self, here: Lab) -> None:
        self.here = here

    async def create(self, obj: Json, **meta: Any) -> Json:
        made = {**obj, "metadata": {"name": obj["metadata"]["name"], "namespace": self.here.namespace, **meta}}
        return await self.here.kube.create(made)

    async def get(self, kind: Resource, name: str) -> Json | None:
        try:
            return await self.here.kube.get(kind, self.here.namespace, name)
        except errors.NotFound:
            return None

    async def job(self, step: str, run: str = "digits-1") -> Json:
        """The step's job, as soon as there is one."""
        return await self.soon(lambda: self.get(PARALLEL_RUN_JOBS, f"{run}-{step}"), f"a job of step {step}")

    async def run(self, true: Callable[[Json], object], what: str, name: str = "digits-1") -> Json:
        """The status of the run, as soon as ``true`` of it."""

        async def look() -> Json | None:
            run = await self.get(PIPELINE_RUNS, name)
            status: Json = (run or {}).get("status") or {}
            return status if true(status) else None

        return await self.soon(look, what)

    async def soon(self, look: Callable[[], Awaitable[Json | None]], what: str) -> Json:
        deadline = asyncio.get_running_loop().time() + SECONDS
        while (found := await look()) is None:
            assert asyncio.get_running_loop().time() < deadline, f"not within {SECONDS:g} s: {what}"
            await asyncio.sleep(0.05)
        return found

    async def end(self, step: str, run: str = "digits-1") -> None:
        """The step's job succeeds, as its operator would say it."""
        await self.job(step, run)
        told = {"Running": Told(False, "Done"), "Complete": Told(True, "Done")}
        status = {
            "phase": "Done",
            "conditions": merged((), told, 1, datetime.now(UTC)),
            "outputs": {"data": f"pvc://parallelrun/{run}/{step}"},
        }
        await self.here.kube.patch(
            PARALLEL_RUN_JOBS, self.here.namespace, f"{run}-{step}", {"status": status}, subresource="status"
        )


def on_stage(api_server: ApiServer, scenario: Callable[[Stage], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with lab(api_server) as here:
            await scenario(Stage(here))

    asyncio.run(whole())


def phases(status: Json) -> dict[str, str]:
    return {one["name"]: one["phase"] for one in status.get("steps") or ()}


def test_a_run_goes_on_from_step_to_step_through_operators_that_come_and_go(api_server: ApiServer) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.create(a_pipeline(*CHAIN))
        run = await stage.create(a_run())
        for step in ("prepare", "score", "aggregate"):
            async with stage.here.replica(Decider(), f"replica-{step}"):
                job = await stage.job(step)
                (owner,) = job["metadata"]["ownerReferences"]
                assert owner["uid"] == run["metadata"]["uid"]
                await stage.run(lambda status, step=step: phases(status).get(step) == "Running", f"{step} runs")
            await stage.end(step)  # while no operator is there
        async with stage.here.replica(Decider(), "last"):
            status = await stage.run(lambda status: holds(status, "Complete"), "the run is over")
        assert phases(status) == dict.fromkeys(("prepare", "score", "aggregate"), "Succeeded")
        score = await stage.job("score")
        assert score["spec"]["inputs"][0]["paths"] == ["pvc://parallelrun/digits-1/prepare"]

    on_stage(api_server, scenario)


def test_jobs_are_looked_at_as_soon_as_a_run_makes_them_and_the_run_as_soon_as_they_end(api_server: ApiServer) -> None:
    """What a process wrote itself, no watch tells it as new."""

    def done(world: World) -> tuple[SetStatus, ...]:
        if holds(world.job.get("status") or {}, "Complete"):
            return ()
        told = {"Running": Told(False, "Done"), "Complete": Told(True, "Done")}
        outputs = {"data": "pvc://parallelrun/x"}
        return (SetStatus({"phase": "Done", "conditions": merged((), told, 1, world.clock), "outputs": outputs}),)

    async def scenario(stage: Stage) -> None:
        steps = [script("s0"), *(script(f"s{number}", f"s{number - 1}") for number in range(1, 6))]
        async with stage.here.replica(Decider(done)):
            await stage.create(a_pipeline(*steps))
            await stage.create(a_run())
            await stage.run(lambda status: holds(status, "Complete"), "the run is over without its routine looks")

    on_stage(api_server, scenario)


def test_a_run_that_waits_for_its_pipeline_begins_when_that_is_applied(api_server: ApiServer) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.here.replica(Decider()):
            await stage.create(a_run())
            await stage.run(lambda status: holds(status, "Stalled"), "the run says what is missing")
            await stage.create(a_pipeline(*CHAIN))
            await stage.job("prepare")

    on_stage(api_server, scenario)


def test_suspending_and_cancelling_a_run_reach_its_jobs(api_server: ApiServer) -> None:
    async def scenario(stage: Stage) -> None:
        async def change(**spec: bool) -> None:
            await stage.here.kube.patch(PIPELINE_RUNS, stage.here.namespace, "digits-1", {"spec": spec})

        async def become(field: str, wanted: bool) -> None:
            async def look() -> Json | None:
                job = await stage.job("prepare")
                return job if bool(job["spec"].get(field)) is wanted else None

            await stage.soon(look, f"{field} of the job is {wanted}")

        async with stage.here.replica(Decider()):
            await stage.create(a_pipeline(*CHAIN))
            await stage.create(a_run())
            await stage.job("prepare")
            await change(suspend=True)
            await become("suspend", True)
            await change(suspend=False)
            await become("suspend", False)
            await change(cancel=True)
            await become("cancel", True)

    on_stage(api_server, scenario)


def test_a_later_run_is_told_the_earlier_one_s_jobs(api_server: ApiServer) -> None:
    async def scenario(stage: Stage) -> None:
        async with stage.here.replica(Decider()):
            await stage.create(a_pipeline(script("prepare")))
            await stage.create(a_run())
            await stage.end("prepare")
            await stage.run(lambda status: holds(status, "Complete"), "the first run is over")
            await stage.create(a_run("digits-2"))
            assert (await stage.job("prepare", "digits-2"))["spec"]["reuseOf"] == ["digits-1-prepare"]

    on_stage(api_server, scenario)


def test_what_the_api_server_refuses_of_a_job_fails_its_step(api_server: ApiServer) -> None:
    async def scenario(stage: Stage) -> None:
        await deny(stage, "Invalid", "images come from our registry")
        async with stage.here.replica(Decider()):
            await stage.create(a_pipeline(script("prepare")))
            await stage.create(a_run())
            status = await stage.run(lambda status: holds(status, "Failed"), "the run has failed")
            assert "step prepare: the API server refuses its job" in str(status["conditions"])
            assert "images come from our registry" in str(status["conditions"])

    on_stage(api_server, scenario)


def test_a_schedule_makes_the_run_whose_time_was_missed_once(api_server: ApiServer) -> None:
    async def scenario(stage: Stage) -> None:
        pipeline = await stage.create(a_pipeline(script("prepare"), schedule={"cron": "0 0 * * *"}))
        since = {
            "type": "Scheduled",
            "status": "True",
            "reason": "Scheduled",
            "message": "0 0 * * * (UTC)",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        patch = {"status": {"conditions": [since]}}
        await stage.here.kube.patch(PIPELINES, stage.here.namespace, "digits", patch, subresource="status")

        async def runs() -> list[str]:
            found, _ = await stage.here.kube.list_objects(PIPELINE_RUNS, stage.here.namespace)
            return [run["metadata"]["name"] for run in found]

        for replica in ("one", "two"):
            async with stage.here.replica(Decider(), replica):

                async def made() -> Json | None:
                    status = ((await stage.get(PIPELINES, "digits")) or {}).get("status") or {}
                    return status if status.get("lastScheduleTime") else None

                status = await stage.soon(made, "the schedule made a run")
                (name,) = await runs()
                assert status["active"] == [name]
            forgotten = {"status": {"lastScheduleTime": None}}  # as if it had died before it wrote that
            await stage.here.kube.patch(PIPELINES, stage.here.namespace, "digits", forgotten, subresource="status")
        run = await stage.get(PIPELINE_RUNS, name)
        assert run is not None
        (owner,) = run["metadata"]["ownerReferences"]
        assert owner["uid"] == pipeline["metadata"]["uid"]

    on_stage(api_server, scenario)


def test_a_status_that_was_decided_on_an_older_object_is_not_written(api_server: ApiServer) -> None:
    async def scenario(stage: Stage) -> None:
        run = await stage.create(a_run())
        cache, meta = Cache(), run["metadata"]
        cache.put(PIPELINE_RUNS, run)
        key = Key(meta["namespace"], meta["name"], meta["uid"], PIPELINE_RUNS)
        applier = Applier(stage.here.kube, cache, Metrics(), lambda: True)
        await stage.here.kube.patch(PIPELINE_RUNS, meta["namespace"], meta["name"], {"spec": {"suspend": True}})
        action = SetStatus({"phase": "Running"}, unchanged=True)
        with pytest.raises(Outdated):
            await applier.carry_out(key, (action,))
        there = await stage.get(PIPELINE_RUNS, meta["name"])
        assert there is not None
        assert (there.get("status") or {}).get("phase") is None
        await applier.carry_out(key, (action,))  # it was read again, and can be decided on anew
        there = await stage.get(PIPELINE_RUNS, meta["name"])
        assert there is not None
        assert there["status"]["phase"] == "Running"

    on_stage(api_server, scenario)


def test_jobs_are_run_before_the_api_server_knows_pipelines_and_these_as_soon_as_it_does(
    own_api_server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator may be newer than the definitions that are installed."""
    monkeypatch.setattr(watches, "KINDS_SECONDS", 0.3)

    async def scenario(stage: Stage) -> None:
        for kind in (PIPELINES, PIPELINE_RUNS):
            name = f"{kind.plural}.{kind.group}"
            await stage.here.kube.delete(CRDS, None, name)

            async def gone(kind: Resource = kind) -> Json | None:
                try:
                    await stage.here.kube.list_objects(kind, stage.here.namespace)
                except errors.NotFound:
                    return {}
                except errors.KubeError:
                    return None
                return None

            await stage.soon(gone, f"no {kind.plural}")
        decide = Decider()
        async with stage.here.replica(decide) as replica:
            job = await stage.here.job()
            await until(lambda: decide.last(job), "a look at the job")
            assert not replica.unhealthy()
            await install(own_api_server)
            await stage.create(a_pipeline(script("prepare")))
            await stage.create(a_run())
            await stage.job("prepare")

    on_stage(own_api_server, scenario)


def test_a_job_that_is_not_allowed_now_stalls_the_run_which_goes_on_when_it_is(
    api_server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A policy stands for a quota, which has the same answer and would need a controller that counts."""
    monkeypatch.setattr(look, "AGAIN_SECONDS", 4.0)

    async def scenario(stage: Stage) -> None:
        allow = await deny(stage, "Forbidden", "no room for more jobs")
        async with stage.here.replica(Decider()):
            await stage.create(a_pipeline(script("prepare")))
            await stage.create(a_run())
            status = await stage.run(lambda status: holds(status, "Stalled"), "the run says why it does not go on")
            assert "no room for more jobs" in str(status["conditions"])
            await allow()
            await stage.job("prepare")

    on_stage(api_server, scenario)


async def deny(stage: Stage, reason: str, message: str) -> Callable[[], Awaitable[object]]:
    """Make the API server take no jobs here, for that reason; what lets it take them again."""
    api, rules = "admissionregistration.k8s.io/v1", "/apis/admissionregistration.k8s.io/v1"
    name, kube = stage.here.namespace, stage.here.kube
    about = {"apiGroups": ["parallelrun.dev"], "apiVersions": ["*"], "resources": ["parallelrunjobs"]}
    spec = {
        "matchConstraints": {"resourceRules": [{**about, "operations": ["CREATE"]}]},
        "validations": [{"expression": "false", "message": message, "reason": reason}],
    }
    here = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}
    bound = {"policyName": name, "validationActions": ["Deny"], "matchResources": here}
    for kind, plural, value in (
        ("ValidatingAdmissionPolicy", "validatingadmissionpolicies", spec),
        ("ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", bound),
    ):
        obj = {"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": value}
        await kube.request("POST", f"{rules}/{plural}", body=obj)

    async def counts() -> Json | None:
        try:
            await stage.here.job("probe")
        except (errors.Forbidden, errors.Invalid):
            return {}
        await kube.delete(PARALLEL_RUN_JOBS, name, "probe")
        return None

    await stage.soon(counts, "the policy counts")
    return lambda: kube.request("DELETE", f"{rules}/validatingadmissionpolicybindings/{name}")
