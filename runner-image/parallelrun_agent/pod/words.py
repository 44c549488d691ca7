"""What init containers say to people: paths as they stand in manifests, and the reason where Kubernetes shows it."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from parallelrun.api import pod_layout

#: Kubernetes shows what is in this file as the reason of a container's end.
TERMINATION_LOG = "/dev/termination-log"
#: Bytes of it that are kept.
_LIMIT = 4096


def in_manifest(text: str) -> str:
    """``text`` with the paths of volumes in pods as URLs."""
    return text.replace(pod_layout.CLAIMS + "/", "pvc://").replace(pod_layout.CONFIG_MAPS + "/", "configmap://")


def on_claim(url: str) -> Path:
    """The inverse for one URL, where claims are mounted whole."""
    return Path(url.replace("pvc://", pod_layout.CLAIMS + "/", 1) if url.startswith("pvc://") else url)


def fail(text: str) -> int:
    """Say why this container ends; the exit code 1."""
    print(text, file=sys.stderr)
    with suppress(OSError), open(TERMINATION_LOG, "w", encoding="utf-8", errors="replace") as file:
        file.write(text.encode()[:_LIMIT].decode(errors="ignore"))
    return 1


def end_at_sigterm() -> None:
    """Process 1 of a container hears only signals that it has a handler for; nothing here needs an orderly end."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
