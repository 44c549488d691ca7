"""What a ParallelRunJob comes to in this cluster: the checked model, the agents' settings, what its pods mount."""

from __future__ import annotations

from dataclasses import dataclass, field

from parallelrun.api.models import ParallelRunJob
from parallelrun.api.settings import JobSettings
from parallelrun_operator.job.settings.packages import Packages

#: The label that makes a Job wait for its turn.
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"


@dataclass(frozen=True)
class Folder:
    """A file or folder on a claim, at the same path wherever it is mounted."""

    claim: str
    path: str  # from the claim's root, normalised, never "" or with ".."
    writable: bool = False


@dataclass(frozen=True)
class Used:
    """What the names of registered objects stood for, as status tells it."""

    models: dict[str, str] = field(default_factory=dict)  # versions by name
    datasets: dict[str, str] = field(default_factory=dict)
    environment: str = ""  # name:version
    compute_target: str = ""


@dataclass(frozen=True)
class Resolved:
    """A manifest in which everything that can be known without looking at volumes is known."""

    applied: ParallelRunJob
    model: ParallelRunJob  # with what registered objects say, where it names such
    used: Used
    queue: str  # the Kueue queue that the job waits in; "" where it is in none
    settings: JobSettings
    settings_files: dict[str, str]  # settings.json, job.yaml and registered.json, as their ConfigMap holds them
    image: str  # of the worker
    code: str  # where the source folder is found in the pod, before this pod's copy of it is made
    claims: dict[str, bool]  # claims that prepare mounts whole, by name: whether it writes to them
    config_maps: tuple[str, ...]  # ConfigMaps that the agent and the worker mount
    folders: tuple[Folder, ...]  # what the worker mounts of claims, beside the job's folder
    agent_folders: tuple[Folder, ...]  # what the agent mounts of claims, beside the job's folder
    environment: tuple[str | None, ...]  # value of each of spec.environment.env, references replaced; None: valueFrom
    secrets: dict[str, str]  # Secrets of the stores that the agent reads or writes, by the folder that it finds them in
    fetches: bool  # whether anything is on object stores, so that there has to be a cache
    needs: tuple[tuple[str, str], ...]  # (kind, name) of all objects that the manifest names and that must be there
    packages: Packages | None = None  # None where spec.environment lists none
