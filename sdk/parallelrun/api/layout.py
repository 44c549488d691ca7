"""The names of files in a job's folder, local and on a cluster's volume alike (many as Azure ML's users know them)."""

from pathlib import Path

SUCCESS = "_SUCCESS"  # written last: the output is whole
OWNER = "_OWNER"  # in an output folder of the user's choice: whose output it is (namespace/name)
RESULT = "job_result.json"
PIPELINE_RESULT = "pipeline_result.json"  # of a pipeline's run: its steps, and what became of each
SETTINGS = "settings.json"  # JobSettings, what the agents read
MANIFEST = "job.yaml"  # the manifest as it was run
PREPARED = "prepared.json"  # what a resumed run is compared with; local runs only
REGISTERED = "registered.json"  # the registered objects that the job began with; a key of its settings ConfigMap
HEADER = "header.json"  # the header; in a cluster a copy, as it was when planned and at the end
LOCK = ".lock"  # held (flock) by the one process that runs this folder
CONTROL = "control.json"  # where a live local run listens
SCHEMA = "schema.json"  # the output's published schema
SEGMENTS = "segments"
TRIES = "tries"
SOURCE = "source"  # the copy of the source folder, as planned
CONFIG_MAPS = "configmaps"  # the ConfigMaps that the job reads, a folder each; local runs only
CACHE = "cache"  # what was fetched from object stores, while the run needs it; local runs only
OUTPUTS = "outputs"  # what the script writes itself (AZUREML_BI_OUTPUT_PATH)
MODELS = "models"  # one entry, the job's only model: AZUREML_MODEL_DIR
PLAN_PREFIX = "plan-"
WINNERS_PREFIX = "winners-"

OVERVIEW = "logs/job_progress_overview.txt"
MINI_BATCHES = "logs/processed_mini-batches.csv"
USER_ERRORS = "logs/user/error"
USER_STDOUT = "logs/user/stdout"
ENTRY_SCRIPT_LOG = "logs/user/entry_script_log"
SYS = "logs/sys"
PERF = "logs/perf"


def node_name(node: int) -> str:
    """``node000``: the name of a node in file names and logs."""
    return f"node{node:03d}"


def process_name(process: int) -> str:
    """``process000``: the name of a worker process in file names and logs."""
    return f"process{process:03d}"


def segment_name(node: int, holder: str, process: int | str, incarnation: int) -> str:
    """``<node>-<holder>-<process>-<incarnation>``, without suffix; a holder has no path separator in it."""
    return f"{node}-{holder}-{process}-{incarnation}"


def segment_holder(name: str) -> str:
    """The holder in a segment's name (a pod UID has dashes in it)."""
    return name.split("-", 1)[1].rsplit("-", 2)[0]


def tries_file(folder: Path, node: int, holder: str) -> Path:
    """Where a holder records the tries that it charged and the suspects that it ran alone (JSON lines)."""
    return folder / TRIES / f"{node}-{holder}.jsonl"


def tries_holder(name: str) -> str:
    """The holder in the name of a tries or slots file."""
    return name.split("-", 1)[-1].rsplit(".", 1)[0]


def slots_file(folder: Path, node: int, holder: str) -> Path:
    """What a holder's processes were running, see ``parallelrun_worker.wire.SLOT``."""
    return folder / TRIES / f"{node}-{holder}.slots"
