"""Exit codes: a contract with shells, and between agent and operator. Documented in docs/reference/exit-codes.md."""

# of the command `parallelrun`
DONE = 0  # the job is done
JOB_FAILED = 1  # the job failed or was cancelled; the reason is in job_result.json
NOT_STARTED = 2  # anything wrong before the first init() started: manifest, script, input
TIMED_OUT = 124  # `wait --timeout`: the run still goes on (as timeout(1) has it)
INTERRUPTED = 130  # Ctrl-C: everything finished is sealed; --resume goes on

# of an agent
AGENT_DONE = 0  # the job is done, or aborted and reported
AGENT_DRAINED = 81  # told to leave (SIGTERM): everything was sealed and returned
AGENT_NOT_HOLDER = 82  # a newer holder acts for this node: this one stopped
AGENT_STORE_GONE = 83  # the lease store was out of reach for too long
AGENT_DEFECT = 84  # an error of parallelrun's own; its traceback is in logs/sys/<node>.log

# of a pod's container `environment`
ENVIRONMENT_REFUSED = 85  # of `environment`: the packages cannot be installed; a job that was not planned yet fails
