"""``azureml.pipeline.core.graph``: parameters."""

from __future__ import annotations

from typing import Any


class PipelineParameter:
    """A value that each run of a pipeline may set: a number, text, a boolean, or a dataset."""

    def __init__(self, name: str, default_value: Any) -> None:
        self.name = name
        self.default_value = default_value

    def __str__(self) -> str:
        return f"PipelineParameter_Name:{self.name}_Default:{self.default_value}"

    def __repr__(self) -> str:
        return f"PipelineParameter(name={self.name!r}, default_value={self.default_value!r})"
