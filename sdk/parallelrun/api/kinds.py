"""Our kinds beside jobs, in tables: models, rules, and how ``kubectl`` shows them. What teams register by name is data
only; pipelines and their runs have a status."""

from dataclasses import dataclass

from parallelrun.api.models.base import Model
from parallelrun.api.models.compute_target import COMPUTE_TARGET, ComputeTarget
from parallelrun.api.models.dataset import DATASET, Dataset
from parallelrun.api.models.datastore import DATASTORE, Datastore
from parallelrun.api.models.environment_kind import ENVIRONMENT, RegisteredEnvironment
from parallelrun.api.models.model_kind import MODEL, RegisteredModel
from parallelrun.api.models.pipeline import PIPELINE, ParallelRunPipeline
from parallelrun.api.models.pipeline_run import PIPELINE_RUN, ParallelRunPipelineRun
from parallelrun.api.models.pipeline_status import ParallelRunPipelineRunStatus, ParallelRunPipelineStatus
from parallelrun.api.rule import Rule
from parallelrun.api.rules import pipelines, registered

Column = tuple[str, str, str]  # heading, OpenAPI type, JSON path


@dataclass(frozen=True)
class Kind:
    """One kind of object. All are namespaced and of our API group."""

    name: str
    plural: str
    short_name: str
    model: type[Model]
    rules: tuple[Rule, ...]
    columns: tuple[Column, ...]
    word: str = ""  # of the command: `parallelrun register WORD`
    versioned: bool = True
    status: type[Model] | None = None


_NAME = ("Registered", "string", ".spec.name")
_VERSION = ("Version", "string", ".spec.version")
_AGE = ("Age", "date", ".metadata.creationTimestamp")

REGISTERED = (
    Kind(
        DATASTORE,
        "datastores",
        "prds",
        Datastore,
        registered.DATASTORE,
        (
            _NAME,
            ("S3", "string", ".spec.s3.bucket"),
            ("Azure", "string", ".spec.azureBlob.container"),
            ("GCS", "string", ".spec.gcs.bucket"),
            ("HTTPS", "string", ".spec.https.url"),
            ("Claim", "string", ".spec.claim.name"),
            _AGE,
        ),
        "datastore",
        versioned=False,
    ),
    Kind(
        DATASET,
        "datasets",
        "prdata",
        Dataset,
        registered.DATASET,
        (
            _NAME,
            _VERSION,
            ("Type", "string", ".spec.type"),
            ("Datastore", "string", ".spec.datastore"),
            ("Paths", "string", ".spec.paths"),
            _AGE,
        ),
        "dataset",
    ),
    Kind(
        MODEL,
        "models",
        "prmodel",
        RegisteredModel,
        registered.MODEL,
        (_NAME, _VERSION, ("Path", "string", ".spec.path"), _AGE),
        "model",
    ),
    Kind(
        ENVIRONMENT,
        "environments",
        "prenv",
        RegisteredEnvironment,
        registered.ENVIRONMENT,
        (_NAME, _VERSION, ("Image", "string", ".spec.image"), _AGE),
        "environment",
    ),
    Kind(
        COMPUTE_TARGET,
        "computetargets",
        "prct",
        ComputeTarget,
        registered.COMPUTE_TARGET,
        (
            _NAME,
            ("Nodes", "integer", ".spec.maxNodes"),
            ("Spot", "boolean", ".spec.spot"),
            ("Queue", "string", ".spec.queueName"),
            _AGE,
        ),
        "compute",
        versioned=False,
    ),
)
BY_NAME = {kind.name: kind for kind in REGISTERED}

PIPELINES = (
    Kind(
        PIPELINE,
        "parallelrunpipelines",
        "prp",
        ParallelRunPipeline,
        pipelines.PIPELINE,
        (
            ("Schedule", "string", ".spec.schedule.cron"),
            ("Suspended", "boolean", ".spec.schedule.suspend"),
            ("Last", "date", ".status.lastScheduleTime"),
            ("Next", "string", ".status.nextScheduleTime"),
            _AGE,
        ),
        status=ParallelRunPipelineStatus,
    ),
    Kind(
        PIPELINE_RUN,
        "parallelrunpipelineruns",
        "prpr",
        ParallelRunPipelineRun,
        pipelines.PIPELINE_RUN,
        (
            ("Pipeline", "string", ".spec.pipeline.name"),
            ("Phase", "string", ".status.phase"),
            ("Steps", "string", ".status.progress"),
            _AGE,
        ),
        status=ParallelRunPipelineRunStatus,
    ),
)
DEFINED = (*REGISTERED, *PIPELINES)
"""Every kind of ours but ParallelRunJob."""
