"""Where paths of a manifest are in pods, and which are refused."""

from __future__ import annotations

from typing import Any

import pytest
from builders import UID, a_job

from parallelrun.api.errors import ManifestError
from parallelrun.api.registry import Registry
from parallelrun.api.store_urls import Stores
from parallelrun_operator.config import Config
from parallelrun_operator.job.settings import Folder, Resolved, resolve
from parallelrun_operator.job.settings.places import Places

PLACES = Places("shared", "team", Stores(Registry().datastore, lambda *_: ""))
OTHER_JOB = f"team/other-{UID}"


def resolved(**spec: Any) -> Resolved:
    return resolve(a_job(volume={"claimName": "shared"}, **spec), Config())


def files(*paths: str, name: str = "images") -> list[dict[str, Any]]:
    return [{"name": name, "type": "File", "paths": list(paths)}]


def refusal(**spec: Any) -> str:
    with pytest.raises(ManifestError) as caught:
        resolved(**spec)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "path", "literal", "is_glob"),
    [
        ("images/*.png", "claims/shared/images/*.png", "claims/shared/images", True),
        ("images/", "claims/shared/images", "claims/shared/images", False),
        ("./a//b/../c", "claims/shared/a/c", "claims/shared/a/c", False),
        ("a/b?/c/*.csv", "claims/shared/a/b?/c/*.csv", "claims/shared/a", True),
        ("a/**", "claims/shared/a/**", "claims/shared/a", True),
        ("a/x [1].png", "claims/shared/a/x [1].png", "claims/shared/a", True),  # or a name: who sees the volume knows
        ("pvc://data/x/y", "claims/data/x/y", "claims/data/x/y", False),
        ("pvc://data.v2/x/*", "claims/data.v2/x/*", "claims/data.v2/x", True),
        ("configmap://tiny", "configmaps/tiny", "configmaps/tiny", False),
        ("configmap://tiny/*.png", "configmaps/tiny/*.png", "configmaps/tiny", True),
    ],
)
def test_an_entry_of_paths_is_absolute_and_knows_its_literal_part(
    text: str, path: str, literal: str, is_glob: bool
) -> None:
    pattern = PLACES.pattern("x", text)
    assert pattern.text == f"/parallelrun/{path}"
    assert pattern.literal.path == f"/parallelrun/{literal}"
    assert pattern.is_glob is is_glob


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("../x", "outside of its volume"),
        ("a/../../x", "outside of its volume"),
        ("pvc://data/../x", "outside of its volume"),
        ("a/*/../b", "behind a wildcard"),
        ("/mnt/data", "absolute path"),
        ("pvc://Data/x", "not the name of an object"),
        ("pvc://*/x", "not the name of an object"),
        ("*.png", "the whole claim shared"),
        ("./", "the whole claim shared"),
        ("pvc://data", "the whole claim data"),
        ("pvc://data/*", "the whole claim data"),
        ("team", "where the folders of jobs are"),
        ("team/*/parallel_run_step.txt", "where the folders of jobs are"),
        (OTHER_JOB, "where the folders of jobs are"),
        (f"{OTHER_JOB}/parallel_run_step.txt", "where the folders of jobs are"),
        (f"elsewhere/other-{UID}/x", "where the folders of jobs are"),  # another namespace's, on the same volume
        (f"pvc://data/{OTHER_JOB}", "where the folders of jobs are"),
        ("a:b", "has a colon in its name"),
        ("team/a:b", "where the folders of jobs are"),  # what would have to be mounted to show it
    ],
)
def test_what_a_cluster_cannot_read_or_a_job_may_not_see_is_refused_by_its_field(text: str, said: str) -> None:
    message = refusal(inputs=files("fine/", text))
    assert message.startswith(f"spec.inputs[0].paths[1]: {text} ") or f"in {text} is" in message
    assert said in message
    assert "\n" in message  # what to do instead


@pytest.mark.parametrize("text", ["team/data/", f"data/run-{UID[:8]}", "pvc://data/team", "teams/x", "a/team/b"])
def test_folders_that_only_look_like_jobs_folders_are_read(text: str) -> None:
    assert resolved(inputs=files(text)).settings.inputs[0].paths[0].endswith(text.removeprefix("pvc://").rstrip("/"))


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"sideInputs": [{"name": "x", "path": "../x"}]}, "spec.sideInputs[0].path"),
        ({"models": [{"name": "x", "path": OTHER_JOB}]}, "spec.models[0].path"),
        ({"outputs": [{"name": "x", "path": "pvc://data"}]}, "spec.outputs[0].path"),
        ({"outputs": [{"name": "x", "path": f"pvc://shared/{OTHER_JOB}"}]}, "spec.outputs[0].path"),
        ({"outputs": [{"name": "x", "path": "pvc://data/a:b"}]}, "spec.outputs[0].path"),
        ({"outputs": [{"name": "x", "path": "segments/"}]}, "spec.outputs[0].path"),
        ({"outputs": [{"name": "x", "path": "../x"}]}, "spec.outputs[0].path"),
        ({"outputs": [{"name": "x", "path": "/x"}]}, "spec.outputs[0].path"),
        ({"outputs": [{"name": "x", "path": "s3://b/x"}]}, "spec.outputs[0].path"),
        ({"output": {"path": "pvc://results"}}, "spec.output.path"),
        ({"output": {"path": "team"}}, "spec.output.path"),
    ],
)
def test_the_same_holds_for_side_inputs_models_and_outputs(spec: dict[str, Any], field: str) -> None:
    assert refusal(**spec).startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("claim", "path", "refused"),
    [
        ("code", ".", False),
        ("shared", "code/mnist", False),
        ("shared", ".", True),
        ("shared", "team", True),
        ("shared", OTHER_JOB, True),
        ("code", f"{OTHER_JOB}/source", True),
    ],
)
def test_no_source_folder_brings_other_jobs_folders_to_the_script(claim: str, path: str, refused: bool) -> None:
    source = {"claim": {"name": claim, "path": path}}
    if refused:
        assert refusal(source=source).startswith("spec.source.claim.path: ")
    else:
        assert resolved(source=source).code == f"/parallelrun/claims/{claim}/{path}".removesuffix("/.")


def test_the_worker_mounts_outermost_folders_once_and_writes_to_outputs_only() -> None:
    folders = resolved(
        inputs=files("data/images/*.png", "data/", "data/images/more"),
        sideInputs=[{"name": "labels", "path": "data/labels.txt"}, {"name": "codes", "path": "pvc://lists/codes.txt"}],
        models=[{"name": "m", "path": "datasets"}],  # begins with the same letters, and is not below data
        outputs=[{"name": "inside", "path": "pvc://shared/data/out"}, {"name": "o", "path": "trained/"}],
        output={"path": "pvc://results/mnist"},
    ).folders
    assert folders == (
        Folder("lists", "codes.txt"),
        Folder("shared", "data"),
        Folder("shared", "data/out", writable=True),
        Folder("shared", "datasets"),
    )


def test_a_name_with_a_colon_is_shown_by_mounting_the_folder_around_it() -> None:
    """Kubernetes mounts nothing at a path with a colon."""
    found = resolved(inputs=files("data/2024-01-01T12:00/x.png"))
    assert found.folders == (Folder("shared", "data"),)
    assert found.settings.inputs[0].paths == ["/parallelrun/claims/shared/data/2024-01-01T12:00/x.png"]


def test_claims_are_mounted_writable_only_where_something_is_written() -> None:
    found = resolved(
        source={"claim": {"name": "code", "path": "mnist"}},
        inputs=files("pvc://data/x/"),
        models=[{"name": "m", "path": "pvc://models/m"}],
        outputs=[{"name": "o", "path": "pvc://models/trained"}],
        output={"path": "pvc://results/mnist"},
    )
    assert found.claims == {"shared": True, "models": True, "results": True, "data": False, "code": False}
