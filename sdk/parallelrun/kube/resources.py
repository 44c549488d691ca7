"""The kinds of objects that parallelrun reads or writes, and their paths on the API server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from parallelrun.api.group import GROUP, VERSION


@dataclass(frozen=True)
class Resource:
    """One kind."""

    group: str  # "" is the core group
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """``batch/v1``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str = "") -> str:
        """The path of an object, or without a name of the collection; without a namespace, of all namespaces."""
        parts = ["/apis", self.group, self.version] if self.group else ["/api", self.version]
        if namespace is not None:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        if name is not None:
            parts.append(quote(name, safe=""))
        if subresource:
            parts.append(subresource)
        return "/".join(parts)


PARALLEL_RUN_JOBS = Resource(GROUP, VERSION, "parallelrunjobs", "ParallelRunJob")
PIPELINES = Resource(GROUP, VERSION, "parallelrunpipelines", "ParallelRunPipeline")
PIPELINE_RUNS = Resource(GROUP, VERSION, "parallelrunpipelineruns", "ParallelRunPipelineRun")
DATASTORES = Resource(GROUP, VERSION, "datastores", "Datastore")
DATASETS = Resource(GROUP, VERSION, "datasets", "Dataset")
MODELS = Resource(GROUP, VERSION, "models", "Model")
ENVIRONMENTS = Resource(GROUP, VERSION, "environments", "Environment")
COMPUTE_TARGETS = Resource(GROUP, VERSION, "computetargets", "ComputeTarget")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")
JOBS = Resource("batch", "v1", "jobs", "Job")
PODS = Resource("", "v1", "pods", "Pod")
NODES = Resource("", "v1", "nodes", "Node", namespaced=False)
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
EVENTS = Resource("", "v1", "events", "Event")
CLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role")
ROLE_BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")
CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False)

#: What teams register by name; data only.
REGISTERED = (DATASTORES, DATASETS, MODELS, ENVIRONMENTS, COMPUTE_TARGETS)

ALL = (
    PARALLEL_RUN_JOBS, PIPELINES, PIPELINE_RUNS, *REGISTERED, CONFIG_MAPS, LEASES, JOBS, PODS, NODES, NAMESPACES,
    EVENTS, CLAIMS, SERVICE_ACCOUNTS, ROLES, ROLE_BINDINGS, CRDS,
)  # fmt: skip


def resource_of(obj: dict[str, Any]) -> Resource:
    """The kind of an object by its apiVersion and kind; raises KeyError for one that is not listed here."""
    return _BY_KIND[obj["apiVersion"], obj["kind"]]


_BY_KIND = {(one.api_version, one.kind): one for one in ALL}
