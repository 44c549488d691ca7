"""The containers of a job's pods: three that get ready, the worker beside, the agent as the one that counts."""

from __future__ import annotations

from typing import Any

from parallelrun.api import pod_layout
from parallelrun_operator.config import Config
from parallelrun_operator.job.children import security, volumes
from parallelrun_operator.job.settings import Resolved, rerun
from parallelrun_operator.job.settings.packages import Packages
from parallelrun_operator.job.world import World

Json = dict[str, Any]

_OURS = ["python", "-m"]
_HOST = f"{pod_layout.PROGRAM}/parallelrun_worker/host.py"
_ENVIRONMENT = f"{pod_layout.PROGRAM}/parallelrun_worker/environment/program.py"
_COPY_TREE = f"{pod_layout.PROGRAM}/parallelrun_worker/copy_tree.py"
#: The root file system is read-only, or the user has no home in the image: what wants one, such as a cache, has /tmp.
_HOME = {"name": "HOME", "value": "/tmp"}
#: What no proxy is asked for.
_DIRECT = ("localhost", "127.0.0.1", "$(KUBERNETES_SERVICE_HOST)", ".svc", ".cluster.local")


def of_pod(world: World, resolved: Resolved) -> tuple[list[Json], list[Json]]:
    """(init containers in their order, containers)."""
    fetch = [_fetch(world.config, resolved)] if volumes.is_fetched(resolved) else []
    installed = [] if resolved.packages is None else [_environment(world, resolved, resolved.packages)]
    first = [_program(world.config), *fetch, _prepare(world, resolved), *installed]
    return [*first, _worker(world, resolved)], [_agent(world, resolved)]


def _program(config: Config) -> Json:
    command = [*_OURS, "parallelrun_agent.pod.program", pod_layout.PROGRAM]
    return _ours(config, pod_layout.PROGRAM_INIT, command, volumes.of_program())


def _fetch(config: Config, resolved: Resolved) -> Json:
    source = resolved.model.spec.source
    if source.git is not None:
        what = [source.git.url, source.git.ref, source.git.path]
        command = [*_OURS, "parallelrun_agent.pod.fetch_git", *map(_literal, what), pod_layout.CHECKOUT]
        container = _ours(config, pod_layout.FETCH, command, volumes.of_fetch())
        return container | {"env": [_HOME, *_proxy(config)]}
    command = ["python3", _COPY_TREE, _literal(source.image_path or ""), pod_layout.CHECKOUT]
    container = _ours(config, pod_layout.FETCH, command, volumes.of_fetch())
    return container | _image(config, resolved)


def _prepare(world: World, resolved: Resolved) -> Json:
    claim = pod_layout.claim(resolved.model.spec.volume.claim)
    folder = f"{claim}/{pod_layout.job_folder(world.namespace, world.name, world.uid)}"
    code, failed_of = resolved.code, []
    if world.earlier is not None:
        earlier = rerun.earlier(resolved, world.job, world.earlier)
        code, failed_of = earlier.code or code, ["--failed-of", earlier.folder]
    command = [*_OURS, "parallelrun_agent.pod.prepare", "--folder", folder, "--code", _literal(code), *_store(world)]
    salt = [] if resolved.packages is None else ["--packages-of", resolved.packages.salt]
    container = _ours(world.config, pod_layout.PREPARE, [*command, *failed_of, *salt], volumes.of_prepare(resolved))
    return container | {"env": [*_identity(), _HOME]}


def _environment(world: World, resolved: Resolved, packages: Packages) -> Json:
    """In the user's image and with the job's own variables: it must find the Python that the worker finds."""
    asked = resolved.model.spec.environment
    command = ["python3", _ENVIRONMENT, "make", pod_layout.ENVIRONMENT, pod_layout.SOURCE]
    command += [f"--pip={_literal(line)}" for line in asked.pip]
    command += [f"--requirements={_literal(asked.requirements)}"] if asked.requirements else []
    command += [f"--conda={_literal(asked.conda)}"] if asked.conda else []
    container = _ours(world.config, pod_layout.ENVIRONMENT_INIT, command, volumes.of_environment(world, resolved))
    told = [{"name": name, "value": _literal(value)} for name, value in packages.variables.items()]
    variables = {one["name"]: one for one in [*_proxy(world.config), *told, *_variables(resolved)]}
    resources = _worker_resources(world.config, resolved)
    plain = {kind: {k: v for k, v in amounts.items() if "/" not in k} for kind, amounts in resources.items()}
    made = container | _image(world.config, resolved) | {"env": [*variables.values()], "resources": plain}
    return made | _env_from(resolved)


def _agent(world: World, resolved: Resolved) -> Json:
    command = [*_OURS, "parallelrun_agent", "--node", "$(JOB_COMPLETION_INDEX)", "--holder", "$(POD_UID)"]
    command += ["--meeting", pod_layout.MEETING, "--folder", pod_layout.JOB, *_store(world)]
    command += ["--drain-seconds", str(world.config.drain_seconds)]
    container = _ours(world.config, pod_layout.AGENT, command, volumes.of_agent(world, resolved))
    claim = {"name": pod_layout.CLAIM_VARIABLE, "value": resolved.model.spec.volume.claim}
    return container | {"env": [*_identity(), _HOME, claim, *_proxy(world.config)]}


def _worker(world: World, resolved: Resolved) -> Json:
    entered = [] if resolved.packages is None else [_ENVIRONMENT, "enter", pod_layout.ENVIRONMENT]
    return {
        "name": pod_layout.WORKER,
        **_image(world.config, resolved),
        "restartPolicy": "Always",  # a sidecar: it starts before the agent, and ends after it
        "command": ["python3", *entered, _HOST, pod_layout.MEETING],
        "workingDir": pod_layout.SOURCE,
        "env": _variables(resolved),
        "resources": _worker_resources(world.config, resolved),
        "volumeMounts": volumes.of_worker(world, resolved),
        "securityContext": security.of_container(read_only_root=False),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        **_env_from(resolved),
    }


def _env_from(resolved: Resolved) -> Json:
    sources = resolved.model.spec.environment.env_from
    return {"envFrom": [one.model_dump(by_alias=True, exclude_none=True) for one in sources]} if sources else {}


def _ours(config: Config, name: str, command: list[str], mounts: list[Json]) -> Json:
    return {
        "name": name,
        "image": config.runner_image,
        "imagePullPolicy": config.runner_pull_policy,
        "command": command,
        "env": [_HOME],
        "resources": config.agent_resources,
        "volumeMounts": mounts,
        "securityContext": security.of_container(read_only_root=True),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _image(config: Config, resolved: Resolved) -> Json:
    environment = resolved.model.spec.environment
    own = environment.image_pull_policy or "IfNotPresent"
    policy = config.runner_pull_policy if environment.image is None else own
    return {"image": resolved.image, "imagePullPolicy": policy}


def _worker_resources(config: Config, resolved: Resolved) -> Json:
    resources = resolved.model.spec.resources
    asked = {"requests": dict(resources.requests), "limits": dict(resources.limits)}
    return {kind: amounts for kind, amounts in asked.items() if amounts} or config.worker_resources


def _store(world: World) -> list[str]:
    return ["--store", f"kube:$(POD_NAMESPACE)/{world.names.base}"]


def _identity() -> list[Json]:
    """Which pod it is: a holder is known by its pod's UID."""
    fields = {"POD_NAMESPACE": "metadata.namespace", "POD_NAME": "metadata.name", "POD_UID": "metadata.uid"}
    return [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in fields.items()]


def _proxy(config: Config) -> list[Json]:
    """In both spellings: libraries differ. The API server, which Kubernetes puts in, is reached without."""
    given = {"HTTP_PROXY": config.proxy.get("http"), "HTTPS_PROXY": config.proxy.get("https")}
    found = {name: str(value) for name, value in given.items() if value}
    if found:
        found["NO_PROXY"] = ",".join(filter(None, [*_DIRECT, config.proxy.get("none")]))
    return [{"name": spelt, "value": value} for name, value in found.items() for spelt in (name, name.lower())]


def _variables(resolved: Resolved) -> list[Json]:
    """The job's, over ours."""
    variables: list[Json] = []
    for variable, value in zip(resolved.model.spec.environment.env, resolved.environment, strict=True):
        if variable.value_from is None:
            variables.append({"name": variable.name, "value": _literal(value or "")})
        else:
            source = variable.value_from.model_dump(by_alias=True, exclude_none=True)
            variables.append({"name": variable.name, "valueFrom": source})
    named = {variable["name"] for variable in variables}
    ours = [{"name": "PYTHONUNBUFFERED", "value": "1"}, _HOME]
    return [*(variable for variable in ours if variable["name"] not in named), *variables]


def _literal(text: str) -> str:
    """``text`` so that Kubernetes, which replaces $(NAME) in commands and variables, leaves it as it is."""
    return text.replace("$", "$$")
