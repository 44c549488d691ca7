"""What the job writes: the output, and folders that the script writes itself."""

from typing import Literal

from pydantic import Field

from parallelrun.api.models.base import Model, Name, PathText, Separator

OutputFormat = Literal["Text", "CSV", "JSONL", "Parquet"]
EXTENSIONS = {"Text": ".txt", "CSV": ".csv", "JSONL": ".jsonl", "Parquet": ".parquet"}


class CsvOptions(Model):
    """How format CSV is written."""

    separator: Separator = Field(",", description="One character between columns.", examples=[";"])
    header: bool = Field(True, description="Whether the first row names the columns.", examples=[False])
    index: bool = Field(False, description="Whether a DataFrame's index is written.", examples=[True])


class Output(Model):
    """What becomes of the values that run returns."""

    action: Literal["AppendRow", "SummaryOnly"] = Field(
        "AppendRow",
        description="AppendRow: one file with all results, in input order, each mini-batch once. SummaryOnly: no such "
        "file; the script writes its own.",
        examples=["SummaryOnly"],
    )
    append_row_file_name: str | None = Field(
        None,
        min_length=1,
        max_length=255,
        description="AppendRow's file, in the output's folder. Default: parallel_run_step with the format's extension "
        "(.txt for Text).",
        examples=["predictions.txt"],
    )
    format: OutputFormat = Field(
        "Text",
        description="Text: as Azure ML writes it, str() of each element, or DataFrame.to_csv with spaces. CSV, JSONL, "
        "Parquet: with column names; a list's column is called result.",
        examples=["CSV"],
    )
    csv: CsvOptions | None = Field(None, description="Options of format CSV.", examples=[{"separator": ";"}])
    path: PathText | None = Field(
        None,
        description="The folder for the output: a path or URL, as in inputs. Default: the job's folder.",
        examples=["pvc://results/mnist"],
    )
    keep_segments: bool = Field(
        True,
        description="Whether the results by process are kept at the end; `rerun` and audits read them.",
        examples=[False],
    )

    @property
    def file_name(self) -> str:
        """The name of AppendRow's file."""
        return self.append_row_file_name or "parallel_run_step" + EXTENSIONS[self.format]


class ScriptOutput(Model):
    """A folder that the script writes itself; as run is called at least once, so is what it writes."""

    name: Name = Field(description="Its name, for $(outputs.name) in arguments.", examples=["models"])
    path: PathText = Field(description="The folder: a path or URL, as in inputs.", examples=["trained/"])
