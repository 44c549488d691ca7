"""``ParallelRunPipeline``: steps, jobs and programs, that run in order or side by side, and hand on what they write."""

from typing import Annotated, Any, Literal

from pydantic import Field

from parallelrun.api.models.base import MAX_INT32, MAX_SECONDS, Model, Name, PathText, Text, part
from parallelrun.api.models.environment import Environment
from parallelrun.api.models.inputs import JobModel, SideInput
from parallelrun.api.models.metadata import API_VERSION, Metadata
from parallelrun.api.models.pod import NodeSelector, Resources, Tolerations, Volume
from parallelrun.api.models.registered import RegisteredName, Tags
from parallelrun.api.models.source import Source
from parallelrun.api.models.spec import LoggingLevel
from parallelrun.api.models.subset import Scalar

PIPELINE = "ParallelRunPipeline"
MAX_STEPS = 64

ParameterType = Literal["string", "integer", "number", "boolean", "dataset", "model"]
ParameterValues = dict[str, Scalar]


class Parameter(Model):
    """A value that each run of the pipeline may set, for $(params.name) in the steps."""

    name: Name = Field(description="Its name, for $(params.name).", examples=["batch_size"])
    type: ParameterType = Field(
        "string",
        description="What a value has to be. dataset and model: the name of a registered one. Text that is an integer, "
        "a number or a boolean is taken for one where that is asked for.",
        examples=["integer"],
    )
    default: Scalar | None = Field(
        None, description="Its value where a run sets none. Without it, each run has to set one.", examples=["5"]
    )
    description: str = Field("", max_length=4096, description="For people.", examples=["Images in a mini-batch"])


class StepOutput(Model):
    """A folder that the program writes, for later steps."""

    name: Name = Field(
        description="Its name: $(outputs.name) in this step's arguments, $(steps.STEP.outputs.name) in later steps.",
        examples=["prepared"],
    )
    path: PathText | None = Field(
        None,
        description="The folder: a path or URL, as in a job's inputs. Default: one of the run's own.",
        examples=["pvc://parallelrun/prepared"],
    )


class ScriptStep(Model):
    """A program that runs once, by itself, as `python entryScript arguments` would: it is not given mini-batches."""

    source: Source = Field(
        description="The folder with the program: exactly one of configMap, claim, git, imagePath, directory.",
        examples=[{"configMap": {"name": "prepare-code"}}],
    )
    entry_script: PathText = Field(
        description="The Python file to run, from the source folder.", examples=["prepare.py"]
    )
    arguments: list[Annotated[str, Field(max_length=4096)]] = Field(
        [],
        max_length=1024,
        description="sys.argv of the program: a list of strings, never split. $(outputs.x), $(sideInputs.x), "
        "$(models.x), $(job.name), $(params.x) and $(steps.x. ...) are replaced; $$( stays $(.",
        examples=[["--rows", "100"]],
    )
    side_inputs: list[SideInput] = Field(
        [],
        max_length=64,
        description="Files or folders that the program reads, such as $(steps.prepare.outputs.prepared).",
        examples=[[{"name": "raw", "path": "raw/"}]],
    )
    models: list[JobModel] = Field(
        [],
        max_length=64,
        description="Models: with a path, or registered ones by their names.",
        examples=[[{"name": "mnist", "path": "model/"}]],
    )
    outputs: list[StepOutput] = Field(
        [], max_length=64, description="Folders that the program writes.", examples=[[{"name": "prepared"}]]
    )
    environment: Environment | None = Field(
        None,
        description="Image, packages and environment variables. Default: the pipeline's.",
        examples=[{"pip": ["pillow==11.*"]}],
    )
    compute_target: RegisteredName | None = Field(
        None, description="A registered ComputeTarget, by its name. Default: the pipeline's.", examples=["gpu-pool"]
    )
    resources: Resources = part(
        Resources, "What the program's container gets.", {"requests": {"cpu": 2, "memory": "4Gi"}}
    )
    timeout_seconds: int = Field(
        MAX_SECONDS, ge=1, le=MAX_SECONDS, description="How long it may take; then it has failed.", examples=[3600]
    )
    max_try: int = Field(1, ge=1, le=1000, description="How often it is tried before it has failed.", examples=[2])
    node_selector: NodeSelector = Field({})
    tolerations: Tolerations = Field([])
    priority_class_name: str = Field("", max_length=253, description="Of the pod.", examples=["low"])
    service_account_name: str = Field(
        "",
        max_length=253,
        description="Of the pod. Default: one made for the step that may do nothing else.",
        examples=["scoring"],
    )
    logging_level: LoggingLevel = Field("INFO", description="Of the program's logs and ours.", examples=["DEBUG"])


class Step(Model):
    """One step: a job (mini-batches in parallel) or a script (a program, once). It starts when every step that it needs
    has succeeded: those in dependsOn, and those whose $(steps.name. ...) it uses."""

    name: Name = Field(
        description="Its name: lower-case letters, digits and '-'; names of jobs are made of it.", examples=["score"]
    )
    depends_on: list[Name] = Field(
        [],
        max_length=MAX_STEPS,
        description="Steps that have to succeed first, beside those that this step's references name.",
        examples=[["prepare"]],
    )
    allow_reuse: bool = Field(
        True,
        description="Whether the result of an earlier run is taken where nothing that it depends on has changed: code, "
        "configuration, parameters, input.",
        examples=[False],
    )
    script: ScriptStep | None = Field(
        None,
        description="A program that runs once.",
        examples=[{"source": {"configMap": {"name": "code"}}, "entryScript": "prepare.py"}],
    )
    job: dict[str, Any] | None = Field(
        None,
        description="The spec of a ParallelRunJob. Any text in it may hold $(params.x), $(steps.x.outputs.y), "
        "$(steps.x.output) (the folder of a job's output) and $(steps.x.file) (AppendRow's file in it); it is checked "
        "once these are replaced. An output without a path gets a folder of the run's own.",
        examples=[
            {
                "source": {"configMap": {"name": "code"}},
                "entryScript": "score.py",
                "inputs": [{"name": "images", "type": "File", "paths": ["images/*.png"]}],
            }
        ],
    )


class Schedule(Model):
    """When runs are made, as a CronJob makes Jobs."""

    cron: Name = Field(
        description="Minute, hour, day of the month, month, day of the week: as in a crontab.", examples=["0 2 * * *"]
    )
    time_zone: Name | None = Field(
        None,
        description="The time zone that cron is read in, by its IANA name. Default: UTC.",
        examples=["Europe/Berlin"],
    )
    concurrency_policy: Literal["Allow", "Forbid", "Replace"] = Field(
        "Forbid",
        description="What happens while an earlier run goes on. Allow: they run side by side. Forbid: this time "
        "waits until that is over; of several only the latest is made up for. Replace: the earlier run is cancelled.",
        examples=["Replace"],
    )
    suspend: bool = Field(False, description="Whether no runs are made for now.", examples=[True])
    starting_deadline_seconds: int | None = Field(
        None,
        ge=0,
        le=MAX_INT32,
        description="How late a run may still be made, where its time was missed. Default: no matter how late.",
        examples=[3600],
    )
    parameters: ParameterValues = Field(
        {}, max_length=64, description="Values of the runs' parameters.", examples=[{"batch_size": 10}]
    )
    successful_runs_history_limit: int = Field(
        3, ge=0, le=1000, description="How many of the schedule's runs that succeeded are kept.", examples=[10]
    )
    failed_runs_history_limit: int = Field(
        1, ge=0, le=1000, description="How many of the schedule's runs that failed are kept.", examples=[5]
    )


class PipelineSpec(Model):
    """Parameters, defaults and steps."""

    description: str = Field("", max_length=4096, description="For people.", examples=["Digits, every night"])
    tags: Tags = Field(
        {}, max_length=64, description="Names and values for people and tools; strings.", examples=[{"team": "vision"}]
    )
    experiment: Text = Field("", description="Groups runs; of every step that names none.", examples=["digits"])
    parameters: list[Parameter] = Field(
        [],
        max_length=64,
        description="What a run may set: $(params.name) in any text of a step. Text that is nothing but one reference "
        "becomes the value with its type.",
        examples=[[{"name": "batch_size", "type": "integer", "default": 5}]],
    )
    volume: Volume = part(
        Volume, "The volume of every step that names none, and of the run's own folders.", {"claimName": "parallelrun"}
    )
    environment: Environment = part(
        Environment, "Image, packages and variables of every step that says nothing of them.", {"pip": ["pillow==11.*"]}
    )
    compute_target: RegisteredName | None = Field(
        None, description="The registered ComputeTarget of every step that names none.", examples=["gpu-pool"]
    )
    steps: list[Step] = Field(
        min_length=1,
        max_length=MAX_STEPS,
        description="The steps. They run side by side, but for those that need others.",
        examples=[
            [{"name": "prepare", "script": {"source": {"configMap": {"name": "code"}}, "entryScript": "prepare.py"}}]
        ],
    )


class ScheduledPipelineSpec(PipelineSpec):
    """Parameters, defaults, steps, and a schedule."""

    schedule: Schedule | None = Field(
        None, description="When runs are made by themselves. Default: never.", examples=[{"cron": "0 2 * * *"}]
    )


class ParallelRunPipeline(Model):
    """Steps that hand on what they write: jobs that run in parallel, and programs that run once. It does nothing by
    itself: a ParallelRunPipelineRun runs it, made by hand or by its schedule."""

    api_version: Literal["parallelrun.dev/v1alpha1"] = Field(description="Always this.", examples=[API_VERSION])
    kind: Literal["ParallelRunPipeline"] = Field(description="Always this.", examples=[PIPELINE])
    metadata: Metadata = Field(description="Name, namespace, labels.", examples=[{"name": "digits"}])
    spec: ScheduledPipelineSpec = Field(description="Parameters, defaults of steps, steps, schedule.")
    status: dict[str, Any] = Field({}, description="Written by the operator; read by people.")
