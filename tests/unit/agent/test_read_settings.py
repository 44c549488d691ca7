"""Settings as an agent reads them."""

import json
from pathlib import Path

from parallelrun.api import layout
from parallelrun.api.settings import InputSettings, JobSettings
from parallelrun_agent.job import read_settings


def test_the_root_of_an_input_of_one_file_is_its_folder(tmp_path: Path) -> None:
    """The operator, which sees no volume, cannot tell a file from a folder; partitionFormat is read below the root."""
    folder, file = tmp_path / "sales", tmp_path / "sales" / "1001.csv"
    folder.mkdir()
    file.write_text("a\n1\n")
    inputs = [InputSettings(str(path), "Tabular", [str(path)], str(path)) for path in (file, folder)]
    written = JobSettings("sales", "uid", "score.py", inputs)
    (tmp_path / layout.SETTINGS).write_text(json.dumps(written.to_json()))
    assert [one.root for one in read_settings(tmp_path).inputs] == [str(folder), str(folder)]
