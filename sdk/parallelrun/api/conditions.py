"""Names that parts of parallelrun and people's scripts compare with: condition types, reasons, labels.

Each says who writes it, who reads it and which values it takes. A name here is never changed: scripts wait for it.
"""

from typing import Final

from parallelrun.api.group import GROUP

# Condition types of status.conditions. The operator writes them, from the header alone; `kubectl wait` and people read
# them. At most one of the first four is True.
SUSPENDED: Final = "Suspended"  # spec.suspend is true and no node works
RUNNING: Final = "Running"  # planning, running, finalizing or committing
COMPLETE: Final = "Complete"  # Done: the output is whole
FAILED: Final = "Failed"  # Aborted: its reason is one of REASONS
STALLED: Final = "Stalled"  # beside Running: nodes wait for something that the message names, such as a full volume
CONDITION_TYPES: Final = (SUSPENDED, RUNNING, COMPLETE, FAILED, STALLED)

# Reasons of Aborted: of the condition Failed, and "reason" in header.json and job_result.json. Written by whoever
# aborts the header, read by people, by `parallelrun run` and by --resume.
CANCELLED: Final = "Cancelled"  # `parallelrun cancel`, spec.cancel
INTERRUPTED: Final = "Interrupted"  # Ctrl-C of a local run; --resume goes on
ERROR_THRESHOLD_EXCEEDED: Final = "ErrorThresholdExceeded"  # more failed items than spec.errorThreshold
MINI_BATCH_ERROR_THRESHOLD_EXCEEDED: Final = "MiniBatchErrorThresholdExceeded"  # ... mini-batches, that threshold
ALLOWED_FAILED_PERCENT_EXCEEDED: Final = "AllowedFailedPercentExceeded"  # ... of all mini-batches
PROGRAM_FAILED: Final = "ProgramFailed"  # a job with spec.runOnce: its program did, also at its last try
INIT_FAILED: Final = "InitFailed"  # init() raised too often; the message has the script's traceback
NO_PROGRESS: Final = "NoProgress"  # no mini-batch finished within spec.advanced.progressUpdateTimeoutSeconds
INPUT_CHANGED: Final = "InputChanged"  # a planner found another input than was planned
INPUT_ERROR: Final = "InputError"  # the planner: an input is missing, empty or malformed
PLANNING_FAILED: Final = "PlanningFailed"  # the planner: anything else
SOURCE_ERROR: Final = "SourceError"  # an agent: the script or its folder cannot be used
ENVIRONMENT_ERROR: Final = "EnvironmentError"  # an agent: packages are missing or could not be installed
OUTPUT_FAILED: Final = "OutputFailed"  # the finalizer: the output cannot be written, or a result is corrupt
STATE_LOST: Final = "StateLost"  # the operator: the job's header or a shard was deleted by hand
MANIFEST_ERROR: Final = "ManifestError"  # the operator: what the API server's own checks cannot see
AGENT_FAILED: Final = "AgentFailed"  # the supervisor of a local run: agents end as soon as they start
REASONS: Final = (
    CANCELLED,
    INTERRUPTED,
    ERROR_THRESHOLD_EXCEEDED,
    MINI_BATCH_ERROR_THRESHOLD_EXCEEDED,
    ALLOWED_FAILED_PERCENT_EXCEEDED,
    PROGRAM_FAILED,
    INIT_FAILED,
    NO_PROGRESS,
    INPUT_CHANGED,
    INPUT_ERROR,
    PLANNING_FAILED,
    SOURCE_ERROR,
    ENVIRONMENT_ERROR,
    OUTPUT_FAILED,
    STATE_LOST,
    MANIFEST_ERROR,
    AGENT_FAILED,
)

# Reasons of the other conditions are phases of status, what Kubernetes itself calls a trouble (ImagePullBackOff,
# Unschedulable, FailedMount, FailedCreate, ...), Missing<Kind> for an object that the job names, <Container>Failed, or:
QUEUED: Final = "Queued"  # of Running: a Kueue queue has not admitted the job yet
WAITING_FOR_EARLIER_JOB: Final = "WaitingForEarlierJob"  # of Running: spec.rerunOf names a job that is not over
INSTALLING_PACKAGES: Final = "InstallingPackages"  # of Running: pods install what spec.environment lists, once
SUSPENDING: Final = "Suspending"  # of Running: spec.suspend is true and nodes still hand back their work
ABORTING: Final = "Aborting"  # of Running: the job has failed, and its reports are being written
REUSED: Final = "Reused"  # of Complete: an earlier job's results were taken over, and nothing was run
VOLUME_FULL: Final = "VolumeFull"  # of Stalled: nodes wait for room on a volume
STORE_REFUSED: Final = "StoreRefused"  # of Stalled: an object store refuses, or cannot be reached

# Of a pipeline's run, beside phases of its status, Missing<Kind>, CANCELLED and MANIFEST_ERROR. The operator writes
# them.
STEP_FAILED: Final = "StepFailed"  # of Failed: steps did not succeed; the message names them
WAITING_FOR_EARLIER_RUN: Final = "WaitingForEarlierRun"  # of Running: spec.rerunFailed names a run that is not over

# Labels. The operator writes them on all that it makes for a job; its selectors and people's read them.
LABEL_JOB: Final = f"{GROUP}/job"  # metadata.name of the ParallelRunJob
LABEL_JOB_UID: Final = f"{GROUP}/job-uid"  # its metadata.uid: a re-created job never adopts what was another's

# Labels of the ParallelRunJobs of a pipeline's run, and of the runs that a schedule makes. The operator writes them; it
# finds earlier results of a step by the first and the third, and people select by them.
LABEL_PIPELINE: Final = f"{GROUP}/pipeline"  # metadata.name of the ParallelRunPipeline
LABEL_PIPELINE_RUN: Final = f"{GROUP}/pipeline-run"  # metadata.name of the ParallelRunPipelineRun
LABEL_STEP: Final = f"{GROUP}/step"  # the step's name
# An annotation of a run that a schedule made: the time that it was made for, in UTC. The operator writes and reads it.
SCHEDULED_FOR: Final = f"{GROUP}/scheduled-for"
# An annotation of a step's job that was suspended with its run, and goes on with it; one that people suspended by
# itself does not. The operator writes and reads it.
SUSPENDED_WITH_RUN: Final = f"{GROUP}/suspended-with-run"  # "true"
