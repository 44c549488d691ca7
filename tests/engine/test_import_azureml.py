"""Pipelines in the style of Azure ML's public samples are imported and run, without an edit, with right results."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path

import pandas
import pytest

from parallelrun.cli.main import main

pytestmark = pytest.mark.engine
PIPELINES = Path(__file__).parent / "azure_pipelines"
LIMITS = [["setosa", 2.0], ["versicolor", 4.8], ["virginica", 99.0]]
NAMES = ["none", "one", "two"]


def sample(tmp_path: Path, name: str) -> Path:
    """A copy of a sample's folder, its data still to be written."""
    folder = tmp_path / name
    shutil.copytree(PIPELINES / name, folder)
    return folder


def import_and_run(folder: Path, lost: int = 0, *options: str) -> Path:
    """Import the folder's pipeline, with so many fields that cannot be mapped, and run it; the run's folder."""
    beside = ["--with", str(folder / "assets.yml")] if (folder / "assets.yml").exists() else []
    words = ["import", "azureml", str(folder / "pipeline.yml"), *beside, "-o", str(folder / "imported"), "--force"]
    status = main(words)
    report = (folder / "imported" / "REPORT.md").read_text()
    assert (status, f"{lost} could not be mapped" in report) == (1 if lost else 0, True), report
    run = folder / f"run-{len(options)}"
    assert main(["run", str(folder / "imported" / "pipeline.yaml"), "--output", str(run), *options]) == 0
    return run


def test_a_table_by_size(tmp_path, capfd):
    """MLTable in mini-batches of a kilobyte, a component of its own, and a program that reads what was appended."""
    folder = sample(tmp_path, "tabular_by_size")
    flowers = [(number, 1 + number * 37 % 60 / 10) for number in range(600)]
    (folder / "data").mkdir()
    for part in (0, 1):
        with (folder / "data" / f"part-{part}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerows([("flower", "petal_length"), *flowers[part * 300 : part * 300 + 300]])
    (folder / "data" / "MLTable").write_text(
        "paths:\n- pattern: ./*.csv\ntransformations:\n- read_delimited:\n    delimiter: ','\n"
        "    header: all_files_same_headers\n"
    )
    (folder / "model").mkdir()
    (folder / "model" / "limits.json").write_text(json.dumps(LIMITS))

    run = import_and_run(folder, 1)  # the curated environment of the program is not to be had

    named = [next(name for name, limit in LIMITS if length < limit) for _, length in flowers]
    result = run / "data" / "batch-prediction" / "output" / "job_output_file"
    table = pandas.read_csv(result, sep=" ", header=None)
    assert list(zip(table[0], table[1], strict=True)) == [
        (n, name) for (n, _), name in zip(flowers, named, strict=True)
    ]
    assert list(table[2]) == [length for _, length in flowers]
    counts = {name: named.count(name) for name in sorted(set(named))}
    summary = (run / "data" / "summarise" / "summary" / "summary").read_text()
    assert summary == "".join(f"{name} {count}\n" for name, count in counts.items())


def test_a_table_by_partition_keys(tmp_path, capfd):
    """A step partitions, so that what is an MLTable is known only then; a group is a mini-batch; shell lines gather."""
    folder = sample(tmp_path, "tabular_by_keys")
    rows = [(1000 + n % 3, ["tropicana", "dominicks"][n % 2], n * 7 % 50, 2.5) for n in range(240)]
    with (folder / "sales.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("Store", "Brand", "Quantity", "Price"), *rows])

    run = import_and_run(folder)

    truth: dict[tuple[str, str], list[int]] = {}
    for store, brand, quantity, _ in rows:
        truth.setdefault((str(store), brand), []).append(quantity)
    table = pandas.read_csv(run / "data" / "forecast" / "output" / "rows", sep=" ", header=None, dtype={0: str})
    found = {key: list(group[2]) for key, group in table.groupby([0, 1])}
    assert found == {key: [sum(values) / len(values)] * len(values) for key, values in truth.items()}
    report = run / "data" / "gather" / "report"
    assert (report / "models.txt").read_text().split() == [f"{store}-{brand}.json" for store, brand in sorted(truth)]
    lines = [line.split() for line in (report / "means.txt").read_text().splitlines()]
    assert {(s, b): float(m) for s, b, m in lines} == {k: 2 * sum(v) / len(v) for k, v in truth.items()}


def test_images_by_count(tmp_path, capfd):
    """A data asset by its own file, four files a mini-batch, a model, a parameter: another value, another result."""
    folder = sample(tmp_path, "images_by_count")
    (folder / "images").mkdir()
    (folder / "model").mkdir()
    (folder / "model" / "names.json").write_text(json.dumps(NAMES))
    pixels = {f"image-{n:02}.pgm": bytes((n * 31 + k * 67) % 256 for k in range(n + 1)) for n in range(30)}
    for name, data in pixels.items():
        (folder / "images" / name).write_bytes(b"P5\n%d 1\n255\n" % len(data) + data)

    def truth(least: int) -> list[str]:
        return [f"{name}:{NAMES[sum(p >= least for p in data) % 3]}" for name, data in pixels.items()]

    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image", "name"), *(line.split(":") for line in truth(128))])

    run = import_and_run(folder)

    scored = Path("data") / "score-images" / "output" / "scored"
    assert (run / scored).read_text().splitlines() == truth(128)
    assert (run / "data" / "evaluate" / "accuracy" / "accuracy.txt").read_text() == "30 of 30\n"
    other = import_and_run(folder, 0, "--param", "least=200")
    assert (other / scored).read_text().splitlines() == truth(200)
    right = sum(a == b for a, b in zip(truth(128), truth(200), strict=True))
    assert (other / "data" / "evaluate" / "accuracy" / "accuracy.txt").read_text() == f"{right} of 30\n"


def test_an_import_does_not_replace_what_it_did_not_write(tmp_path, capfd):
    """Another import's folder only with --force, and never files that are the user's own."""
    folder = sample(tmp_path, "images_by_count")
    asset = ["--with", str(folder / "assets.yml")]
    words = ["import", "azureml", str(folder / "pipeline.yml"), *asset, "-o", str(tmp_path / "out")]
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    assert main(words) == 0
    before = (tmp_path / "out" / "pipeline.yaml").read_text()
    assert main(words) == 2
    assert "--force" in capfd.readouterr().err
    assert main([*words, "--force"]) == 0
    assert (tmp_path / "out" / "pipeline.yaml").read_text() == before
    assert sorted(os.listdir(tmp_path / "out")) == ["REPORT.md", "code", "mine.txt", "pipeline.yaml", "registered.yaml"]


def test_code_that_no_import_wrote_is_never_replaced(tmp_path, capfd):
    """With -o . and --force, a project's own folder code/ stays."""
    folder = sample(tmp_path, "images_by_count")
    (folder / "code").mkdir()
    (folder / "code" / "mine.py").write_text("mine")
    assert main(["import", "azureml", str(folder / "pipeline.yml"), "-o", str(folder), "--force"]) == 2
    assert "no import wrote" in capfd.readouterr().err
    assert (folder / "code" / "mine.py").read_text() == "mine"


def test_an_import_that_fails_leaves_the_earlier_one_whole(tmp_path, capfd):
    """Code above the limit is found while it is copied."""
    folder = sample(tmp_path, "images_by_count")
    asset = ["--with", str(folder / "assets.yml")]
    words = ["import", "azureml", str(folder / "pipeline.yml"), *asset, "-o", str(tmp_path / "out"), "--force"]
    assert main(words) == 0
    before = sorted(path.relative_to(tmp_path) for path in (tmp_path / "out").rglob("*"))
    with (folder / "evaluate" / "data.bin").open("wb") as file:
        file.truncate(301 << 20)
    assert main(words) == 2
    assert "data.bin" in capfd.readouterr().err
    assert sorted(path.relative_to(tmp_path) for path in (tmp_path / "out").rglob("*")) == before


def test_a_folder_is_no_file(tmp_path, capfd):
    """The hint does not look for what is there."""
    assert main(["import", "azureml", str(tmp_path), "-o", str(tmp_path / "out")]) == 2
    assert "the pipeline's file in it" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [("a: [1\n", "not YAML"), ("type: sweep\n", "no pipeline"), ("- 1\n", "one YAML object"), (None, "cannot be read")],
)
def test_a_file_that_cannot_be_read_ends_with_two_and_writes_nothing(tmp_path, capfd, text, said):
    """Status 2, as for any manifest, and a sentence with the file's name."""
    if text is not None:
        (tmp_path / "pipeline.yml").write_text(text)
    assert main(["import", "azureml", str(tmp_path / "pipeline.yml"), "-o", str(tmp_path / "out")]) == 2
    assert said in capfd.readouterr().err
    assert not (tmp_path / "out").exists()
