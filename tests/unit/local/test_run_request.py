"""What was asked for on a command line becomes a prepared run."""

from pathlib import Path
from typing import Any

import pytest

from parallelrun.api import layout
from parallelrun.api.errors import ManifestError
from parallelrun.leases import header as headers
from parallelrun.local import front_door, prepare, run_folder
from parallelrun.local.request import RunRequest

JOB = """\
apiVersion: parallelrun.dev/v1alpha1
kind: ParallelRunJob
metadata: {name: mnist}
spec:
  source: {configMap: {name: mnist-code}}
  entryScript: score.py
  inputs: [{name: images, type: File, paths: ["configmap://mnist-images/*.png"]}]
"""
KUSTOMIZATION = """\
resources: [job.yaml, model.yaml]
configMapGenerator:
- {name: mnist-code, files: [code/score.py]}
- {name: mnist-images, files: [images/1.png, images/2.png]}
"""


MODEL = """\
apiVersion: parallelrun.dev/v1alpha1
kind: Model
metadata: {name: m}
spec: {path: model}
"""


@pytest.fixture
def folder(site: Any) -> Path:
    base: Path = site.base
    (base / "job.yaml").write_text(JOB)
    (base / "model.yaml").write_text(MODEL)
    (base / "kustomization.yaml").write_text(KUSTOMIZATION)
    return base


def run(**asked: Any) -> prepare.Prepared:
    prepared = front_door.for_request(RunRequest(**asked))
    prepared.lock.close()
    return prepared


def test_a_kustomization_brings_code_images_and_models(folder: Path) -> None:
    prepared = run(kustomize=folder, sets=["spec.nodeCount=3"])
    assert prepared.settings.node_count == 3
    assert [model.name for model in prepared.settings.registered_models] == ["m"]
    images = prepared.folder / layout.CONFIG_MAPS / "mnist-images"
    assert sorted(path.name for path in images.iterdir()) == ["1.png", "2.png"]


def test_a_manifest_finds_the_kustomization_beside_it_and_what_set_changed_is_recorded(folder: Path) -> None:
    prepared = run(manifest=folder / "job.yaml", sets=["spec.runMaxTry=9"])
    assert "runMaxTry: 9" in (prepared.folder / layout.MANIFEST).read_text()
    assert prepared.settings.run_max_try == 9
    resumed = run(manifest=folder / "job.yaml", sets=["spec.runMaxTry=9"], resume=True)
    assert resumed.folder == prepared.folder
    assert resumed.header.generation == 2


def test_a_run_is_run_again_by_its_folder(folder: Path, tmp_path: Path) -> None:
    first = run(kustomize=folder)
    again = run(rerun_of=first.folder, output=tmp_path / "again", failed_only=False)
    assert again.folder == tmp_path / "again"
    assert again.header.phase is headers.Phase.PLANNING
    assert run_folder.read_settings(again.folder) == again.settings


def test_a_kustomization_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"holds no kustomization.yaml"):
        run(kustomize=tmp_path)
