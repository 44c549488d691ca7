"""Where things are in a job's pods: the same paths in the agent's and the worker's container.

The operator writes pods by these, ``parallelrun_agent.pod`` fills the folders, and settings name paths below them. A
file of a claim has the same path for ``prepare``, which mounts claims whole, and for agent and worker, which mount only
the folders that the job names.
"""

from __future__ import annotations

ROOT = "/parallelrun"
JOB = f"{ROOT}/job"  # the job's folder (subPath of spec.volume's claim), writable in both containers
CLAIMS = f"{ROOT}/claims"  # claims by name: whole in prepare; else single folders, read-only but for outputs
CONFIG_MAPS = f"{ROOT}/configmaps"  # ConfigMaps that inputs, models or side inputs name (configmap://), by name
CONFIG = f"{ROOT}/config"  # settings.json and job.yaml, from the operator; agent and prepare only
CODE = f"{ROOT}/code"  # the source ConfigMap, as mounted; prepare only
CHECKOUT = f"{ROOT}/checkout"  # emptyDir: what was fetched from Git or copied out of the user's image
SOURCE = f"{ROOT}/source"  # emptyDir: this pod's copy of the source folder, the worker's working directory
PROGRAM = f"{ROOT}/program"  # emptyDir: parallelrun_worker, copied there for the user's interpreter
CACHE = f"{ROOT}/cache"  # emptyDir: what the agent fetched from object stores; read-only in the worker
CREDENTIALS = f"{ROOT}/credentials"  # Secrets of Datastores, each in a folder; agent only
ENVIRONMENT = f"{ROOT}/environment"  # what spec.environment lists (subPath, see below): read-only in the worker
WHEELS = f"{ROOT}/wheels"  # the operator's folder of wheels; environment only
CERTIFICATES = f"{ROOT}/certificates"  # the operator's ConfigMap of certificates for package indexes; environment only
MEETING = f"{ROOT}/meeting"  # emptyDir: where worker and agent meet

#: A key of the settings ConfigMap: JSON that says how a pod of this job's kind starts here ("image", "pull_policy",
#: "pull_secrets", "security": the pod's securityContext), for the pod that reads a job's files when the job is over.
READER = "reader.json"

#: The agent's environment variable that names spec.volume's claim, where relative paths of registered models begin.
CLAIM_VARIABLE = "PARALLELRUN_CLAIM"

# Containers of a pod; people type them (`kubectl logs POD -c worker`).
AGENT = "agent"
WORKER = "worker"  # a native sidecar, in the user's image
PROGRAM_INIT = "program"  # init: copies the worker program to PROGRAM
FETCH = "fetch"  # init, only where the source is in Git or in the user's image
PREPARE = "prepare"  # init: checks paths, fills SOURCE, PROGRAM and the job's folder
ENVIRONMENT_INIT = "environment"  # init, only where packages are listed: installs them, in the user's image

#: The folder of all environments, in the namespace's folder on spec.volume's claim. No job can name anything in it.
ENVIRONMENTS = ".environments"


def claim(name: str) -> str:
    """Where a claim is mounted."""
    return f"{CLAIMS}/{name}"


def config_map(name: str) -> str:
    """Where a ConfigMap that the job reads is mounted."""
    return f"{CONFIG_MAPS}/{name}"


def job_folder(namespace: str, job: str, uid: str) -> str:
    """The job's folder, from the root of spec.volume's claim."""
    return f"{namespace}/{job}-{uid}"


def environment_link(namespace: str, job: str, uid: str) -> str:
    """What leads to the job's environment, from the root of spec.volume's claim: prepare makes it, scripts cannot.

    It is kubelet that follows it; all jobs that ask for the same have one environment.
    """
    return f"{namespace}/{ENVIRONMENTS}/jobs/{job}-{uid}"
