"""Where a finished job's outputs are, as people and later jobs name them, and what is there."""

from __future__ import annotations

import os
from pathlib import Path

from parallelrun.api import pod_layout
from parallelrun.api.settings import JobSettings
from parallelrun_agent import whole_files
from parallelrun_agent.output.merge import output_path
from parallelrun_agent.pod import words
from parallelrun_agent.storage.places import is_url


def places(folder: Path, settings: JobSettings) -> dict[str, str]:
    """``spec.outputs`` by name; ``output``: the folder of the output; ``file``: AppendRow's file, where there is one.

    Absolute paths or URLs. An output that a manifest calls output or file itself is that.
    """
    file = appended_file(folder, settings)
    of_output = {"output": shown(str(folder), settings) if file is None else os.path.dirname(file)}
    appended = {} if file is None else {"file": file}
    return of_output | appended | {name: shown(path, settings) for name, path in settings.outputs.items()}


def appended_file(folder: Path, settings: JobSettings) -> str | None:
    """AppendRow's file: an absolute path or URL."""
    path = output_path(folder, settings.output)
    if path is None:
        return None
    given = settings.output.path
    return f"{given.rstrip('/')}/{path.name}" if given and is_url(given) else shown(str(path.absolute()), settings)


def listings(settings: JobSettings) -> dict[str, str]:
    """What is in the folders of ``spec.outputs``, by name: somebody else may write there later."""
    return {name: whole_files.fingerprint(Path(path)) for name, path in settings.outputs.items()}


def shown(path: str, settings: JobSettings) -> str:
    """A path of a pod as the URL that it has everywhere; on one machine as it is."""
    if not settings.in_pod:
        return path
    own = pod_layout.job_folder(settings.namespace, settings.name, settings.uid)
    if path == pod_layout.JOB or path.startswith(pod_layout.JOB + "/"):
        path = f"{pod_layout.claim(os.environ[pod_layout.CLAIM_VARIABLE])}/{own}{path[len(pod_layout.JOB) :]}"
    return words.in_manifest(path)
