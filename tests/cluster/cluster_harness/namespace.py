"""A namespace of a test's own, with the claim ``parallelrun`` in it, where only restricted pods are admitted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from cluster_harness.api import ApiError
from cluster_harness.cluster import Cluster, script
from cluster_harness.job import Job
from cluster_harness.waiting import wait_for
from parallelrun.kube.resources import CONFIG_MAPS, PARALLEL_RUN_JOBS, PODS, Resource

Json = dict[str, Any]

RESTRICTED = "pod-security.kubernetes.io/enforce"


class Namespace:
    """Made when it is entered, gone (with its volumes) when it is left."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster, self.name, self.api = cluster, name, cluster.api

    def create(self, claim: str | None = "parallelrun") -> None:
        """The namespace, and unless ``claim`` is None its claim."""
        body = {"metadata": {"name": self.name, "labels": {RESTRICTED: "restricted"}}}
        self.api.request("POST", "/api/v1/namespaces", body)
        if claim:
            self.claim(claim)

    def remove(self) -> None:
        """Ask for the end of all that is in it, and remove its volumes; does not wait for the pods."""
        volumes = [
            volume["metadata"]["name"]
            for volume in self.api.items("/api/v1/persistentvolumes")
            if (volume["spec"].get("claimRef") or {}).get("namespace") == self.name
        ]
        self.api.request("DELETE", f"/api/v1/namespaces/{self.name}")
        for volume in volumes:
            self.api.request("DELETE", f"/api/v1/persistentvolumes/{volume}")
        # By way of a node: what jobs wrote belongs to their user.
        self.cluster.on_node(self.cluster.nodes[0], "rm", "-rf", f"/volumes/{self.name}")

    def claim(self, name: str = "parallelrun", volume_only: bool = False) -> Path:
        """Make a ReadWriteMany claim (or only the volume for one); its folder on this machine."""
        return Path(script("claim.sh", *(["--volume-only"] if volume_only else []), self.name, name))

    def volume(self, claim: str = "parallelrun") -> Path:
        """The folder of a claim on this machine."""
        return self.cluster.volumes / self.name / claim

    # --- objects ---

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True, seconds: float = 120) -> str:
        """kubectl in this namespace."""
        return self.cluster.kubectl("--namespace", self.name, *arguments, stdin=stdin, check=check, seconds=seconds)

    def apply(self, *documents: Json | str) -> None:
        """``kubectl apply`` of objects or YAML texts, as users do; raises AssertionError with what kubectl says."""
        # Each begins with dashes: of a stream that begins with JSON, kubectl silently takes the first object only.
        texts = [f"---\n{text if isinstance(text, str) else json.dumps(text)}" for text in documents]
        self.kubectl("apply", "--filename", "-", stdin="\n".join(texts))

    def config_map(self, name: str, data: dict[str, str]) -> None:
        """Make or replace a ConfigMap of texts."""
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
        if self.get(CONFIG_MAPS, name):
            self.api.request("PUT", CONFIG_MAPS.path(self.name, name), body)
        else:
            self.api.request("POST", CONFIG_MAPS.path(self.name), body)

    def submit(self, manifest: Json | str) -> Job:
        """Create a job from a manifest; refused ones raise ApiError with the API server's words."""
        body: Json = yaml.safe_load(manifest) if isinstance(manifest, str) else manifest
        made = self.api.request("POST", PARALLEL_RUN_JOBS.path(self.name), body)
        return Job(self, made["metadata"]["name"], made["metadata"]["uid"])

    def job(self, name: str) -> Job:
        """A job that is there."""
        found = self.get(PARALLEL_RUN_JOBS, name)
        assert found, f"no job {name} in {self.name}"
        return Job(self, name, found["metadata"]["uid"])

    def get(self, resource: Resource, name: str) -> Json | None:
        """One object, or None."""
        return self.api.get(resource.path(self.name, name))

    def items(self, resource: Resource, labels: str = "") -> list[Json]:
        """All objects of a kind, or those that a selector matches."""
        return self.api.items(resource.path(self.name), **({"labelSelector": labels} if labels else {}))

    # --- pods ---

    def pod(self, pod: Json) -> Json:
        """A pod as it is now."""
        found = self.get(PODS, pod["metadata"]["name"])
        assert found, f"pod {pod['metadata']['name']} is gone"
        return found

    def logs(self, pod: str, container: str = "", previous: bool = False) -> str:
        """What a container has written; empty where there is no such log."""
        query = {"container": container} if container else {}
        if previous:
            query["previous"] = "true"
        try:
            answer = self.api.get(PODS.path(self.name, pod, "log"), **query)
        except ApiError as error:
            if "waiting to start" in str(error):
                return ""
            raise
        return "" if answer is None else answer.get("text", json.dumps(answer))

    def execute(self, pod: str, *command: str, container: str = "worker", check: bool = True) -> str:
        """Run a command in a container of a pod."""
        return self.kubectl("exec", pod, "--container", container, "--", *command, check=check)

    def run_pod(self, name: str, command: list[str], seconds: float = 60, **spec: Any) -> str:
        """Run a restricted pod of the runner image to its end; its log. Raises AssertionError where it fails."""
        context = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        image = f"parallelrun/runner:{self.cluster.version}"
        container = {"name": "main", "image": image, "command": command, "securityContext": context}
        pod = {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}}
        body: Json = {"restartPolicy": "Never", "securityContext": pod, "containers": [container], **spec}
        self.api.request("POST", PODS.path(self.name), {"metadata": {"name": name}, "spec": body})

        def ended() -> str | None:
            phase = (self.get(PODS, name) or {}).get("status", {}).get("phase")
            return phase if phase in ("Succeeded", "Failed") else None

        phase = wait_for(ended, seconds, f"pod {name} has not ended")
        assert phase == "Succeeded", f"pod {name} failed: {self.logs(name)}"
        return self.logs(name)
