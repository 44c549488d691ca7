"""``spec`` of a ParallelRunJob: one script over an input, once."""

from typing import Annotated, Literal

from pydantic import Field

from parallelrun.api.models import mini_batch_size
from parallelrun.api.models.base import (
    MAX_INT32,
    MAX_SECONDS,
    IntOrString,
    Model,
    Name,
    ObjectName,
    PathText,
    Text,
    part,
)
from parallelrun.api.models.environment import Environment
from parallelrun.api.models.inputs import Input, JobModel, SideInput
from parallelrun.api.models.output import Output, ScriptOutput
from parallelrun.api.models.pod import NodeSelector, PriorityClassName, RerunOf, Resources, Tolerations, Volume
from parallelrun.api.models.registered import RegisteredName
from parallelrun.api.models.source import Source

LoggingLevel = Literal["WARNING", "INFO", "DEBUG"]
DEFAULT_MAX_NODE_COUNT = 64


class Advanced(Model):
    """Timeouts and monitors that few jobs need to change; the defaults are Azure ML's."""

    first_task_creation_timeout_seconds: int = Field(
        600, ge=1, le=MAX_SECONDS, description="For making the first mini-batch of the plan.", examples=[1200]
    )
    progress_update_timeout_seconds: int = Field(
        0,
        ge=0,
        le=MAX_SECONDS,
        description="The job fails when no mini-batch was completed for so long; 0: off.",
        examples=[3600],
    )
    task_overhead_timeout_seconds: int = Field(
        600,
        ge=1,
        le=MAX_SECONDS,
        description="For what surrounds a call of run: reading its mini-batch and keeping its results.",
        examples=[1200],
    )
    resource_monitor_interval_seconds: int = Field(
        600, ge=0, le=MAX_INT32, description="Between two lines of logs/perf; 0: none.", examples=[60]
    )
    profiling_module: Literal["", "cProfile"] = Field(
        "", description="Profiles init and run of each process into logs/perf.", examples=["cProfile"]
    )


class ParallelRunJobSpec(Model):
    """What is to be done. Only nodeCount, suspend, cancel and ttlSecondsAfterFinished can change after creation."""

    description: str = Field("", max_length=4096, description="For people.", examples=["Digits of the MNIST images"])
    tags: dict[str, Annotated[str, Field(max_length=256)]] = Field(
        {}, max_length=64, description="Names and values for people and tools; strings.", examples=[{"team": "vision"}]
    )
    experiment: Text = Field("", description="Groups jobs; Run.experiment in the script.", examples=["digits"])
    source: Source = Field(
        description="The folder with the entry script: exactly one of configMap, claim, git, imagePath, directory.",
        examples=[{"configMap": {"name": "mnist-code"}}],
    )
    entry_script: PathText = Field(
        description="The Python file with init and run, from the source folder.", examples=["digit_identification.py"]
    )
    arguments: list[Annotated[str, Field(max_length=4096)]] = Field(
        [],
        max_length=1024,
        description="sys.argv of the script: a list of strings, never split. $(inputs.x), $(sideInputs.x), "
        "$(models.x), $(outputs.x) and $(job.name) are replaced; $$( stays $(.",
        examples=[["--model-name", "mnist"]],
    )
    environment: Environment = part(
        Environment, "Image, packages and environment variables of the worker.", {"pip": ["pillow==11.*"]}
    )
    run_once: bool = Field(
        False,
        description="Whether entryScript is a program, run once, as `python entryScript arguments` would: no inputs "
        "then, and no init or run. It succeeds with exit status 0; what it makes, it writes to outputs itself.",
        examples=[True],
    )
    inputs: list[Input] = Field(
        [],
        max_length=64,
        description="One or more, all File or all Tabular; together they are the input, in this order. None with "
        "runOnce.",
        examples=[[{"name": "images", "type": "File", "paths": ["images/*.png"]}]],
    )
    side_inputs: list[SideInput] = Field(
        [],
        max_length=64,
        description="Files or folders that every node gets whole, read-only.",
        examples=[[{"name": "labels", "path": "labels.txt"}]],
    )
    models: list[JobModel] = Field(
        [],
        max_length=64,
        description="Models to have on every node: with a path, or registered ones by their names. A registered model "
        "is also found by name without being listed.",
        examples=[[{"name": "mnist", "path": "model/"}]],
    )
    outputs: list[ScriptOutput] = Field(
        [],
        max_length=64,
        description="Folders that the script writes itself.",
        examples=[[{"name": "models", "path": "trained/"}]],
    )
    mini_batch_size: IntOrString | None = Field(
        None,
        description="What one call of run gets. File: how many files (default 10). Tabular: about how many bytes, "
        '"1024", "10KB", "1MB" (default), "1GB", 1 KB being 1024; at least one row, never across files.',
        examples=[10],
    )
    partition_keys: list[Name] = Field(
        [],
        max_length=10,
        description="One mini-batch per value of these keys, in this order; excludes miniBatchSize.",
        examples=[["Store", "Brand"]],
    )
    node_count: int = Field(
        1, ge=1, le=10_000, description="Pods that work; `kubectl scale` changes it while they run.", examples=[2]
    )
    max_node_count: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="What nodeCount may be scaled to. Default: 64, or nodeCount if larger.",
        examples=[128],
    )
    process_count_per_node: int = Field(1, ge=1, le=1024, description="Worker processes of each node.", examples=[2])
    error_threshold: int = Field(
        0,
        ge=-1,
        le=MAX_INT32,
        description="Failed items (files or rows) of the whole input that are tolerated; above it the job is aborted. "
        "-1 tolerates all.",
        examples=[10],
    )
    mini_batch_error_threshold: int = Field(
        -1, ge=-1, le=MAX_INT32, description="Failed mini-batches that are tolerated; -1: all.", examples=[5]
    )
    allowed_failed_percent: float = Field(
        100.0, ge=0, le=100, description="Percent of all mini-batches that may fail.", examples=[10]
    )
    run_invocation_timeout_seconds: int = Field(
        60,
        ge=1,
        le=MAX_SECONDS,
        description="How long one call of run may take; then its process is killed and the mini-batch tried again.",
        examples=[300],
    )
    run_max_try: int = Field(
        3, ge=1, le=1000, description="How often a mini-batch is tried before its items count as failed.", examples=[2]
    )
    logging_level: LoggingLevel = Field("INFO", description="Of the script's logs and ours.", examples=["DEBUG"])
    advanced: Advanced = part(
        Advanced, "Timeouts and monitors that few jobs need to change.", {"progressUpdateTimeoutSeconds": 3600}
    )
    output: Output = part(Output, "What becomes of the values that run returns.", {"format": "CSV"})
    rerun_of: RerunOf | None = Field(
        None, description="An earlier job that this one runs again.", examples=[{"name": "mnist-1"}]
    )
    reuse_of: list[ObjectName] = Field(
        [],
        max_length=16,
        description="Earlier jobs, newest first. Where one of them succeeded with the same script, configuration and "
        "input, and its output is still there, this job takes that over and runs nothing.",
        examples=[["mnist-1"]],
    )
    volume: Volume = part(Volume, "The volume that the nodes share.", {"claimName": "parallelrun"})
    compute_target: RegisteredName | None = Field(
        None,
        description="A registered ComputeTarget, by its name: resources, nodeSelector, tolerations and so on. What the "
        "fields here say counts instead, field by field.",
        examples=["gpu-pool"],
    )
    resources: Resources = part(
        Resources, "What the worker container of each node gets.", {"requests": {"cpu": 2, "memory": "4Gi"}}
    )
    node_selector: NodeSelector = Field({})
    tolerations: Tolerations = Field([])
    priority_class_name: PriorityClassName = ""
    service_account_name: str = Field(
        "",
        max_length=253,
        description="Of the pods. Default: one made for the job that may do nothing else; one of your own is yours to "
        "answer for.",
        examples=["scoring"],
    )
    suspend: bool = Field(
        False, description="Whether the job is to pause: nodes hand back their work.", examples=[True]
    )
    cancel: bool = Field(False, description="Whether the job is to stop for good; one-way.", examples=[True])
    ttl_seconds_after_finished: int | None = Field(
        None,
        ge=0,
        le=MAX_INT32,
        description="The job is deleted so long after its end. Default: never.",
        examples=[86400],
    )

    @property
    def input_kind(self) -> Literal["File", "Tabular"] | None:
        """What mini-batches are made of; None: decided when the job is planned (MLTable, registered datasets)."""
        for kind in (item.type for item in self.inputs):
            if kind == "File" or kind == "Tabular":
                return kind
        return None

    @property
    def mini_batch_files(self) -> int:
        """Files of a mini-batch (File input). Raises ValueError for a size in KB, which only tables have."""
        return mini_batch_size.files(self.mini_batch_size)

    @property
    def mini_batch_bytes(self) -> int:
        """Bytes of a mini-batch, about (Tabular input)."""
        return mini_batch_size.bytes_(self.mini_batch_size)

    @property
    def node_limit(self) -> int:
        """What nodeCount may be scaled to."""
        return self.max_node_count or max(self.node_count, DEFAULT_MAX_NODE_COUNT)
