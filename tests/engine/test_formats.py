"""Outputs as their readers find them: each format, of lists and of frames, read back and compared."""

from __future__ import annotations

import io
import json
from typing import Any

import pandas as pd
import pytest
from engine_harness import RunFolder, Site

pytestmark = pytest.mark.engine

#: A frame of two rows a file, with what is hard to write: separators, quotes, missing values, accents, long floats.
FRAMES = """\
    import pandas as pd

    def run(mini_batch):
        n = int(open(mini_batch[0]).read())
        return pd.DataFrame({
            "id": [n * 2, n * 2 + 1],
            "text": [f"a, {n}; b", 'say "hi" caf\\u00e9'],
            "share": [n / 3, None if n == 1 else 0.1],
            "good": [True, n > 2],
        })
"""

EXPECTED = pd.DataFrame(
    {
        "id": list(range(12)),
        "text": [text for n in range(6) for text in (f"a, {n}; b", 'say "hi" café')],
        "share": [share for n in range(6) for share in (n / 3, None if n == 1 else 0.1)],
        "good": [good for n in range(6) for good in (True, n > 2)],
    }
)

#: Two elements a file, in each of the ways that a script may return them.
LISTS = """\
    import numpy as np
    import pandas as pd

    def run(mini_batch):
        n = int(open(mini_batch[0]).read())
        value = [f"{n}: caf\\u00e9, \\"q\\"", f"{n}; second"]
        return [value, tuple(value), np.array(value), pd.Series(value), np.array(value, dtype=object), value][n]
"""

ELEMENTS = [text for n in range(6) for text in (f'{n}: café, "q"', f"{n}; second")]


def written(site: Site, script: str, **output: Any) -> bytes:
    """The output of a run over six files by two processes."""
    site.files(6)
    site.script(script)
    finished = site.command("run", site.manifest(output=output, processCountPerNode=2), "--output", "out")
    assert finished.status == 0, finished.text
    return read(RunFolder(site.folder / "out"), output["format"])


def read(run: RunFolder, kind: str) -> bytes:
    """The output file, named by its format; the result says how large it is."""
    path = run.folder / f"parallel_run_step{ {'Text': '.txt', 'Parquet': '.parquet'}.get(kind, '.' + kind.lower()) }"
    data = path.read_bytes()
    said = run.result()["output"]
    assert (said["path"], said["bytes"]) == (str(path), len(data))
    return data


def test_text_of_frames_is_what_pandas_writes_and_reads_with_a_space(site: Site) -> None:
    data = written(site, FRAMES, format="Text")
    assert data.decode() == EXPECTED.to_csv(sep=" ", header=False, index=False)
    back = pd.read_csv(io.BytesIO(data), delimiter=" ", header=None, names=list(EXPECTED))
    pd.testing.assert_frame_equal(back, EXPECTED)


def test_text_of_lists_is_one_line_an_element(site: Site) -> None:
    assert written(site, LISTS, format="Text").decode().splitlines() == ELEMENTS


def test_csv_of_frames_has_one_header_and_reads_back(site: Site) -> None:
    data = written(site, FRAMES, format="CSV")
    pd.testing.assert_frame_equal(pd.read_csv(io.BytesIO(data)), EXPECTED)
    assert data.count(b"id") == 1


def test_csv_of_lists_is_a_column_called_result_written_as_asked_for(site: Site) -> None:
    data = written(site, LISTS, format="CSV", csv={"separator": ";"})
    back = pd.read_csv(io.BytesIO(data), sep=";")
    assert list(back) == ["result"]
    assert list(back["result"]) == ELEMENTS
    rerun = site.command("rerun", "out", "--set", "spec.output.csv.header=false", "--output", "bare")
    assert rerun.status == 0, rerun.text
    header, _, rest = data.partition(b"\n")
    assert header.strip(b'"') == b"result"
    assert read(RunFolder(site.folder / "bare"), "CSV") == rest


def test_json_lines_of_frames_read_back(site: Site) -> None:
    data = written(site, FRAMES, format="JSONL")
    rows = [json.loads(line) for line in data.splitlines()]
    expected = EXPECTED.astype(object).where(EXPECTED.notna(), None).to_dict("records")
    assert rows == expected


def test_json_lines_of_lists_have_one_result_a_line(site: Site) -> None:
    """A newline inside an element stays inside."""
    data = written(site, LISTS.replace("; second", r"\nsecond"), format="JSONL")
    assert [json.loads(line) for line in data.splitlines()] == [
        {"result": text.replace("; second", "\nsecond")} for text in ELEMENTS
    ]


def test_parquet_of_frames_reads_back_with_its_types(site: Site) -> None:
    data = written(site, FRAMES, format="Parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(data)), EXPECTED, check_dtype=True)


def test_parquet_of_lists_is_a_column_called_result(site: Site) -> None:
    back = pd.read_parquet(io.BytesIO(written(site, LISTS, format="Parquet")))
    assert list(back) == ["result"]
    assert list(back["result"]) == ELEMENTS


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_tables_of_each_format_come_in_whole_with_the_same_types_in_every_mini_batch(site: Site, kind: str) -> None:
    """Two files, cut in small pieces where the format can be."""
    halves = [EXPECTED[:7].reset_index(drop=True), EXPECTED[7:].reset_index(drop=True)]
    for number, half in enumerate(halves):
        path = site.folder / "in" / f"{number}.{kind}"
        if kind == "csv":
            half.to_csv(path, index=False)
        elif kind == "jsonl":
            half.to_json(path, orient="records", lines=True)
        else:
            half.to_parquet(path)
    site.script("""\
        def run(frame):
            say("types", [str(kind) for kind in frame.dtypes])
            return frame
    """)
    run = site.run(inputs=[{"name": "t", "type": "Tabular", "paths": [f"in/*.{kind}"]}], miniBatchSize="100")
    back = pd.read_csv(io.StringIO(run.output()), sep=" ", header=None, names=list(EXPECTED))
    pd.testing.assert_frame_equal(back, EXPECTED)
    assert len({tuple(types) for _, _, types in site.said("types")}) == 1
