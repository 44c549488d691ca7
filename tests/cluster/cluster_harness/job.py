"""A ParallelRunJob in a test's namespace: what its status says, what its pods do, and what lies in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster_harness.waiting import wait_for
from parallelrun.api import conditions, layout, pod_layout
from parallelrun.kube.resources import EVENTS, PARALLEL_RUN_JOBS, PODS

if TYPE_CHECKING:
    from cluster_harness.namespace import Namespace

Json = dict[str, Any]

ENDINGS = (conditions.COMPLETE, conditions.FAILED)


class Job:
    """One job, by name and UID."""

    def __init__(self, namespace: Namespace, name: str, uid: str) -> None:
        self.namespace, self.name, self.uid = namespace, name, uid

    # --- status ---

    @property
    def object(self) -> Json:
        """As the API server has it; empty where it is gone."""
        return self.namespace.get(PARALLEL_RUN_JOBS, self.name) or {}

    @property
    def status(self) -> Json:
        """Empty before the operator has seen the job."""
        return dict(self.object.get("status") or {})

    @property
    def phase(self) -> str:
        """``status.phase``, or the empty text."""
        return str(self.status.get("phase", ""))

    def condition(self, kind: str) -> Json | None:
        """The condition of that type where it is True."""
        found = [one for one in self.status.get("conditions", []) if one["type"] == kind and one["status"] == "True"]
        return found[0] if found else None

    def wait_for_condition(self, kind: str, seconds: float = 60) -> Json:
        """The condition once it is True; stops early where the job has ended otherwise."""

        def reached() -> Json | None:
            found = self.condition(kind)
            if found is None:
                for other in ENDINGS:
                    ending = self.condition(other)
                    assert other == kind or ending is None, (
                        f"{self.name} should become {kind}, but is {other}: {ending}"
                    )
            return found

        return wait_for(reached, seconds, lambda: f"{self.name} is not {kind}: its status is {self.status}")

    def wait_complete(self, seconds: float = 120) -> Json:
        """The status of the job once it is Complete."""
        self.wait_for_condition(conditions.COMPLETE, seconds)
        return self.status

    def wait_failed(self, seconds: float = 120) -> Json:
        """The Failed condition."""
        return self.wait_for_condition(conditions.FAILED, seconds)

    def wait_completed(self, mini_batches: int, seconds: float = 120) -> None:
        """Until so many mini-batches are completed: a good moment for a fault."""
        wait_for(
            lambda: self.status.get("miniBatches", {}).get("completed", 0) >= mini_batches,
            seconds,
            lambda: f"{self.name} has not completed {mini_batches} mini-batches: {self.status}",
        )

    def patch(self, **spec: Any) -> None:
        """Change fields of the spec."""
        path = PARALLEL_RUN_JOBS.path(self.namespace.name, self.name)
        self.namespace.api.request("PATCH", path, {"spec": spec})

    def delete(self) -> None:
        """Delete the job; does not wait."""
        self.namespace.api.request("DELETE", PARALLEL_RUN_JOBS.path(self.namespace.name, self.name))

    def events(self) -> list[str]:
        """``Reason: message`` of the Events about the job."""
        query = {"fieldSelector": f"involvedObject.uid={self.uid}"}
        found = self.namespace.api.items(EVENTS.path(self.namespace.name), **query)
        return [f"{event.get('reason')}: {event.get('message')}" for event in found]

    # --- pods ---

    def pods(self) -> list[Json]:
        """Its pods that have not ended, by node number."""
        found = self.namespace.items(PODS, f"{conditions.LABEL_JOB_UID}={self.uid}")
        living = [pod for pod in found if pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")]
        return sorted(living, key=lambda pod: int(index(pod) or 0))

    def wait_pods(self, count: int = 1, seconds: float = 120) -> list[Json]:
        """Its pods once so many run all their containers."""

        def running() -> list[Json] | None:
            found = [pod for pod in self.pods() if is_ready(pod)]
            return found if len(found) >= count else None

        return wait_for(running, seconds, lambda: f"{self.name} has not {count} running pods: {self.status}")

    # --- files, as this machine sees them ---

    @property
    def folder(self) -> Path:
        """The job's folder on its volume."""
        claim = self.object["spec"].get("volume", {}).get("claimName", "parallelrun")
        return self.namespace.volume(claim) / pod_layout.job_folder(self.namespace.name, self.name, self.uid)

    def file(self, name: str) -> bytes:
        """A file of the job's folder."""
        return (self.folder / name).read_bytes()

    @property
    def output(self) -> bytes:
        """The output, whole."""
        assert (self.folder / layout.SUCCESS).exists(), f"no {layout.SUCCESS} in {self.folder}"
        output = self.object["spec"].get("output", {})
        return self.file(output.get("appendRowFileName", "parallel_run_step.txt"))


def index(pod: Json) -> str:
    """The number of a pod's node."""
    return str(pod["metadata"].get("annotations", {}).get("batch.kubernetes.io/job-completion-index", ""))


def name_of(pod: Json) -> str:
    """A pod's name."""
    return str(pod["metadata"]["name"])


def is_ready(pod: Json) -> bool:
    """Whether all containers of a pod run."""
    found = {one["type"]: one["status"] for one in pod.get("status", {}).get("conditions", [])}
    return found.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]
