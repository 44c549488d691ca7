"""Worker processes as the host sees them: started in a group of their own, killed as a group, reaped.

A process's children belong to its group and go with it. Should the host itself be killed, a guard, forked before
anything else and in a session of its own, sees the pipe to it close and kills the groups: no worker outlives its host,
not even one that sits in a C call.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys

from parallelrun_worker import logs, wire

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any

_PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "process.py")


class Guard:
    """The guard, and the host's end of the pipe to it."""

    def __init__(self) -> None:
        """Fork the guard; before any thread is started."""
        reader, self._writer = os.pipe()
        if os.fork() == 0:
            try:
                os.setsid()
                os.close(self._writer)
                _watch(reader)
            finally:
                os._exit(0)
        os.close(reader)

    def add(self, group: int) -> None:
        """This process group dies with the host."""
        self._tell("+%d\n" % group)

    def remove(self, group: int) -> None:
        """This process group is gone; its number may come to be somebody else's."""
        self._tell("-%d\n" % group)

    def _tell(self, line: str) -> None:
        # Without a guard (somebody killed it) what is left is that processes leave when their socket closes.
        with contextlib.suppress(OSError):
            os.write(self._writer, line.encode("ascii"))


def _watch(reader: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups = set()
    with os.fdopen(reader) as lines:
        for line in lines:
            if line[0] == "+":
                groups.add(int(line[1:]))
            else:
                groups.discard(int(line[1:]))
    for group in groups:
        kill_group(group)


def kill_group(group: int) -> None:
    """SIGKILL to every process of the group, if there is one."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def spawn(config: wire.WorkerConfig, folder: str, process: int, incarnation: int, extra: dict[str, str]) -> int:
    """Start a worker process; its pid, which is its group too. Raises OSError (say, no such interpreter)."""
    name = os.path.join(config["stdout"], logs.file_name(process))
    command = [config["python"] or sys.executable, _PROGRAM, folder, str(process), str(incarnation)]
    with open(name + ".stdout.txt", "ab") as out, open(name + ".stderr.txt", "ab") as err:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=config["source"],
            env=environment(config, process, incarnation, extra),
            start_new_session=True,
        )
    child.returncode = 0  # the host reaps by itself: this keeps subprocess from waiting for it too
    return child.pid


def environment(config: wire.WorkerConfig, process: int, incarnation: int, extra: dict[str, str]) -> dict[str, str]:
    """The environment of one process: the image's, the job's, what Azure's scripts read, then this process's own."""
    job: dict[str, Any] = config["job"]
    node = "node%03d" % config["node"]
    variables = dict(os.environ)
    variables.update(config["environment"])
    variables.update(
        AZUREML_RUN_ID=job["run_id"],
        AZUREML_BI_OUTPUT_PATH=config["outputs_dir"],
        AZ_BATCH_NODE_ID=node,
        PARALLELRUN_JOB=job["name"],
        PARALLELRUN_NODE=node,
        PARALLELRUN_PROCESS=str(process),
        PARALLELRUN_INCARNATION=str(incarnation),
    )
    if config["model_dir"]:
        variables["AZUREML_MODEL_DIR"] = config["model_dir"]
    variables.update(extra)
    return variables
