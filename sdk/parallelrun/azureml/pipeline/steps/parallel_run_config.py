"""``azureml.pipeline.steps.parallel_run_config``: how a script is run over its input."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from parallelrun.azureml.backend.support import azure
from parallelrun.azureml.exceptions import UserErrorException

if TYPE_CHECKING:
    from parallelrun.azureml.core.workspace import Workspace

ACTIONS = {"append_row": "AppendRow", "summary_only": "SummaryOnly"}
DEFAULT_FILE = "parallel_run_step.txt"


class ParallelRunConfig:
    """Every argument may be read, and set, as an attribute; those of the README's table may be PipelineParameters."""

    @azure(
        differs="A size in KB is one of tables. node_count is pods in a cluster, and groups of processes here.",
    )
    def __init__(
        self,
        environment: Any,
        entry_script: str,
        error_threshold: int,
        output_action: str,
        compute_target: Any,
        node_count: Any = 1,
        process_count_per_node: Any = None,
        mini_batch_size: Any = None,
        source_directory: str | None = None,
        description: str | None = None,
        logging_level: Any = "INFO",
        run_invocation_timeout: Any = 60,
        run_max_try: Any = 3,
        append_row_file_name: str | None = None,
        allowed_failed_count: int | None = None,
        allowed_failed_percent: float | None = None,
        partition_keys: Sequence[str] | None = None,
        environment_variables: Mapping[str, str] | None = None,
    ) -> None:
        if output_action not in ACTIONS:
            raise UserErrorException(
                f"ParallelRunConfig(output_action={output_action!r}): it is one of {', '.join(ACTIONS)}."
            )
        self.environment = environment
        self.entry_script = entry_script
        self.error_threshold = error_threshold
        self.output_action = output_action
        self.compute_target = compute_target
        self.node_count = node_count
        self.process_count_per_node = process_count_per_node
        self.mini_batch_size = mini_batch_size
        self.source_directory = source_directory
        self.description = description
        self.logging_level = logging_level
        self.run_invocation_timeout = run_invocation_timeout
        self.run_max_try = run_max_try
        self.append_row_file_name = append_row_file_name or DEFAULT_FILE
        self.allowed_failed_count = allowed_failed_count
        self.allowed_failed_percent = allowed_failed_percent
        self.partition_keys = partition_keys
        self.environment_variables = dict(environment_variables or {})

    @azure(
        differs="Names are written as text; an environment by its name, which has to be registered to be read again."
    )
    def save_to_yaml(self, path: str) -> None:
        """Write it to a file."""
        import yaml

        said = {key: value for key, value in vars(self).items() if value is not None}
        said["environment"] = getattr(self.environment, "name", self.environment)
        said["compute_target"] = getattr(self.compute_target, "name", self.compute_target)
        with open(path, "w", encoding="utf-8") as file:
            yaml.safe_dump(json.loads(json.dumps(said)), file, sort_keys=False)

    @staticmethod
    @azure()
    def load_yaml(workspace: Workspace, path: str) -> ParallelRunConfig:
        """Read it from a file that save_to_yaml wrote."""
        import yaml

        from parallelrun.azureml.core.environment import Environment

        with open(path, encoding="utf-8") as file:
            said = yaml.safe_load(file)
        said["environment"] = Environment.get(workspace, said["environment"])
        made: ParallelRunConfig = ParallelRunConfig(**said)
        return made

    def __repr__(self) -> str:
        return f"ParallelRunConfig(entry_script={self.entry_script!r}, mini_batch_size={self.mini_batch_size!r})"
