"""What is wrong with a job is said where it is applied, in the words of `parallelrun validate`; the rest fails by name.

The API server sees the manifest alone; the operator sees what a schema cannot say, and only pods see what paths and
scripts are. Whoever finds it, it is said within half a minute.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from bad_cases import MANIFESTS, PLACES, Case, files_from
from cluster_harness import small
from cluster_harness.api import ApiError
from cluster_harness.job import Job
from cluster_harness.namespace import Namespace

from parallelrun.api import checks, conditions
from parallelrun.api.problems import Problem, dotted
from parallelrun.kube.resources import PARALLEL_RUN_JOBS, PODS

pytestmark = pytest.mark.cluster

Json = dict[str, Any]

SOON_SECONDS = 30.0


def document(case: Case) -> Json:
    """The manifest of a case of local runs, as one for a cluster: its code is in a ConfigMap."""
    found: Json = yaml.safe_load(case.text())
    if found["spec"].get("source") == {"directory": "./code"}:
        found["spec"]["source"] = {"configMap": {"name": case.name}}
    if found["metadata"]["name"] == "bad":
        found["metadata"]["name"] = case.name
    return found


#: What is about the text of a file, or its kind, never gets to be a ParallelRunJob of the API server.
WRITTEN = {
    case.name: case
    for case in [*MANIFESTS, *PLACES]
    if (case in MANIFESTS and case.spec and not case.words)
    or case.name in ("an-illegal-name", "a-script-outside-of-the-source")
}
#: What no schema can say: the operator says it.
UNSAID = ("an-encoding-that-is-none", "a-reference-to-nothing")


@pytest.mark.parametrize("case", [case for name, case in WRITTEN.items() if name not in UNSAID], ids=lambda c: c.name)
def test_the_api_server_refuses_it_in_the_same_words(shared: Namespace, case: Case) -> None:
    """With the field and the rule, and the example where the rule is ours."""
    manifest = document(case)
    said = refusal(shared, manifest)
    for problem in checks.problems(manifest):
        field = dotted(problem.path)
        own = [message for place, message in said if field == place or re.match(rf"{re.escape(place)}[.\[]", field)]
        assert own, f"{field} is not named: {said}"
        assert any(same_words(problem, message) for message in own), f"{problem.rule!r} is not said: {own}"


def refusal(namespace: Namespace, manifest: Json) -> list[tuple[str, str]]:
    """(field, message) of all that the API server finds, as `kubectl apply` asks it."""
    query = {"dryRun": "All", "fieldValidation": "Strict"}
    with pytest.raises(ApiError) as caught:
        namespace.api.request("POST", PARALLEL_RUN_JOBS.path(namespace.name), manifest, query)
    status = json.loads(str(caught.value).partition(": ")[2])
    if causes := status.get("details", {}).get("causes"):
        return [(cause["field"], cause["message"]) for cause in causes]
    return [(field, status["message"]) for field in re.findall(r'unknown field "([^"]+)"', status["message"])]


def same_words(problem: Problem, message: str) -> bool:
    """Whether the rule is said; into its own rules (types) the API server puts what it found, which we show apart."""
    if problem.path == ("metadata", "name"):
        return "lower case alphanumeric" in message
    rule = re.split(", not |; ", problem.rule)[0].replace("is required", "Required value")
    return rule in message


def test_kubectl_shows_field_rule_and_example(shared: Namespace) -> None:
    """What people see."""
    manifest = json.dumps(small.manifest("shown", entryScript="../shout.py", nodeCount=0))
    said = refused_by_kubectl(shared, manifest)
    assert 'The ParallelRunJob "shown" is invalid' in said
    assert "spec.nodeCount: Invalid value: 0: spec.nodeCount in body should be greater than or equal to 1" in said
    manifest = json.dumps(small.manifest("shown", entryScript="../shout.py"))
    rule = "entryScript must be a relative path without '..'; for example: entryScript: digit_identification.py"
    assert rule in refused_by_kubectl(shared, manifest)


def refused_by_kubectl(namespace: Namespace, manifest: str) -> str:
    """What kubectl says."""
    with pytest.raises(AssertionError) as caught:
        namespace.kubectl("apply", "--filename", "-", stdin=manifest)
    return str(caught.value)


# --- what may not change ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def paused(shared: Namespace) -> Job:
    """A job that does nothing."""
    return shared.submit(small.manifest("paused", suspend=True, nodeCount=1, maxNodeCount=3))


def test_only_four_fields_may_change(shared: Namespace, paused: Job) -> None:
    """All others are refused, by name."""
    for change in ({"miniBatchSize": 2}, {"entryScript": "other.py"}, {"maxNodeCount": 9}, {"runMaxTry": 2}):
        with pytest.raises(ApiError, match=f"{next(iter(change))} cannot change after the job was created"):
            paused.patch(**change)
    paused.patch(nodeCount=2, ttlSecondsAfterFinished=9999)
    assert paused.object["spec"]["nodeCount"] == 2


def test_a_job_scales_to_its_maximum_and_no_further(shared: Namespace, paused: Job) -> None:
    """`kubectl scale`, which writes nodeCount."""
    shared.kubectl("scale", "prj/paused", "--replicas", "3")
    assert paused.object["spec"]["nodeCount"] == 3
    with pytest.raises(AssertionError, match="nodeCount must not be more than maxNodeCount"):
        shared.kubectl("scale", "prj/paused", "--replicas", "4")


def test_a_cancelled_job_stays_cancelled(shared: Namespace) -> None:
    """Another one has to be created. This one never had a pod, so it is over at once."""
    job = shared.submit(small.manifest("cancelled", suspend=True, cancel=True))
    with pytest.raises(ApiError, match="a cancelled job stays cancelled: create another job"):
        job.patch(cancel=False)
    assert job.wait_failed(SOON_SECONDS)["reason"] == conditions.CANCELLED


# --- what the operator finds ------------------------------------------------------------------------------------------

#: By name: (fields of the spec, what is said).
UNFIT = {
    "bucket": (
        {"outputs": [{"name": "o", "path": "s3://bucket/x"}]},
        r"spec\.outputs\[0\]\.path: s3://bucket/x is an object store, which scripts have no credentials for",
    ),
    "absolute": (files_from("/data/*.txt"), r"spec\.inputs\[0\]\.paths\[0\]: /data/\*\.txt is an absolute path"),
    "whole-claim": (files_from("*.txt"), r"stands for the whole claim parallelrun"),
    "other-jobs": (files_from("$NAMESPACE/*.txt"), r"is where the folders of jobs are"),
}


def test_what_no_schema_can_say_fails_soon(shared: Namespace) -> None:
    """With the words of `parallelrun validate`, or with what a cluster cannot do; no pod is made for it."""
    manifests = {name: document(WRITTEN[name]) for name in UNSAID}
    expected = {name: re.escape(checks.problems(manifest)[0].rule) for name, manifest in manifests.items()}
    for name, (spec, says) in UNFIT.items():
        text = json.dumps(small.manifest(name, **spec)).replace("$NAMESPACE", shared.name)
        manifests[name], expected[name] = json.loads(text), says
    jobs = [shared.submit(manifest) for manifest in manifests.values()]
    for job in jobs:
        assert_failed(job, conditions.MANIFEST_ERROR, (expected[job.name],))
    assert not [pod for pod in shared.items(PODS) for job in jobs if job.name in pod["metadata"]["name"]]


def assert_failed(job: Job, reason: str, says: tuple[str, ...]) -> None:
    """The condition Failed, soon, with all of what has to be said."""
    ending = job.wait_failed(SOON_SECONDS)
    assert ending["reason"] == reason, ending
    for pattern in says:
        assert re.search(pattern, ending["message"]), f"{pattern!r} is not said: {ending['message']}"


# --- what only pods see -----------------------------------------------------------------------------------------------

#: By case of local runs: (the reason, what is said besides).
SEEN_BY_PODS = {
    "no-such-script": (conditions.SOURCE_ERROR, "configmap://no-such-script"),
    "a-syntax-error": (conditions.SOURCE_ERROR, ""),
    "no-run": (conditions.SOURCE_ERROR, ""),
    "no-such-input": (conditions.INPUT_ERROR, ""),
    "no-such-side-input": (conditions.INPUT_ERROR, ""),
    "no-match": (conditions.INPUT_ERROR, r"pvc://parallelrun/in/\*\.png"),
    "the-output-of-another-job": (conditions.OUTPUT_FAILED, r"pvc://parallelrun/results"),
}
NO_MATCH = Case("no-match", 1, ("matches no file", r"holds '0\.txt'"), spec=files_from("in/*.png"))


def test_what_only_pods_can_see_fails_soon(shared: Namespace) -> None:
    """With the words of a local run; what is wrong is found before the user's image starts."""
    shared.cluster.on_node(
        shared.cluster.nodes[0], "sh", "-c",
        f"cd /volumes/{shared.name}/parallelrun && mkdir -m 777 in results && for n in 0 1 2 3; do echo $n >in/$n.txt; "
        "done && echo default/other >results/_OWNER",
    )  # fmt: skip
    cases = {case.name: case for case in [*PLACES, NO_MATCH]}
    first, *others = SEEN_BY_PODS
    for names in ([first], others):  # the first alone, since many pods at once start slowly on a small machine
        for name in names:
            shared.config_map(name, {"script.py": cases[name].script})
        for job in [shared.submit(document(cases[name])) for name in names]:
            reason, besides = SEEN_BY_PODS[job.name]
            assert_failed(job, reason, (*cases[job.name].says, besides))
