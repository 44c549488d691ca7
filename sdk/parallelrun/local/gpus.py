"""Which GPUs a run hands out to its processes, one each.

Only a job that asks for GPUs (``resources.limits["nvidia.com/gpu"]``, or another vendor's) gets them handed out, and at
most as many as it asks for, as in a cluster. Any other job's processes see what the shell sees.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from typing import TYPE_CHECKING

from parallelrun.api import gpus

if TYPE_CHECKING:
    from parallelrun.api.models import Resources


VISIBLE = "CUDA_VISIBLE_DEVICES"
_SECONDS = 20  # nvidia-smi can hang on a broken driver


def for_job(resources: Resources, shell: Mapping[str, str]) -> list[str]:
    """The indexes (or UUIDs) to hand out; none where the job asks for none or the machine has none."""
    wanted = gpus.wanted(resources)
    return on_machine(shell)[:wanted] if wanted > 0 else []


def on_machine(shell: Mapping[str, str]) -> list[str]:
    """The GPUs of this machine: ``CUDA_VISIBLE_DEVICES`` where it is set, else what ``nvidia-smi -L`` lists."""
    visible = shell.get(VISIBLE)
    if visible is not None:
        return _visible(visible)
    if shutil.which("nvidia-smi") is None:
        return []
    try:
        done = subprocess.run(
            ["nvidia-smi", "-L"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    count = sum(line.startswith("GPU ") for line in done.stdout.splitlines())
    return [str(number) for number in range(count)]


def _visible(value: str) -> list[str]:
    """As CUDA reads the variable: devices up to the first that is -1."""
    devices = [device.strip() for device in value.split(",")]
    return devices[: next((number for number, device in enumerate(devices) if device in ("", "-1")), len(devices))]
