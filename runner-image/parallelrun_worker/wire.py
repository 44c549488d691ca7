"""The messages between an agent and its worker (host and processes), one JSON array or object a line.

They meet in one folder, the *meeting folder* (an ``emptyDir`` in a pod, a temporary folder on a laptop):

``agent.sock``     Unix socket on which the agent listens; the host and every process connect to it
``worker.json``    the :data:`WorkerConfig` keys below, written by the agent before the host reads it

The agent creates ``worker.json`` (atomically, after everything it speaks of exists) before it listens, so a host that
can connect finds it. The host starts processes only when told to; a process loads the script, calls ``init()``, says
``ready`` and then answers each ``run`` with one ``done`` per *group* of mini-batches. The agent keeps two groups in
flight per process, so that the next one is there when one ends. A host whose socket closes kills every process group
and leaves; a process whose socket closes leaves.

Agent -> host
    ["spawn", process, incarnation, {environment variables of this process, e.g. CUDA_VISIBLE_DEVICES}]
    ["kill", process, incarnation]                   SIGKILL to its process group
    ["seal"]                                         fsync all open segments now and report
    ["stop"]                                         kill what is left, then leave
Host -> agent
    ["hello", "host", {"python": "3.11.7", "pid": 1}]
    ["sealed", process, incarnation, records]        that many records of that segment are durable
    ["exited", process, incarnation, status]         status as of os.waitpid: exit code, or -signal; its segment is
                                                     sealed and reported before this message. SEGMENT_FAILED also where
                                                     the host killed it because its segment could not be made durable.
                                                     The process's own socket may still hold messages from before its
                                                     death: read it to its end first
    ["host-error", text]                             what the host could not do (say, a full disk); it goes on trying
Agent -> process
    ["run", [[mini_batch, epoch, try, work], ...]]   one group; see Work below
    ["end"]                                          call shutdown(), flush, leave with exit code 0
    ["answer", question id, [path, version]]         path absolute; or [null, why there is no such model]
Process -> agent
    ["hello", "process", process, incarnation, {"pid": 1}]
    ["ready", seconds]                               init() returned
    ["init-failed", text, began]                     the user's traceback, and whether init() was called at all: the
                                                     script may not load; the process then exits with INIT_FAILED
    ["done", records, seconds, [[mini_batch, items, returned, note], ...]]      seconds: in run(), all of these together
                                                     these ran, in this order, and the segment now holds `records`
                                                     records, flushed but not yet durable; note is "" or a remark
                                                     ("returned 12 elements for 10 items")
    ["failed", mini_batch, items, seconds, text]     run() raised, or its value or input was no good; text is the
                                                     user's traceback or our one-sentence reason. Nothing was written.
    ["ask", question id, "model", [name, version]]   Model.get_model_path of a name the job does not list
    ["segment-error", text]                          the segment could not be written (full disk); the mini-batches not
                                                     reported done are run again when the agent says so; the process
                                                     exits with SEGMENT_FAILED

Groups: a process reports a group's outcome in one `done`, or in several when the group takes longer than
REPORT_SECONDS, with `failed` in between. Order within a process is the order of the group.

Work: what one mini-batch is made of.
    files       ["f", [path, ...], partition]                        partition: {} or {key: value}
    table       ["t", [[path, start, stop, file number], ...], partition, {column: value from the path}]
                byte ranges [start, stop) that end at row ends; `worker.json` says how to parse them. For gzip the
                range is 0 to -1. For Parquet start and stop are row numbers in the file. Where rows are drawn, the
                file's path below its input's root comes last in a piece.
                Where files were fetched, {path: URL} comes last: of each file there may be no more than these parts,
                at their places, and people are shown the URL.

Slots: `worker.json`'s "slots" names a file of SLOT.size bytes a process, mapped by both sides. A process writes its
slot before and after each call of run(): it survives any death, and it is all that says what was running.
"""

from __future__ import annotations

import json
import struct

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from typing import Any

#: Keys of worker.json (all present):
#: node (int), holder (str), processes (int), python (str: the interpreter for processes; "": the host's own),
#: script (absolute path), source (absolute path: working directory, writable), arguments (list of str, resolved),
#: environment ({str: str} added to the process's environment), log_level ("WARNING"|"INFO"|"DEBUG"),
#: segments (folder), slots (file), seal_seconds (float),
#: stdout (folder for processNNN.stdout.txt and .stderr.txt), echo (bool: the host prints what comes into these),
#: entry_script_log (folder for processNNN.log.txt),
#: working_dir, outputs_dir (folders: EntryScript.working_dir, AZUREML_BI_OUTPUT_PATH / EntryScript.output_dir),
#: output ({"action", "format", "csv": {"separator", "header", "index"}, "schema": path of the published schema}),
#: input ({"kind": "file"|"table", "mode": "Mount"|"Download"|"Direct", "table": {...} or null}), where table is
#:   {"format": "csv"|"jsonl"|"parquet", "separator", "header": bool, "encoding", "support_multi_line": bool,
#:    "names": [column, ...] in file order, "columns": {column: dtype} fixed for the whole input,
#:    "path_columns": {column: dtype}, "keep": [column, ...] or null, "include_path_column": bool};
#:   "empty_as_text": true where an empty field of a text column is no missing value;
#:   where not all rows are items, "rows": for each input {"files": number of the file after its last, "where":
#:   [[column, operator, [value, ...]], ...], "sample": [fraction, seed] or null, "trimmed": {number of a file that is
#:   one piece: [first, stop] of its rows that meet the conditions}}; "read": the columns to read, if not "keep",
#: job ({"name", "uid", "run_id", "experiment", "tags": {}, "namespace"}),
#: models ({name: {"path": absolute path, "version": str}}), model_dir (AZUREML_MODEL_DIR or ""),
#: inputs ({name: folder or literal prefix}), side_inputs ({name: absolute path}), outputs ({name: absolute path}),
#: profiling ("" or "cProfile", profile folder in "profile_dir"),
#: run_once (bool: the script is a program, and its one mini-batch one run of it; work is not looked at).
if TYPE_CHECKING:
    WorkerConfig = dict[str, Any]

SOCKET = "agent.sock"
CONFIG = "worker.json"

#: Exit codes of a worker process (its own; a script may leave with any other).
INIT_FAILED = 70  # init() raised or the script could not be loaded; said by "init-failed" before
SEGMENT_FAILED = 74  # the segment could not be written; said by "segment-error" before
AGENT_GONE = 75  # the socket to the agent closed

#: A process reports what it has done at least this often within a group.
REPORT_SECONDS = 0.25

#: state (0 idle, 1 reading, 2 in run), try, mini_batch, started (CLOCK_MONOTONIC seconds), items, epoch; 64 bytes.
#: The state is written last and cleared first, so that a reader never takes half a slot for a running mini-batch; it
#: stays set until the returned value is serialised, which can kill a process as well as run() can.
SLOT = struct.Struct("<HH4xQdQQ24x")
IDLE, READING, RUNNING = 0, 1, 2


def encode(message: list[Any]) -> bytes:
    """One message as a line. Undecodable bytes of file names travel as escaped surrogates."""
    return json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n"


class Decoder:
    """Turns chunks of bytes, as they come off a socket, into messages."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[list[Any]]:
        """Every message completed by ``chunk`` (bytes), in order."""
        lines = (self._rest + chunk).split(b"\n")
        self._rest = lines.pop()
        return [json.loads(line) for line in lines]
