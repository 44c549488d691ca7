"""Whatever the manifest: it is refused by a sentence, or its pods keep every promise about what they can see and do."""

from __future__ import annotations

import json
import posixpath
import re
from typing import Any

import restricted
from builders import UID, a_job, a_world
from hypothesis import event, given, settings
from hypothesis import strategies as st
from kubernetes_expansion import expand

from parallelrun.api.errors import ManifestError
from parallelrun.api.settings import JobSettings
from parallelrun_operator.config import Config
from parallelrun_operator.job import children
from parallelrun_operator.job.settings import Resolved, resolve

Json = dict[str, Any]
OTHER = f"team/other-{UID[:-1]}2"

PLAIN = st.sampled_from(["a", "b", "data", "x y", "$(POD_UID)", "ü"])
PARTS = PLAIN | PLAIN | PLAIN | PLAIN | st.sampled_from(["team", "a:b", "..", ".", "[1]", OTHER])
GLOBS = st.sampled_from(["*.png", "**", "a?", "[ab]*"])
STORES = ["s3://bucket/", "datastore://private/", "datastore://shared/"]  # the last is a folder on a claim
ROOTS = st.sampled_from(["", "", "pvc://data/", "pvc://parallelrun/", "configmap://tiny/", *STORES])
REGISTERED = [
    {
        "apiVersion": "parallelrun.dev/v1alpha1",
        "kind": "Datastore",
        "metadata": {"name": name},
        "spec": spec,
    }
    for name, spec in {
        "private": {"s3": {"bucket": "b"}, "secretRef": {"name": "key"}},
        "shared": {"claim": {"name": "parallelrun"}},
    }.items()
]
LITERAL = st.builds(lambda root, parts: root + "/".join(parts), ROOTS, st.lists(PARTS, min_size=1, max_size=4))
PATHS = LITERAL | st.builds("{}/{}".format, LITERAL, GLOBS)
FOLDERS = st.builds(lambda root, parts: root + "/".join(parts), ROOTS, st.lists(PARTS, min_size=1, max_size=3))
NAMES = st.sampled_from(["one", "two", "three"])
VALUES = st.text(st.sampled_from("a$(){}:/ \\\"'ü"), max_size=12).map(lambda text: text.replace("$(", "$$("))
SPECS = st.fixed_dictionaries(
    {"inputs": st.lists(PATHS, min_size=1, max_size=4).map(lambda p: [{"name": "i", "type": "File", "paths": p}])},
    optional={
        "source": st.sampled_from(
            [
                {"configMap": {"name": "code"}},
                {"claim": {"name": "data", "path": "code"}},
                {"git": {"url": "https://git.example/$(POD_UID)"}},
                {"imagePath": "/app"},
            ]
        ),
        "sideInputs": st.lists(
            st.fixed_dictionaries({"name": NAMES, "path": LITERAL}), max_size=2, unique_by=lambda one: one["name"]
        ),
        "models": st.lists(
            st.fixed_dictionaries({"name": NAMES, "path": LITERAL}), max_size=2, unique_by=lambda one: one["name"]
        ),
        "outputs": st.lists(
            st.fixed_dictionaries({"name": NAMES, "path": FOLDERS}), max_size=2, unique_by=lambda one: one["name"]
        ),
        "output": st.fixed_dictionaries({"path": FOLDERS}),
        "environment": st.fixed_dictionaries(
            {"env": st.lists(VALUES.map(lambda value: {"name": "A", "value": value}), max_size=2)},
            optional={"image": st.just("registry.example/x:1")},
        ),
        "volume": st.sampled_from([{"claimName": "parallelrun"}, {"claimName": "data"}, {"claimName": "a.b"}]),
        "nodeCount": st.integers(1, 70),
        "suspend": st.booleans(),
        "resources": st.just({"limits": {"memory": "1Gi", "nvidia.com/gpu": 2}}),
    },
)
CONFIGS = st.builds(
    Config,
    run_as_user=st.sampled_from([None, 10001]),
    run_as_group=st.sampled_from([None, 10001]),
    fs_group=st.sampled_from([None, 10001]),
)


@settings(max_examples=300, deadline=None)
@given(SPECS, CONFIGS)
def test_a_manifest_is_refused_or_its_pods_keep_the_promises(spec: Json, config: Config) -> None:
    job = a_job(**spec)
    resolved, said = _resolved(job, config)
    event("refused" if resolved is None else "made")
    if resolved is None:
        assert "spec." in said
        return
    made = children.job(a_world(job, config=config), resolved)
    pod = made["spec"]["template"]["spec"]
    assert restricted.violations(pod) == []
    assert restricted.malformed(pod) == []
    _worker_has_no_token(pod)
    _agent_and_worker_see_no_other_job(pod, resolved)
    _worker_writes_only_to_outputs(pod, resolved)
    _agent_writes_only_to_the_output(pod, resolved)
    _paths_are_the_same_for_agent_and_worker(pod, resolved.settings)
    _only_the_agent_has_what_stores_want(pod, resolved.settings)
    _variables_are_as_written(pod, spec)


def _resolved(job: Json, config: Config) -> tuple[Resolved | None, str]:
    try:
        return resolve(job, config, REGISTERED), ""
    except ManifestError as error:
        return None, str(error)


def _worker(pod: Json) -> Json:
    return next(one for one in pod["initContainers"] if one["name"] == "worker")


def _claims(pod: Json, container: Json) -> list[tuple[str, Json]]:
    """(claim, mount) of what a container mounts of claims."""
    claims = {
        one["name"]: one["persistentVolumeClaim"]["claimName"]
        for one in pod["volumes"]
        if "persistentVolumeClaim" in one
    }
    return [(claims[mount["name"]], mount) for mount in container["volumeMounts"] if mount["name"] in claims]


def _worker_has_no_token(pod: Json) -> None:
    assert pod["automountServiceAccountToken"] is False
    scratch_and_data = {
        one["name"] for one in pod["volumes"] if "projected" not in one and one["name"] not in ("settings", "code")
    }
    assert {mount["name"] for mount in _worker(pod)["volumeMounts"]} <= scratch_and_data
    assert "secret" not in json.dumps(_worker(pod)).lower()


def _agent_and_worker_see_no_other_job(pod: Json, resolved: Resolved) -> None:
    own = f"team/mnist-{UID}"
    for claim, mount in _claims(pod, _worker(pod)) + _claims(pod, *pod["containers"]):
        shown = mount["subPath"]
        assert shown.strip("/.")
        if claim == resolved.model.spec.volume.claim and shown != own:
            assert not f"{OTHER}/".startswith(f"{shown}/")
            assert not f"{shown}/".startswith((f"{OTHER}/", f"{own}/"))


def _worker_writes_only_to_outputs(pod: Json, resolved: Resolved) -> None:
    writable = {mount["mountPath"] for _, mount in _claims(pod, _worker(pod)) if not mount.get("readOnly")}
    assert writable == {
        "/parallelrun/job",
        *(path for path in resolved.settings.outputs.values() if not path.startswith("/parallelrun/job/")),
    }


def _agent_writes_only_to_the_output(pod: Json, resolved: Resolved) -> None:
    writable = {mount["mountPath"] for _, mount in _claims(pod, *pod["containers"]) if not mount.get("readOnly")}
    output = resolved.settings.output.path
    assert writable == {"/parallelrun/job", *([output] if output is not None and output.startswith("/") else [])}


def _paths_are_the_same_for_agent_and_worker(pod: Json, settings: JobSettings) -> None:
    """What settings name to be read is mounted in both, and is the same file there; outputs are the worker's."""
    (agent,) = pod["containers"]
    named = [*settings.side_inputs.values(), *(one.path for one in settings.models)]
    for path in (path for one in settings.inputs for path in one.paths):
        while any(character in posixpath.basename(path) for character in "*?["):
            path = posixpath.dirname(path)
        named.append(path)
    for path in (path for path in named if path.startswith("/")):
        seen = _file(_worker(pod), path)
        assert seen is not None
        assert _file(agent, path) == seen
    for path in settings.outputs.values():
        assert _file(_worker(pod), path) is not None


def _only_the_agent_has_what_stores_want(pod: Json, settings: JobSettings) -> None:
    """Secrets of all stores that settings name, and of no others; what it fetches, the worker can only read."""
    secrets = {one["name"] for one in pod["volumes"] if "secret" in one}
    (agent,) = pod["containers"]
    mounted = {one["mountPath"] for one in agent["volumeMounts"] if one["name"] in secrets}
    assert mounted == {one.credentials for one in settings.stores} - {""}
    others = [mount for one in pod["initContainers"] for mount in one["volumeMounts"]]
    assert not [mount for mount in others if mount["name"] in secrets]
    caches = [mount for mount in others if mount["name"] == "cache"]
    assert [(one["mountPath"], one["readOnly"]) for one in caches] == (
        [(settings.cache, True)] if settings.stores else []
    )


def _file(container: Json, path: str) -> tuple[str, str] | None:
    """(volume, path on it) that a container has at ``path``."""
    mounts = [one for one in container["volumeMounts"] if f"{path}/".startswith(f"{one['mountPath']}/")]
    if not mounts:
        return None
    inner = max(mounts, key=lambda one: len(one["mountPath"]))
    below = posixpath.relpath(path, inner["mountPath"])
    return inner["name"], posixpath.normpath(posixpath.join(inner.get("subPath", ""), below))


def _variables_are_as_written(pod: Json, spec: Json) -> None:
    written = [re.sub(r"\$\$(\([^()]*\))", r"$\1", one["value"]) for one in spec.get("environment", {}).get("env", [])]
    seen = [expand(one["value"], {"A": "replaced"}) for one in _worker(pod)["env"] if one["name"] == "A"]
    assert seen == written
