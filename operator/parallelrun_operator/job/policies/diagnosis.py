"""Why nodes do not work: drawn from pods, their Events and what the job names and is not there.

Nothing is decided by it. People read it, so it names the object and says what to do; all of it heals by itself once it
is mended, since pods are tried again and again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from parallelrun.api import exit_codes, pod_layout
from parallelrun.api.conditions import STORE_REFUSED, VOLUME_FULL
from parallelrun_operator.job.policies import pods, the_job
from parallelrun_operator.job.policies.case import Case, Json

#: Characters of what Kubernetes, or a container's last words, say of one trouble.
_LIMIT = 1500
#: What a container says while all is well.
_USUAL = frozenset({"PodInitializing", "ContainerCreating"})
_IMAGE = "Correct spec.environment.image, or name the registry's Secret in spec.environment.imagePullSecrets."
_ADVICE = {
    "Unschedulable": "Ask for less in spec.resources, widen spec.nodeSelector or spec.tolerations, or add machines; "
    "for a compute target with spot: true, machines that are marked as the operator's values.yaml says (spot).",
    "SchedulingGated": "Whoever gated the pod has to let it go.",
    "ErrImagePull": _IMAGE,
    "ImagePullBackOff": _IMAGE,
    "InvalidImageName": _IMAGE,
    "ErrImageNeverPull": "Load the image onto the machines, or set spec.environment.imagePullPolicy: IfNotPresent.",
    "CreateContainerConfigError": "Create what the message names, or correct spec.environment.",
    "CreateContainerError": "Correct what the message names.",
    "RunContainerError": "The image needs python3 on its PATH.",
    "CrashLoopBackOff": f"See `kubectl logs POD -c {pod_layout.WORKER} --previous`.",
    "FailedMount": "Look at the claim or ConfigMap that the message names: it must exist and be mountable there.",
    "FailedAttachVolume": "The volume must be one that several machines can mount (ReadWriteMany).",
    "EnvironmentFailed": "What installs the job's packages has to be reachable from its pods: see the chart's "
    "runner.packages and runner.proxy, and spec.environment.",
    "FailedCreate": "Raise the namespace's quota, or ask for less in spec.resources; or mend what else is named.",
}
#: How agents end when they are told to, or are replaced.
_HARMLESS = (exit_codes.AGENT_DONE, exit_codes.AGENT_DRAINED, exit_codes.AGENT_NOT_HOLDER)
_AGENT_FAILED = f"{pod_layout.AGENT.capitalize()}Failed"
#: An agent that died once is replaced, and that is that; one that dies again and again keeps its job from going on.
_DEATHS = 2
#: Warnings about a pod that tell more than its containers do. The last one wins.
_POD_WARNINGS = ("FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox")
#: How kubelet says that one is missing, which nobody else may tell: the operator cannot read Secrets.
_NO_SECRET = re.compile(r'secrets? "([^"]+)" not found')


@dataclass(frozen=True)
class Trouble:
    """One reason (CamelCase) why nodes wait, and what people should know of it."""

    reason: str
    message: str
    #: Whether no node works because of it.
    blocking: bool


def diagnosis(case: Case) -> Trouble | None:
    """The trouble to tell of; None where nodes work, or are on their way."""
    if case.tally.stalled:
        return _paused(case.tally.stalled, case.tally.stalled_on)
    found = dict(_by_node(case))
    working = set(case.holders.values()) - set(found)
    if found:
        node = min(found)
        reason, said = found[node]
        message = f"{_count(len(found), case.node_count)}. Node {node}: {_with_advice(reason, said)}"
        return Trouble(reason, message, not working and not _may_pass(case, node, reason))
    if lacking := _not_there(case) or _not_created(case):
        return Trouble(lacking[0], _with_advice(*lacking), not working)
    return None


def _paused(why: str, on: str) -> Trouble:
    if on == "store":
        return Trouble(STORE_REFUSED, f"Nodes wait for an object store: {why}\nThey go on by themselves.", True)
    said = f"Nodes wait for room on a volume: {why}\nMake room; they go on by themselves."
    return Trouble(VOLUME_FULL, said, True)


def _by_node(case: Case) -> Iterator[tuple[int, tuple[str, str]]]:
    """(node, (reason, what is said)) of each node that has trouble."""
    for node in range(case.node_count):
        alive = case.living.get(node)
        trouble = _of_living(case, alive[-1]) if alive else None
        if trouble is None and not (alive and _is_on(case, alive[-1])):
            trouble = _of_last(case, node)
        if trouble is not None:
            yield node, trouble


def _of_living(case: Case, pod: Json) -> tuple[str, str] | None:
    if pods.terminating(pod):
        return None
    trouble = _waiting(pod) or _ended(pod)
    if trouble is None and not _is_on(case, pod):
        # What the job names and is not there is said by a pod too, but in other words, and maybe later.
        trouble = _not_there(case) or _unplaced(pod) or _warned(case, pod)
    if trouble is None:
        return None
    return trouble[0], f"pod {pods.name(pod)}: {trouble[1]}"


def _is_on(case: Case, pod: Json) -> bool:
    """Whether it got to the point where its agent runs."""
    return pods.uid(pod) in case.holders or pods.agent_running(pod)


def _waiting(pod: Json) -> tuple[str, str] | None:
    """A container that cannot start, or not stay."""
    for name, state, status in pods.containers(pod):
        waiting = state.get("waiting") or {}
        reason = waiting.get("reason", "")
        if not reason or reason in _USUAL:
            continue
        last = (status.get("lastState") or {}).get("terminated") or {}
        said = [waiting.get("message", ""), _ending(last) if last else ""]
        return reason, f"container {name}: {' '.join(filter(None, said))}"
    return None


def _ended(pod: Json) -> tuple[str, str] | None:
    """A worker that is to be started again, and of which nothing is told but how it ended: kubelet's usual account.

    Where the agent runs, one end is nothing: the worker is back in a moment.
    """
    for name, state, status in pods.containers(pod):
        terminated = state.get("terminated")
        if name != pod_layout.WORKER or not terminated:
            continue
        if not pods.agent_running(pod) or status.get("restartCount", 0) >= _DEATHS:
            reason = "RunContainerError" if terminated.get("reason") == "StartError" else "CrashLoopBackOff"
            return reason, f"container {name}: {_ending(terminated)}"
    return None


def _unplaced(pod: Json) -> tuple[str, str] | None:
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return condition.get("reason") or "Unschedulable", condition.get("message", "")
    return None


def _warned(case: Case, pod: Json) -> tuple[str, str] | None:
    for event in reversed(case.world.warnings):
        if event.get("reason") in _POD_WARNINGS and event["involvedObject"].get("uid") == pods.uid(pod):
            missing = _NO_SECRET.search(event.get("message", ""))
            if missing is not None:
                return "MissingSecret", _named_missing(case, [f"Secret {missing.group(1)}"])
            return event["reason"], event.get("message", "")
    return None


def _of_last(case: Case, node: int) -> tuple[str, str] | None:
    """What a node's last pod died of, where it has none now, or one that did not get further yet."""
    if node not in case.failed:
        return None
    pod = case.failed[node][-1]
    for name, state, _ in pods.containers(pod):
        terminated = state.get("terminated") or {}
        if name != pod_layout.WORKER and terminated.get("exitCode", 0) not in _HARMLESS:
            reason = "RunContainerError" if terminated.get("reason") == "StartError" else f"{name.capitalize()}Failed"
            return reason, f"pod {pods.name(pod)}: container {name}: {_ending(terminated)}"
    return None


def _may_pass(case: Case, node: int, reason: str) -> bool:
    return reason == _AGENT_FAILED and len(case.failed[node]) < _DEATHS


def _not_there(case: Case) -> tuple[str, str] | None:
    if not case.world.missing:
        return None
    kind = case.world.missing[0].partition(" ")[0]
    return f"Missing{kind}", _named_missing(case, case.world.missing)


def _named_missing(case: Case, what: Iterable[str]) -> str:
    return f"the job names what is not in namespace {case.world.namespace}: {', '.join(what)}. Create it."


def _not_created(case: Case) -> tuple[str, str] | None:
    """Why the Job has fewer pods than it should."""
    child = case.world.child
    if child is None or the_job.suspended(child) or len(case.living) >= case.node_count:
        return None
    for event in reversed(case.world.warnings):
        if event.get("reason") == "FailedCreate" and event["involvedObject"].get("uid") == child["metadata"]["uid"]:
            return "FailedCreate", f"Job {child['metadata']['name']}: {event.get('message', '')}"
    return None


def _ending(terminated: Json) -> str:
    said = str(terminated.get("message") or "").strip() or str(terminated.get("reason") or "")
    return f"exit code {terminated.get('exitCode', '?')}: {said}" if said else f"exit code {terminated.get('exitCode')}"


def _with_advice(reason: str, said: str) -> str:
    said = said.strip()
    said = said if len(said) <= _LIMIT else f"... {said[-_LIMIT:]}"
    advice = _ADVICE.get(reason, "")
    return (
        f"{said}\n{advice} The job goes on by itself." if advice else f"{said}\nThe job goes on by itself once it can."
    )


def _count(waiting: int, wanted: int) -> str:
    return f"{waiting} of {wanted} {'node' if wanted == 1 else 'nodes'} {'waits' if waiting == 1 else 'wait'}"
