"""What a node of an Azure VM size is: the table that makes resources of a job's pods out of ``vm_size``.

A pod gets what machines of that size leave to pods: four fifths. More sizes, or other quantities, are said in
``vm_sizes.yaml`` of the workspace's folder, as pods are to have them::

    STANDARD_D2_V2: {cpu: 500m, memory: 1Gi}
    my-gpu-node: {cpu: 7, memory: 50Gi, gpus: 1}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from parallelrun.api import hints
from parallelrun.api.errors import ManifestError

GPU = "nvidia.com/gpu"
_FILE = "vm_sizes.yaml"
_PODS_SHARE = 0.8

#: vCPUs, memory in GiB, GPUs.
SIZES: dict[str, tuple[int, float, int]] = {
    "STANDARD_D1_V2": (1, 3.5, 0),
    "STANDARD_D2_V2": (2, 7, 0),
    "STANDARD_D3_V2": (4, 14, 0),
    "STANDARD_D4_V2": (8, 28, 0),
    "STANDARD_D5_V2": (16, 56, 0),
    "STANDARD_D11_V2": (2, 14, 0),
    "STANDARD_D12_V2": (4, 28, 0),
    "STANDARD_D13_V2": (8, 56, 0),
    "STANDARD_D14_V2": (16, 112, 0),
    "STANDARD_DS1_V2": (1, 3.5, 0),
    "STANDARD_DS2_V2": (2, 7, 0),
    "STANDARD_DS3_V2": (4, 14, 0),
    "STANDARD_DS4_V2": (8, 28, 0),
    "STANDARD_DS5_V2": (16, 56, 0),
    "STANDARD_DS11_V2": (2, 14, 0),
    "STANDARD_DS12_V2": (4, 28, 0),
    "STANDARD_DS13_V2": (8, 56, 0),
    "STANDARD_DS14_V2": (16, 112, 0),
    "STANDARD_D2S_V3": (2, 8, 0),
    "STANDARD_D4S_V3": (4, 16, 0),
    "STANDARD_D8S_V3": (8, 32, 0),
    "STANDARD_D16S_V3": (16, 64, 0),
    "STANDARD_D32S_V3": (32, 128, 0),
    "STANDARD_D64S_V3": (64, 256, 0),
    "STANDARD_D2_V3": (2, 8, 0),
    "STANDARD_D4_V3": (4, 16, 0),
    "STANDARD_D8_V3": (8, 32, 0),
    "STANDARD_D16_V3": (16, 64, 0),
    "STANDARD_E4S_V3": (4, 32, 0),
    "STANDARD_E8S_V3": (8, 64, 0),
    "STANDARD_E16S_V3": (16, 128, 0),
    "STANDARD_E32S_V3": (32, 256, 0),
    "STANDARD_F2S_V2": (2, 4, 0),
    "STANDARD_F4S_V2": (4, 8, 0),
    "STANDARD_F8S_V2": (8, 16, 0),
    "STANDARD_F16S_V2": (16, 32, 0),
    "STANDARD_F32S_V2": (32, 64, 0),
    "STANDARD_F64S_V2": (64, 128, 0),
    "STANDARD_NC6": (6, 56, 1),
    "STANDARD_NC12": (12, 112, 2),
    "STANDARD_NC24": (24, 224, 4),
    "STANDARD_NC6S_V2": (6, 112, 1),
    "STANDARD_NC12S_V2": (12, 224, 2),
    "STANDARD_NC24S_V2": (24, 448, 4),
    "STANDARD_NC6S_V3": (6, 112, 1),
    "STANDARD_NC12S_V3": (12, 224, 2),
    "STANDARD_NC24S_V3": (24, 448, 4),
    "STANDARD_NC4AS_T4_V3": (4, 28, 1),
    "STANDARD_NC8AS_T4_V3": (8, 56, 1),
    "STANDARD_NC16AS_T4_V3": (16, 110, 1),
    "STANDARD_NC64AS_T4_V3": (64, 440, 4),
    "STANDARD_NC24ADS_A100_V4": (24, 220, 1),
    "STANDARD_NC48ADS_A100_V4": (48, 440, 2),
    "STANDARD_NC96ADS_A100_V4": (96, 880, 4),
    "STANDARD_ND6S": (6, 112, 1),
    "STANDARD_ND12S": (12, 224, 2),
    "STANDARD_ND24S": (24, 448, 4),
    "STANDARD_ND40RS_V2": (40, 672, 8),
    "STANDARD_ND96ASR_V4": (96, 900, 8),
    "STANDARD_NV6": (6, 56, 1),
    "STANDARD_NV12": (12, 112, 2),
    "STANDARD_NV24": (24, 224, 4),
}


def resources(vm_size: str, folder: Path) -> dict[str, Any]:
    """``resources`` of the pods, for a VM size of the table or of the workspace folder's ``vm_sizes.yaml``.

    Raises ManifestError for an unknown one.
    """
    own = _own(folder / _FILE)
    name = vm_size.upper()
    if name in own:
        said = own[name]
        return _resources({key: said[key] for key in ("cpu", "memory") if key in said}, int(said.get("gpus", 0)))
    if name in SIZES:
        cpus, memory, gpus = SIZES[name]
        requests = {"cpu": f"{round(cpus * 1000 * _PODS_SHARE)}m", "memory": f"{round(memory * 1024 * _PODS_SHARE)}Mi"}
        return _resources(requests, gpus)
    raise ManifestError(
        f"AmlCompute.provisioning_configuration(vm_size={vm_size!r}): this VM size is not known.",
        f"{hints.known('size', name, {*SIZES, *own})} Or say what it has in {folder / _FILE}: "
        f"{vm_size}: {{cpu: 4, memory: 16Gi, gpus: 0}}",
    )


def _resources(requests: dict[str, Any], gpus: int) -> dict[str, Any]:
    return {"requests": requests, **({"limits": {GPU: gpus}} if gpus else {})}


def _own(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    import yaml

    said = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    if not isinstance(said, dict) or not all(isinstance(one, dict) for one in said.values()):
        raise ManifestError(f"{path} is not a map of sizes.", "Example: STANDARD_D2_V2: {cpu: 1, memory: 4Gi, gpus: 0}")
    for name, one in said.items():
        for key in one:
            if key not in ("cpu", "memory", "gpus"):
                raise ManifestError(f"{path}: {name}.{key} is not known.", "There is: cpu, memory, gpus.")
    return {str(name).upper(): one for name, one in said.items()}
