"""Compute targets: what a VM size is in requests of pods, by a table that can be extended."""

from __future__ import annotations

import pytest

from parallelrun.api.errors import ManifestError
from parallelrun.azureml.backend.support import NotAvailableHere
from parallelrun.azureml.core import Workspace
from parallelrun.azureml.core.compute import AmlCompute, ComputeTarget
from parallelrun.azureml.core.compute_target import ComputeTargetException


def create(ws: Workspace, size: str = "STANDARD_D2_V2", **options: object) -> AmlCompute:
    return ComputeTarget.create(ws, "cpu-cluster", AmlCompute.provisioning_configuration(size, **options))  # type: ignore[arg-type]


def test_a_vm_size_becomes_what_pods_get_and_how_many_there_may_be(ws: Workspace) -> None:
    made = create(ws, min_nodes=0, max_nodes=4, vm_priority="lowpriority", description="d", tags={"by": "me"})
    assert made._spec["resources"] == {"requests": {"cpu": "1600m", "memory": "5734Mi"}}
    assert (made._spec["maxNodes"], made._spec["spot"], made.tags["by"]) == (4, True, "me")
    assert (made.vm_size, made.vm_priority, made.type, made.provisioning_state) == (
        "STANDARD_D2_V2", "lowpriority", "AmlCompute", "Succeeded",
    )  # fmt: skip
    assert (made.scale_settings.minimum_node_count, made.scale_settings.maximum_node_count) == (0, 4)


def test_a_gpu_size_asks_for_gpus(ws: Workspace) -> None:
    assert create(ws, "Standard_NC12s_v3")._spec["resources"]["limits"] == {"nvidia.com/gpu": 2}


def test_the_table_is_extended_by_a_file(ws: Workspace) -> None:
    ws._settings.folder.mkdir()
    (ws._settings.folder / "vm_sizes.yaml").write_text(
        "standard_d2_v2: {cpu: 100m, memory: 64Mi}\nour-node: {cpu: 7, memory: 50Gi, gpus: 1}\n"
    )
    assert create(ws)._spec["resources"] == {"requests": {"cpu": "100m", "memory": "64Mi"}}
    assert create(ws, "our-node")._spec["resources"]["limits"] == {"nvidia.com/gpu": 1}
    (ws._settings.folder / "vm_sizes.yaml").write_text("our-node: {cpus: 7}\n")
    with pytest.raises(ManifestError, match="our-node"):
        create(ws, "our-node")


def test_an_unknown_size_is_refused_with_the_way_to_extend_the_table(ws: Workspace) -> None:
    with pytest.raises(ManifestError, match="vm_size='STANDARD_X1'") as refused:
        create(ws, "STANDARD_X1")
    assert "vm_sizes.yaml" in refused.value.hint


def test_it_is_found_by_its_name_as_the_class_that_scripts_compare_with(ws: Workspace) -> None:
    create(ws)
    found = ComputeTarget(workspace=ws, name="cpu-cluster")
    assert type(found) is AmlCompute
    assert AmlCompute(ws, "cpu-cluster").name == found.name
    assert [one.name for one in ComputeTarget.list(ws)] == ["cpu-cluster"]
    assert "cpu-cluster" in repr(found)


def test_one_that_is_not_there_raises_what_scripts_catch(ws: Workspace) -> None:
    with pytest.raises(ComputeTargetException, match="ComputeTargetNotFound"):
        ComputeTarget(ws, "nosuch")


def test_there_is_nothing_to_wait_for(ws: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    made = create(ws, max_nodes="4")
    made.wait_for_completion(show_output=True, min_node_count=None, timeout_in_minutes=20)
    assert "Succeeded" in capsys.readouterr().out
    status = made.get_status().serialize()
    assert status["scaleSettings"] == {"minNodeCount": 0, "maxNodeCount": 4}
    assert made.serialize()["name"] == "cpu-cluster"


def test_it_can_be_changed_and_forgotten(ws: Workspace) -> None:
    made = create(ws, max_nodes=4)
    made.update(max_nodes=8)
    made.refresh_state()
    assert made.scale_settings.maximum_node_count == 8
    made.delete()
    assert list(ws.compute_targets) == []


def test_what_is_no_provisioning_configuration_is_refused(ws: Workspace) -> None:
    with pytest.raises(NotAvailableHere, match="dict"):
        ComputeTarget.create(ws, "c", {})  # type: ignore[arg-type]
    with pytest.raises(ComputeTargetException, match="say vm_size"):
        AmlCompute.provisioning_configuration()
