"""The kinds that teams register by name, in one table: models, rules, and how ``kubectl`` shows them."""

from dataclasses import dataclass

from parallelrun.api.models.base import Model
from parallelrun.api.models.compute_target import COMPUTE_TARGET, ComputeTarget
from parallelrun.api.models.dataset import DATASET, Dataset
from parallelrun.api.models.datastore import DATASTORE, Datastore
from parallelrun.api.models.environment_kind import ENVIRONMENT, RegisteredEnvironment
from parallelrun.api.models.model_kind import MODEL, RegisteredModel
from parallelrun.api.rule import Rule
from parallelrun.api.rules import registered

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
    word: str  # of the command: `parallelrun register WORD`
    versioned: bool = True


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
