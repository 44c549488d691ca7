"""Entry scripts in the styles that people publish run as they are, with right results."""

from __future__ import annotations

import os
import pickle
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from engine_harness import RunFolder, Site

SCRIPTS = Path(__file__).parent / "entry_scripts"
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
DATA = os.environ.get("PARALLELRUN_TEST_DATA", "")
with_data = pytest.mark.skipif(not DATA, reason="PARALLELRUN_TEST_DATA is not set: the folder with the test data")
pytestmark = pytest.mark.engine


def run(site: Site, style: str, script: str, *documents: dict[str, Any], **spec: Any) -> RunFolder:
    """A job with the script of that folder, unchanged."""
    shutil.copytree(SCRIPTS / style, site.folder / "code", dirs_exist_ok=True)
    return site.run(*documents, entryScript=script, **spec)


@with_data
@pytest.mark.tensorflow
def test_images_with_a_tensorflow_1_checkpoint(site: Site) -> None:
    """Of the first images of MNIST's test set, which the model reads right but for the ninth."""
    import numpy
    from PIL import Image

    kept = numpy.load(Path(DATA) / "mnist" / "t10k.npz")
    for number in range(12):
        Image.fromarray(kept["images"][number]).save(site.folder / f"in/{number}.png")
    model = {
        "apiVersion": "parallelrun.dev/v1alpha1", "kind": "Model", "metadata": {"name": "mnist-prs"},
        "spec": {"path": f"{DATA}/mnist-model"},
    }  # fmt: skip
    images = [{"name": "images", "type": "File", "paths": ["in/*.png"]}]
    left = run(site, "images_tf1", "digit_identification.py", model, inputs=images, miniBatchSize=5)
    found = [int(line.split(": ")[1]) for line in left.lines()]
    assert [line.split(": ")[0] for line in left.lines()] == [f"{number}.png" for number in range(12)]
    assert sum(digit == truth for digit, truth in zip(found, kept["labels"][:12], strict=True)) >= 11


def test_a_table_with_a_pickled_model(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """All 75 flowers that the model was not taught, each with the species that its means are nearest to."""
    import pandas

    flowers = pandas.read_csv(EXAMPLES / "iris/flowers.csv")
    taught = pandas.read_csv(EXAMPLES / "iris/data/iris.csv")
    monkeypatch.syspath_prepend(str(SCRIPTS / "tabular_model"))
    import nearest  # type: ignore[import-not-found]

    measures = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    model = nearest.NearestMean().fit(taught[measures].to_numpy(), taught["species"].to_numpy())
    (site.folder / "iris_model.pkl").write_bytes(pickle.dumps(model))
    del sys.modules["nearest"]
    shutil.copyfile(EXAMPLES / "iris/flowers.csv", site.folder / "in/flowers.csv")
    left = run(
        site, "tabular_model", "iris_score.py", arguments=["--model_name", "iris-prs"], miniBatchSize="1KB",
        inputs=[{"name": "iris", "type": "Tabular", "paths": ["in/flowers.csv"]}],
        models=[{"name": "iris-prs", "path": "iris_model.pkl"}],
    )  # fmt: skip
    predicted = [line.split(" ")[-1] for line in left.lines()]
    assert predicted == list(model.predict(flowers[measures].to_numpy()))
    assert sum(one == truth for one, truth in zip(predicted, flowers["species"], strict=True)) > 65
    assert left.result()["items"] == {"total": len(flowers), "succeeded": len(flowers), "failed": 0}


@with_data
def test_a_table_by_partition_keys_with_two_arguments(site: Site) -> None:
    import pandas

    sales = Path(DATA) / "oj_sales" / "oj_sales_data.csv"
    left = run(
        site, "by_partition", "total_income.py", miniBatchSize=None, partitionKeys=["Store", "Brand"],
        inputs=[{"name": "sales", "type": "Tabular", "paths": [str(sales)]}], errorThreshold=-1, processCountPerNode=2,
    )  # fmt: skip
    wanted = []
    for (store, brand), rows in pandas.read_csv(sales).groupby(["Store", "Brand"]):
        week = rows.nlargest(1, "Revenue")["WeekStarting"].iloc[0]
        total = round(float(rows["Revenue"].sum()), 2)
        wanted.append(f"{store} {brand} {week} {total} {rows['WeekStarting'].min()}")
    assert left.lines() == wanted


def test_files_of_the_scripts_own_and_the_steps_logger(site: Site) -> None:
    for number in range(6):
        site.write(f"in/{number}.txt", f"text {number}\n")
    shutil.copytree(SCRIPTS / "own_files", site.folder / "code", dirs_exist_ok=True)
    manifest = site.manifest(entryScript="transform.py", output={"action": "SummaryOnly"})
    finished = site.command("run", manifest, "--output", "out")
    assert finished.status == 0, finished.text
    left = RunFolder(site.folder / "out")
    assert {path.name: path.read_text() for path in (left.folder / "outputs").glob("*.txt")} == {
        f"{number}.txt": f"TEXT {number}\n" for number in range(6)
    }
    log = left.log("user/entry_script_log/node000/*.log.txt")
    assert log.count("is done") == 6
    assert log.count("init() is called on agent node000-process000") == 1
    assert log.count("shutdown() is called") == 1
    assert left.result()["items"] == {"total": 6, "succeeded": 6, "failed": 0}


def test_side_inputs_with_argparse(site: Site) -> None:
    site.write("labels/labels.txt", "cat\ndog\nbird\n")
    site.write("least/threshold.txt", "0.5")
    for number, scores in enumerate(["0.9 0.1 0", "0.1 0.7 0.2", "0.3 0.3 0.4", "0 0 1"]):
        site.write(f"in/{number}.txt", scores)
    left = run(
        site, "side_inputs", "labels.py", miniBatchSize=3, experiment="animals",
        arguments=["--labels_dir", "$(sideInputs.labels)", "--threshold_file", "$(sideInputs.least)",
                   "--name", "'of a  kind'", "--more", "5"],
        sideInputs=[{"name": "labels", "path": "labels"}, {"name": "least", "path": "least/threshold.txt"}],
    )  # fmt: skip
    kinds = ["cat", "dog", "nothing", "bird"]
    assert left.lines() == [f"('{number}.txt', 'of a  kind', '{kind}')" for number, kind in enumerate(kinds)]
    assert "3 labels for animals, unknown: ['--more', '5']" in left.log("user/entry_script_log/node000/*.log.txt")
