"""A fake agent that speaks ``wire`` to real host and process programs."""

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from parallelrun_worker import segment, wire

HOST = Path(segment.__file__).with_name("host.py")
DEADLINE = 20.0


class FakeAgent:
    """Starts a host in a meeting folder of its own and collects everything that host and processes say."""

    def __init__(self, folder: Path, script: str, **config):
        self.folder = folder
        self.meeting = folder / "meeting"
        self.source = folder / "source"
        for name in ("meeting", "source", "segments", "stdout", "log", "work", "out", "profile"):
            (folder / name).mkdir()
        self.script = self.source / "score.py"
        self.script.write_text(textwrap.dedent(script))
        (folder / "slots").write_bytes(bytes(64 * 8))
        self.config = self._config(config)
        self.messages: list[tuple[object, list]] = []  # (who, message); who: "host" or (process, incarnation)
        self.changed = threading.Condition()
        self.sockets: dict[object, socket.socket] = {}
        self.model_answers: dict[str, list[str]] = {}
        self.listener = socket.socket(socket.AF_UNIX)
        self.host: subprocess.Popen[bytes] | None = None

    def _config(self, changes):
        folder = str(self.folder)
        return {
            "node": 0, "holder": "holder-uid", "processes": 1, "python": sys.executable,
            "script": str(self.script), "source": str(self.source), "arguments": [], "environment": {},
            "log_level": "INFO", "segments": f"{folder}/segments", "slots": f"{folder}/slots", "seal_seconds": 60.0,
            "stdout": f"{folder}/stdout", "echo": False, "entry_script_log": f"{folder}/log",
            "working_dir": f"{folder}/work",
            "outputs_dir": f"{folder}/out",
            "output": {"action": "AppendRow", "format": "Text", "schema": f"{folder}/schema.json",
                       "csv": {"separator": ",", "header": True, "index": False}},
            "input": {"kind": "file", "mode": "Mount", "table": None},
            "job": {"name": "iris", "uid": "1234", "run_id": "run-1", "experiment": "flowers", "tags": {"a": "b"},
                    "namespace": "default"},
            "models": {}, "model_dir": "", "inputs": {}, "side_inputs": {}, "outputs": {}, "profiling": "",
            "profile_dir": f"{folder}/profile", "run_once": False,
        } | changes  # fmt: skip

    def start(self, *, python: str = sys.executable, **popen) -> "FakeAgent":
        self.write_config()
        self.listen()
        self.start_host(python=python, **popen)
        self.wait(lambda: self.said("host", "hello"), "the host's hello")
        return self

    def write_config(self):
        (self.meeting / wire.CONFIG).write_text(json.dumps(self.config))

    def listen(self):
        self.listener.bind(str(self.meeting / wire.SOCKET))
        self.listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def start_host(self, *, python=sys.executable, within=(), **popen):
        self.host = subprocess.Popen([*within, python, str(HOST), str(self.meeting)], **popen)

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._listen_to, args=(connection,), daemon=True).start()

    def _listen_to(self, connection):
        decoder, who = wire.Decoder(), None
        with connection:
            while True:
                try:
                    chunk = connection.recv(1 << 16)
                except OSError:
                    chunk = b""
                if not chunk:
                    break
                for message in decoder.feed(chunk):
                    if message[0] == "hello":
                        who = "host" if message[1] == "host" else (message[2], message[3])
                        self.sockets[who] = connection
                    if message[0] == "ask":
                        answer = ["answer", message[1], self.model_answers.get(message[3][0], [None, "no such model"])]
                        connection.sendall(wire.encode(answer))
                    with self.changed:
                        self.messages.append((who, message))
                        self.changed.notify_all()

    def wait(self, condition, what: str):
        """The first true value of ``condition()``; fails with all that was said after the deadline."""
        end = time.monotonic() + DEADLINE
        with self.changed:
            while True:
                if value := condition():
                    return value
                if time.monotonic() > end:
                    raise AssertionError(f"no {what} within {DEADLINE} s; said: {self.messages}; {self.stderr()}")
                self.changed.wait(0.02)

    def said(self, who, kind: str) -> list[list]:
        return [message for speaker, message in list(self.messages) if speaker == who and message[0] == kind]

    def tell(self, who, message):
        self.sockets[who].sendall(wire.encode(message))

    def spawn(self, process=0, incarnation=1, env=None, ready=True):
        self.tell("host", ["spawn", process, incarnation, env or {}])
        if ready:
            who = (process, incarnation)
            self.wait(lambda: self.said(who, "ready") or self.said(who, "init-failed"), "ready")
            assert self.said(who, "ready"), self.messages
        return (process, incarnation)

    def run(self, who, *mini_batches, wait=True):
        """Send one group of (index, files or work); waits until each is done or has failed."""
        group = []
        for index, work in mini_batches:
            work = work if work and work[0] in ("f", "t") and isinstance(work[1], list) else ["f", list(work), {}]
            group.append([index, 7, 1, work])
        self.tell(who, ["run", group])
        if wait:
            wanted = {index for index, _ in mini_batches}
            self.wait(lambda: wanted <= set(self.done(who)) | set(self.failed(who)), f"outcome of {wanted}")

    def done(self, who) -> dict[int, list]:
        return {entry[0]: entry for message in self.said(who, "done") for entry in message[3]}

    def failed(self, who) -> dict[int, list]:
        return {message[1]: message for message in self.said(who, "failed")}

    def exited(self, who) -> int:
        """Wait for this incarnation's end; its status."""
        found = self.wait(lambda: [m for m in self.said("host", "exited") if tuple(m[1:3]) == who], f"exit of {who}")
        return found[0][3]

    def end(self, who) -> int:
        self.tell(who, ["end"])
        return self.exited(who)

    def sealed(self, who) -> int:
        return max([m[3] for m in self.said("host", "sealed") if tuple(m[1:3]) == who], default=0)

    def pid(self, who) -> int:
        return self.wait(lambda: self.said(who, "hello"), "hello")[0][4]["pid"]

    def records(self, who):
        return np.fromfile(self.segment(who) + ".idx", dtype=segment.DTYPE)

    def segment(self, who) -> str:
        return f"{self.folder}/segments/0-holder-uid-{who[0]}-{who[1]}"

    def payload(self, who, index: int) -> bytes:
        (record,) = [r for r in self.records(who) if r["mini_batch"] == index]
        data = Path(self.segment(who) + ".dat").read_bytes()
        return data[record["offset"] : record["offset"] + record["length"]]

    def slot(self, process=0):
        return wire.SLOT.unpack_from((self.folder / "slots").read_bytes(), 64 * process)

    def stdout(self, process=0) -> str:
        return (self.folder / "stdout" / f"process{process:03d}.stdout.txt").read_text()

    def stderr(self, process=0) -> str:
        path = self.folder / "stdout" / f"process{process:03d}.stderr.txt"
        return path.read_text() if path.exists() else ""

    def log(self, process=0) -> str:
        return (self.folder / "log" / f"process{process:03d}.log.txt").read_text()

    def close(self):
        """Close all sockets; the host has to leave by itself."""
        self.listener.close()
        for connection in self.sockets.values():
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        if self.host is not None:
            try:
                self.host.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.host.send_signal(signal.SIGKILL)
                self.host.wait()
                raise


def gone(pid: int) -> bool:
    """Whether no process of that pid runs any more (a zombie does not run)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_gone(pid: int):
    end = time.monotonic() + DEADLINE
    while not gone(pid):
        assert time.monotonic() < end, f"process {pid} still runs"
        time.sleep(0.01)


@pytest.fixture
def make_agent():
    """Builds fake agents; afterwards every host must leave on its own when its socket closes."""
    agents, folders = [], []

    def make(script: str, **config) -> FakeAgent:
        folders.append(tempfile.mkdtemp(prefix="w", dir="/tmp"))  # a socket's name may have 107 bytes
        agents.append(FakeAgent(Path(folders[-1]), script, **config))
        return agents[-1]

    make.gone, make.wait_gone = gone, wait_gone
    yield make
    for agent in agents:
        agent.close()
    for folder in folders:
        subprocess.run(["chmod", "-R", "u+w", folder], check=False)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def agent(make_agent):
    """One started agent for a script: ``agent(script, **config)``."""
    return lambda script, **config: make_agent(script, **config).start()
