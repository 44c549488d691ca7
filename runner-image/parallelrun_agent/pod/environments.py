"""Where a job's packages are: one folder for all jobs of the namespace that ask for the same, made on the job's claim.

A pod mounts it by a link that is the job's alone, which kubelet follows; so neither the operator has to know what is in
the source's requirements file, nor can a script get at the packages of others. The link stays as the first pod made it.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from parallelrun.api import pod_layout
from parallelrun.api.errors import EnvironmentError_
from parallelrun.api.settings import JobSettings
from parallelrun_agent.output import durable
from parallelrun_agent.pod.job_folder import make_folders
from parallelrun_worker.environment import recipe
from parallelrun_worker.environment.not_made import NotMade


def link(folder: Path, settings: JobSettings, source: Path, salt: str) -> None:
    """Make the folder for what the job whose folder is ``folder`` asks for, and the link to it.

    ``source`` is this pod's copy of the source. Raises EnvironmentError_, NoSpace or OutputError.
    """
    shared = folder.parent / pod_layout.ENVIRONMENTS
    own = shared / "jobs" / folder.name
    if os.path.isdir(own):
        return
    target = shared / _key(settings, source, salt)
    make_folders([own.parent, target])
    temporary = own.with_name(f".{own.name}.{secrets.token_hex(6)}")
    with durable.writing(own):
        temporary.symlink_to(os.path.relpath(target, own.parent))
        temporary.replace(own)


def _key(settings: JobSettings, source: Path, salt: str) -> str:
    wanted = recipe.Recipe(
        str(source),
        tuple(line.strip() for line in settings.pip if line.strip()),
        settings.requirements and str(source / settings.requirements),
        settings.conda and str(source / settings.conda),
    )
    try:
        return recipe.key([salt, *recipe.contents(wanted)])
    except NotMade as error:
        raise EnvironmentError_(str(error).replace(f"{source}/", ""), error.hint) from None
