"""``azureml.core.compute``: what pods of a job get, and how many there may be, under a name."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from parallelrun.api.registry import NotRegistered
from parallelrun.azureml.backend import vm_sizes
from parallelrun.azureml.backend.support import NotAvailableHere, Refused, azure, refused_class
from parallelrun.azureml.exceptions import ComputeTargetException

if TYPE_CHECKING:
    from parallelrun.azureml.core.workspace import Workspace

_KIND = "ComputeTarget"
_NODES = "Look at the cluster's machines: kubectl get nodes."
_NETWORK = "the cluster's own network and logins are used"
_LOW = "lowpriority"


@dataclass(frozen=True)
class AmlComputeProvisioningConfiguration:
    """What ``AmlCompute.provisioning_configuration`` gives to ``ComputeTarget.create``."""

    vm_size: str
    vm_priority: str = "dedicated"
    min_nodes: int = 0
    max_nodes: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    description: str = ""


class ComputeTarget:
    """A registered ComputeTarget; ``ComputeTarget(workspace, name)`` gives an AmlCompute."""

    def __new__(cls, workspace: Workspace, name: str, *arguments: Any, **options: Any) -> Any:
        """An AmlCompute."""
        return super().__new__(AmlCompute)

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.workspace = workspace
        self.name = name
        self._load()

    @staticmethod
    @azure(differs="No machine is started: it says what the pods of a job get, and how many there may be.")
    def create(
        workspace: Workspace, name: str, provisioning_configuration: AmlComputeProvisioningConfiguration
    ) -> AmlCompute:
        """Register a compute target."""
        if not isinstance(provisioning_configuration, AmlComputeProvisioningConfiguration):
            raise NotAvailableHere(
                f"ComputeTarget.create(provisioning_configuration={type(provisioning_configuration).__name__}) has no "
                "counterpart here.",
                "Use AmlCompute.provisioning_configuration(vm_size, max_nodes=...).",
            )
        said = provisioning_configuration
        tags = {**said.tags, "vm_size": said.vm_size, "vm_priority": said.vm_priority, "min_nodes": str(said.min_nodes)}
        spec: dict[str, Any] = {
            "resources": vm_sizes.resources(said.vm_size, workspace._settings.folder),
            "tags": tags,
            **({"maxNodes": said.max_nodes} if said.max_nodes else {}),
            **({"spot": True} if said.vm_priority.lower() == _LOW else {}),
            **({"description": said.description} if said.description else {}),
        }
        workspace._objects.register(_KIND, name, spec, overwrite=True)
        return AmlCompute(workspace, name)

    @staticmethod
    @azure()
    def list(workspace: Workspace) -> builtins.list[AmlCompute]:
        """All registered ones."""
        return builtins.list(workspace.compute_targets.values())

    attach = Refused("Register it: parallelrun register compute NAME; pods go where nodeSelector and tolerations say.")
    attach_configuration = Refused("Register it: parallelrun register compute NAME --node-selector pool=gpu.")
    detach = Refused("Forget it: compute_target.delete().")
    list_nodes = Refused(_NODES)
    add_identity = Refused("Name a service account: serviceAccountName of the registered ComputeTarget.")
    get_active_runs = Refused("kubectl parallelrun list.")

    def _load(self) -> None:
        try:
            found = self.workspace._objects.find("ComputeTarget", _KIND, self.name)
        except NotRegistered as error:
            raise ComputeTargetException(f"ComputeTargetNotFound: {error}") from None
        self._entry = found
        self._spec: dict[str, Any] = dict(found.document["spec"])

    @property
    def tags(self) -> dict[str, str]:
        """As registered; vm_size, vm_priority and min_nodes are among them."""
        return dict(self._spec.get("tags") or {})

    @property
    def type(self) -> str:
        """Always AmlCompute."""
        return "AmlCompute"

    @property
    def provisioning_state(self) -> str:
        """Always Succeeded: there is nothing to wait for."""
        return "Succeeded"

    @azure(differs="Returns at once: machines are the cluster's, and a job's pods wait for theirs.")
    def wait_for_completion(
        self,
        show_output: bool = False,
        min_node_count: int | None = None,
        timeout_in_minutes: float | None = None,
        is_delete_operation: bool = False,
    ) -> None:
        """Nothing to wait for."""
        if show_output:
            print("Succeeded\nAmlCompute wait for completion finished")

    @azure(differs="States what is registered; machines in use are seen with kubectl parallelrun list.")
    def get_status(self) -> AmlComputeStatus:
        """What is registered, as a status."""
        return AmlComputeStatus(self)

    @azure()
    def refresh_state(self) -> None:
        """Look at what is registered now."""
        self._load()

    @azure()
    def delete(self) -> None:
        """Forget the name."""
        self.workspace._objects.delete(self._entry)

    @azure(refuses={"min_nodes": "Machines are the cluster's: its autoscaler has a least number."})
    def update(
        self,
        min_nodes: int | None = None,
        max_nodes: int | None = None,
        idle_seconds_before_scaledown: int | None = None,
    ) -> None:
        """Change how many nodes a job gets at most."""
        if max_nodes is not None:
            spec = {key: value for key, value in self._spec.items() if key != "name"}
            self.workspace._objects.register(_KIND, self.name, {**spec, "maxNodes": max_nodes}, overwrite=True)
            self._load()

    @azure()
    def serialize(self) -> dict[str, Any]:
        """As a dict."""
        return {"name": self.name, "type": self.type, **self.get_status().serialize()}

    def __repr__(self) -> str:
        return f"AmlCompute(workspace={self.workspace!r}, name={self.name}, type={self.type})"


class AmlCompute(ComputeTarget):
    """A ComputeTarget made of a VM size."""

    @staticmethod
    @azure(
        differs="Of the VM size a table makes what pods get; vm_sizes.yaml in the workspace's folder extends it.",
        notes={
            "admin_username": _NETWORK,
            "admin_user_password": _NETWORK,
            "admin_user_ssh_key": _NETWORK,
            "vnet_resourcegroup_name": _NETWORK,
            "vnet_name": _NETWORK,
            "subnet_name": _NETWORK,
            "remote_login_port_public_access": _NETWORK,
            "location": "machines are where the cluster is",
        },
        refuses={
            "identity_type": "Name a service account: serviceAccountName of the registered ComputeTarget.",
            "identity_id": "Name a service account: serviceAccountName of the registered ComputeTarget.",
        },
    )
    def provisioning_configuration(
        vm_size: str = "",
        vm_priority: str = "dedicated",
        min_nodes: int = 0,
        max_nodes: int | None = None,
        idle_seconds_before_scaledown: int | None = None,
        admin_username: str | None = None,
        admin_user_password: str | None = None,
        admin_user_ssh_key: str | None = None,
        vnet_resourcegroup_name: str | None = None,
        vnet_name: str | None = None,
        subnet_name: str | None = None,
        tags: Mapping[str, str] | None = None,
        description: str | None = None,
        remote_login_port_public_access: str = "NotSpecified",
        identity_type: Any = None,
        identity_id: Any = None,
        location: str | None = None,
        enable_node_public_ip: bool = True,
    ) -> AmlComputeProvisioningConfiguration:
        """What ComputeTarget.create takes."""
        if not vm_size:
            raise ComputeTargetException("AmlCompute.provisioning_configuration: say vm_size.")
        most = None if max_nodes is None else int(max_nodes)
        return AmlComputeProvisioningConfiguration(
            vm_size, vm_priority or "dedicated", int(min_nodes or 0), most, dict(tags or {}), description or ""
        )

    supported_vmsizes = Refused("The table is parallelrun.azureml.backend.vm_sizes.SIZES.")

    @property
    def vm_size(self) -> str:
        """As it was created; "" of one that was registered otherwise."""
        return self.tags.get("vm_size", "")

    @property
    def vm_priority(self) -> str:
        """Dedicated or lowpriority."""
        return _LOW if self._spec.get("spot") else "dedicated"

    @property
    def scale_settings(self) -> Any:
        """minimum_node_count and maximum_node_count."""
        return SimpleNamespace(
            minimum_node_count=int(self.tags.get("min_nodes", 0)), maximum_node_count=self._spec.get("maxNodes")
        )


class AmlComputeStatus:
    """What ``get_status`` gives."""

    def __init__(self, target: ComputeTarget) -> None:
        self._target = target
        self.provisioning_state = "Succeeded"
        self.allocation_state = "Steady"
        self.current_node_count = 0
        self.errors: builtins.list[str] = []

    @azure()
    def serialize(self) -> dict[str, Any]:
        """As a dict."""
        target = self._target
        return {
            "provisioningState": self.provisioning_state,
            "allocationState": self.allocation_state,
            "currentNodeCount": self.current_node_count,
            "vmSize": target.tags.get("vm_size", ""),
            "vmPriority": _LOW if target._spec.get("spot") else "dedicated",
            "scaleSettings": {
                "minNodeCount": int(target.tags.get("min_nodes", 0)),
                "maxNodeCount": target._spec.get("maxNodes"),
            },
            "resources": target._spec.get("resources", {}),
        }


_OTHERS = (
    "Register a ComputeTarget: AmlCompute.provisioning_configuration(vm_size, max_nodes=...), for ComputeTarget.create."
)
ComputeInstance = refused_class("ComputeInstance", __name__, _OTHERS)
AksCompute = refused_class("AksCompute", __name__, _OTHERS)
KubernetesCompute = refused_class("KubernetesCompute", __name__, _OTHERS)
RemoteCompute = refused_class("RemoteCompute", __name__, _OTHERS)
DataFactoryCompute = refused_class("DataFactoryCompute", __name__, _OTHERS)
DatabricksCompute = refused_class("DatabricksCompute", __name__, _OTHERS)
BatchCompute = refused_class("BatchCompute", __name__, _OTHERS)
HDInsightCompute = refused_class("HDInsightCompute", __name__, _OTHERS)
AdlaCompute = refused_class("AdlaCompute", __name__, _OTHERS)
SynapseCompute = refused_class("SynapseCompute", __name__, _OTHERS)
