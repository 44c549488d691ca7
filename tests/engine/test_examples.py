"""Every example does what its README shows, and what it ships is what its script makes."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from parallelrun.local import kustomize

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
#: Those that run on a laptop and in a cluster; what is in an object store is not on this machine.
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/cluster-job.yaml"))
OF_STORES = sorted(path.parent.name for path in EXAMPLES.glob("*/datastores.yaml"))
#: `kubectl apply` keeps the whole object in its annotations, which hold so many bytes together.
MOST_BYTES = 262_144
#: Where an example's files are is what differs between a laptop and a cluster; nothing else.
PLACES = {"source", "environment", "paths", "path", "partitionFormat"}
pytestmark = pytest.mark.engine


def command(*arguments: str | Path, cwd: Path) -> str:
    """What a command prints on stdout; it has to succeed."""
    done = subprocess.run(list(map(str, arguments)), cwd=cwd, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout


def run_example(name: str, output: Path, *what: str) -> Path:
    words = what or ("job.yaml",)
    command(sys.executable, "-m", "parallelrun.cli.main", "run", *words, "--output", output, cwd=EXAMPLES / name)
    return output


def assert_same_from_config_maps(name: str, output: Path, produced: str) -> None:
    """``run -k`` gives the bytes that ``output`` holds: the file ``produced``, or all files of that folder."""
    again = run_example(name, output.with_name("from-config-maps"), "-k", ".")
    whole = (output / produced).is_dir()
    made, wanted = ([*(folder / produced).iterdir()] if whole else [folder / produced] for folder in (again, output))
    assert {path.name: path.read_bytes() for path in made} == {path.name: path.read_bytes() for path in wanted}


def kubectl() -> str:
    """The program; a test that needs it is skipped where it is missing, but not in continuous integration."""
    found = shutil.which("kubectl", path=f"{EXAMPLES.parent / '.tools' / 'bin'}:{os.environ['PATH']}")
    if found is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("no kubectl: make cluster-tools")
    return found


def without_places(value: object) -> object:
    """``value`` without the fields that say where something is."""
    if isinstance(value, dict):
        return {key: without_places(inner) for key, inner in value.items() if key not in PLACES}
    return [without_places(inner) for inner in value] if isinstance(value, list) else value


def manifest(path: Path) -> dict:
    return yaml.safe_load(path.read_text())


def shown(name: str) -> list[str]:
    """The blocks of code in an example's README."""
    return re.findall(r"^```\n(.*?)^```", (EXAMPLES / name / "README.md").read_text(), re.DOTALL | re.MULTILINE)


def test_every_example_has_a_readme_that_runs_it():
    """No example comes without the command that runs it."""
    assert len(NAMES) >= 4
    for name in NAMES:
        assert shown(name)[0].startswith("parallelrun run job.yaml --output out\n")


@pytest.mark.parametrize("name", OF_STORES)
def test_what_an_example_names_is_registered_beside_it(name):
    """Its datastores, datasets and models are right, and fit the job."""
    said = command(sys.executable, "-m", "parallelrun.cli.main", "validate", "job.yaml", "--register", ".",
                   cwd=EXAMPLES / name)  # fmt: skip
    assert said == "job.yaml: ok\n"


def test_every_example_runs_in_a_cluster_and_here_or_is_over_object_stores():
    assert OF_STORES
    assert sorted([*NAMES, *OF_STORES]) == sorted(path.parent.name for path in EXAMPLES.glob("*/job.yaml"))


@pytest.mark.tensorflow
def test_mnist_reads_the_digits_that_it_was_not_trained_on(tmp_path):
    """The accuracy, the number of lines and their order are as the README says."""
    output = run_example("mnist", tmp_path / "out")
    score = command(sys.executable, "score.py", output / "parallel_run_step.txt", cwd=EXAMPLES / "mnist")
    assert score == shown("mnist")[1]
    first = (output / "parallel_run_step.txt").read_text().splitlines()[:3]
    assert "".join(f"    {line}\n" for line in first) + score in (EXAMPLES.parent / "README.md").read_text()
    assert_same_from_config_maps("mnist", output, "parallel_run_step.txt")


def test_the_score_refuses_an_output_out_of_order(tmp_path):
    """Two lines that changed places are named."""
    lines = (EXAMPLES / "mnist" / "labels.txt").read_text().splitlines()
    lines[7], lines[8] = lines[8], lines[7]
    (tmp_path / "out.txt").write_text("\n".join(lines) + "\n")
    done = subprocess.run(
        [sys.executable, EXAMPLES / "mnist" / "score.py", tmp_path / "out.txt"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "line 8 is 8.png, not 7.png" in done.stderr


def test_the_mnist_images_are_the_half_that_does_not_train(tmp_path):
    """The images shipped are those that train.py writes, and no training digit is among them."""
    shutil.copytree(EXAMPLES / "mnist", tmp_path / "mnist", ignore=shutil.ignore_patterns("images", "labels.txt"))
    code = """
import sys, types
sys.modules["tensorflow"] = types.ModuleType("tensorflow")
sys.modules["tensorflow.compat"] = types.ModuleType("tensorflow.compat")
sys.modules["tensorflow.compat.v1"] = types.ModuleType("tensorflow.compat.v1")
sys.modules["tensorflow.compat"].v1 = sys.modules["tensorflow.compat.v1"]
import train
images, labels = train.read_digits()
half = len(images) // 2
train.write_test_half(images[half:], labels[half:])
seen = {image.tobytes() for image in images[:half]}
print(sum(image.tobytes() in seen for image in images[half:]))
"""
    assert command(sys.executable, "-c", code, cwd=tmp_path / "mnist") == "0\n"
    assert (tmp_path / "mnist" / "labels.txt").read_bytes() == (EXAMPLES / "mnist" / "labels.txt").read_bytes()
    made = {path.name: path.read_bytes() for path in (tmp_path / "mnist" / "images").iterdir()}
    assert len(made) == 899
    assert made.keys() == {path.name for path in (EXAMPLES / "mnist" / "images").iterdir()}


@pytest.mark.parametrize("name", NAMES)
def test_the_cluster_s_job_is_the_laptop_s(name):
    """cluster-job.yaml says what job.yaml says, but for where the files are; an output's folder is the same in both."""
    laptop, cluster = manifest(EXAMPLES / name / "job.yaml"), manifest(EXAMPLES / name / "cluster-job.yaml")
    assert without_places(cluster) == without_places(laptop)
    assert cluster["spec"].get("outputs") == laptop["spec"].get("outputs")


@pytest.mark.parametrize("name", NAMES)
def test_every_configmap_can_be_applied(name):
    """What kubectl keeps of an applied object in its annotation fits there, with a little to spare."""
    config_maps = kustomize.load(EXAMPLES / name).config_maps
    assert len(config_maps) >= 2
    for config_map, content in config_maps.items():
        data = {key: base64.b64encode(value).decode() for key, value in content.items()}
        size = len(json.dumps({"kind": "ConfigMap", "metadata": {"name": config_map}, "binaryData": data}))
        assert size < MOST_BYTES - 2_000, f"{config_map}: {size} bytes"


@pytest.mark.parametrize("name", NAMES)
def test_kubectl_makes_the_same_configmaps(name):
    """`kubectl kustomize` makes the objects that local runs read, and the job refers to no other ConfigMap."""
    documents = list(yaml.safe_load_all(command(kubectl(), "kustomize", ".", cwd=EXAMPLES / name)))
    made = {}
    for document in documents:
        if document["kind"] == "ConfigMap":
            text = {key: value.encode() for key, value in document.get("data", {}).items()}
            binary = {key: base64.b64decode(value) for key, value in document.get("binaryData", {}).items()}
            made[document["metadata"]["name"]] = text | binary
    assert made == kustomize.load(EXAMPLES / name).config_maps
    jobs = [document for document in documents if document["kind"] == "ParallelRunJob"]
    assert [job["metadata"] for job in jobs] == [{"name": name}]
    named = re.findall(r"configmap://([-a-z0-9]+)", json.dumps(jobs))
    assert {*named, jobs[0]["spec"]["source"]["configMap"]["name"]} == made.keys()


def test_the_mnist_kustomization_is_what_its_script_makes(tmp_path):
    """A file that is added or removed gets into kustomization.yaml: otherwise run kustomize.py."""
    shutil.copytree(EXAMPLES / "mnist", tmp_path / "mnist")
    (tmp_path / "mnist" / "kustomization.yaml").unlink()
    command(sys.executable, "kustomize.py", cwd=tmp_path / "mnist")
    made = (tmp_path / "mnist" / "kustomization.yaml").read_text()
    assert made == (EXAMPLES / "mnist" / "kustomization.yaml").read_text()


def test_iris_names_the_species(tmp_path):
    """The head of the output and the number of right species are as the README says."""
    output = run_example("iris", tmp_path / "out")
    lines = (output / "species.csv").read_text().splitlines(keepends=True)
    assert "".join(lines[:3]) == shown("iris")[1]
    rows = [line.strip().split(",") for line in lines[1:]]
    assert [int(row[0]) for row in rows] == list(range(2, 151, 2))
    right = sum(species == predicted for _, species, predicted in rows)
    assert f"{right} of the {len(rows)} species are right" in (EXAMPLES / "iris" / "README.md").read_text()
    assert_same_from_config_maps("iris", output, "species.csv")


def test_iris_ships_what_its_script_makes(tmp_path):
    """Input and model come from data/iris.csv by train.py."""
    shutil.copytree(EXAMPLES / "iris", tmp_path / "iris")
    command(sys.executable, "train.py", cwd=tmp_path / "iris")
    for name in ("flowers.csv", "code/centroids.json"):
        assert (tmp_path / "iris" / name).read_bytes() == (EXAMPLES / "iris" / name).read_bytes(), name


def test_sales_by_store_shares_add_up(tmp_path):
    """One row for each row of the input, stores in order, and each week's shares make a whole."""
    import pandas as pd

    output = run_example("sales-by-store", tmp_path / "out")
    assert (output / "shares.csv").read_text().startswith(shown("sales-by-store")[1])
    shares = pd.read_csv(output / "shares.csv")
    rows = sum(len(path.read_text().splitlines()) - 1 for path in (EXAMPLES / "sales-by-store").rglob("*.csv"))
    assert len(shares) == rows
    assert shares["Store"].is_monotonic_increasing
    assert (shares.groupby(["Store", "week"])["share"].sum().sub(1).abs() < 0.001).all()
    assert_same_from_config_maps("sales-by-store", output, "shares.csv")


def test_word_count_writes_a_file_for_each_mini_batch(tmp_path):
    """The script's own files are in the declared folder, and add up to what the README says."""
    output = run_example("word-count", tmp_path / "out")
    assert sorted(path.name for path in (output / "counts").iterdir()) == [f"{number}.json" for number in range(6)]
    assert not (output / "parallel_run_step.txt").exists()
    assert (
        command(sys.executable, "add_up.py", output / "counts", cwd=EXAMPLES / "word-count") == shown("word-count")[1]
    )
    assert_same_from_config_maps("word-count", output, "counts")
