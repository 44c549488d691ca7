"""The health checks that docs/how-to/gitops/ ships say what a job's conditions mean, in the tools' own languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import celpy
import pytest
import yaml
from celpy import celtypes
from lupa import lua51

from parallelrun.api import conditions
from parallelrun.api.models.metadata import API_VERSION

GITOPS = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "gitops"


def job(*true: str, generation: int = 3, observed: int = 3) -> dict[str, Any]:
    """A job of which these conditions are True and the others False, as the operator writes them."""
    found = [
        {"type": kind, "status": "True" if kind in true else "False", "reason": f"Why{kind}", "message": "so"}
        for kind in conditions.CONDITION_TYPES
    ]
    status = {"observedGeneration": observed, "phase": "Running", "progress": "12/90", "conditions": found}
    return {"metadata": {"name": "mnist", "generation": generation}, "spec": {}, "status": status}


NEW: dict[str, Any] = {"metadata": {"name": "mnist", "generation": 1}, "spec": {}}
CASES = {
    "not looked at yet": (NEW, "Progressing", "InProgress"),
    "spec not seen yet": (job(conditions.COMPLETE, observed=2), "Progressing", "InProgress"),
    "running": (job(conditions.RUNNING), "Progressing", "InProgress"),
    "complete": (job(conditions.COMPLETE), "Healthy", "Current"),
    "failed": (job(conditions.FAILED), "Degraded", "Failed"),
    "stalled": (job(conditions.RUNNING, conditions.STALLED), "Degraded", "Failed"),
    "suspended": (job(conditions.SUSPENDED), "Suspended", "Current"),
    "no condition is true": (job(), "Progressing", "InProgress"),
}


def argo(value: dict[str, Any]) -> dict[str, str]:
    """What Argo CD, which runs Lua 5.1 with the object as `obj`, makes of a job."""
    lua = lua51.LuaRuntime()
    lua.globals().obj = lua.table_from(value, recursive=True)
    return dict(lua.execute((GITOPS / "argocd-health.lua").read_text()))


def flux(value: dict[str, Any], kind: str = "ParallelRunJob") -> str:
    """What Flux makes of a job: an older generation is in progress; then failed and current, in this order."""
    status = value.get("status", {})
    if "observedGeneration" in status and status["observedGeneration"] != value["metadata"]["generation"]:
        return "InProgress"
    every = yaml.safe_load((GITOPS / "flux-health.yaml").read_text())["spec"]["healthCheckExprs"]
    [checks] = [one for one in every if (one["apiVersion"], one["kind"]) == (API_VERSION, kind)]
    for name, verdict in (("failed", "Failed"), ("current", "Current")):
        if evaluate(checks[name], value):
            return verdict
    return "InProgress"


def evaluate(expression: str, value: dict[str, Any]) -> bool:
    """An expression over a job's top-level fields; one about a field that is not there yet makes Flux look again."""
    environment = celpy.Environment()
    program = environment.program(environment.compile(expression))
    try:
        return bool(program.evaluate({key: celpy.json_to_cel(inner) for key, inner in value.items()}))
    except celpy.CELEvalError:
        if "status" in value:
            raise
        return bool(celtypes.BoolType(False))


@pytest.mark.parametrize("name", CASES)
def test_argo_cd_sees_what_a_job_s_conditions_say(name: str) -> None:
    value, wanted, _ = CASES[name]
    assert argo(value)["status"] == wanted


@pytest.mark.parametrize("name", CASES)
def test_flux_sees_what_a_job_s_conditions_say(name: str) -> None:
    value, _, wanted = CASES[name]
    assert flux(value) == wanted


@pytest.mark.parametrize("name", CASES)
def test_flux_sees_a_pipeline_s_run_as_a_job(name: str) -> None:
    value, _, wanted = CASES[name]
    assert flux(value, "ParallelRunPipelineRun") == wanted


@pytest.mark.parametrize(
    ("true", "in_argo", "in_flux"),
    [("Ready", "Healthy", "Current"), ("Stalled", "Degraded", "Failed"), ("", "Progressing", "InProgress")],
)
def test_a_pipeline_is_well_where_its_steps_and_schedule_are_right(true: str, in_argo: str, in_flux: str) -> None:
    conditions = [{"type": kind, "status": "True" if kind == true else "False"} for kind in ("Ready", "Stalled")]
    value = {"metadata": {"generation": 1}, "spec": {}, "status": {"observedGeneration": 1, "conditions": conditions}}
    assert argo(value)["status"] == in_argo
    assert flux(value, "ParallelRunPipeline") == in_flux


def test_argo_cd_shows_the_reason_or_the_progress() -> None:
    assert argo(job(conditions.FAILED))["message"] == "WhyFailed: so"
    assert argo(job(conditions.RUNNING))["message"] == "running 12/90"
