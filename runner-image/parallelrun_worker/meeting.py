"""How a host or a process joins its agent: the worker's configuration and one Unix socket, both in the meeting folder.

In a pod the worker's container may be up long before the agent is, and outlive several of them, so joining waits. A
socket's name may have at most 107 bytes, which a run's folder easily passes: long ones are reached through a
descriptor of their folder.
"""

from __future__ import annotations

import json
import os
import socket
import time

from parallelrun_worker import wire

#: An agent mostly listens within so long, and then nobody should wait for a host that sleeps.
_SOON_SECONDS = 60.0
_LONGEST_PAUSE = 0.01
_LONGEST_NAME = 107  # bytes that sockaddr_un holds


def join(folder: str, seconds: float) -> socket.socket:
    """Connect to the agent in ``folder``, trying for ``seconds``; raises OSError of the last attempt after that."""
    deadline = time.monotonic() + seconds
    soon = time.monotonic() + _SOON_SECONDS
    pause = 0.002
    while True:
        try:
            return _connect(folder)
        except OSError:  # not there yet, left by an agent that died, or its backlog is full
            if time.monotonic() + pause > deadline:
                raise
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE if time.monotonic() < soon else 0.5)


def configuration(folder: str) -> wire.WorkerConfig:
    """What the agent wrote for its worker; read it after :func:`join`, which proves that it is there."""
    with open(os.path.join(folder, wire.CONFIG), encoding="utf-8") as file:
        config: wire.WorkerConfig = json.load(file)
    return config


def _connect(folder: str) -> socket.socket:
    path = os.path.join(folder, wire.SOCKET)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if len(os.fsencode(path)) <= _LONGEST_NAME:
            connection.connect(path)
        else:
            _connect_through_descriptor(connection, folder)
    except OSError:
        connection.close()
        raise
    return connection


def _connect_through_descriptor(connection: socket.socket, folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        connection.connect("/proc/self/fd/%d/%s" % (descriptor, wire.SOCKET))
    finally:
        os.close(descriptor)
