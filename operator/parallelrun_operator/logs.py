"""Logs: one JSON object a line, with job, namespace and uid where a line is about a job; or plain lines for people."""

from __future__ import annotations

import logging
import sys
from typing import Any

from pythonjsonlogger.json import JsonFormatter

#: What a line about a job carries, besides its message.
JOB_FIELDS = ("job", "namespace", "uid")


class JobLog(logging.LoggerAdapter[logging.Logger]):
    """A logger whose lines are about one job."""

    def __init__(self, logger: logging.Logger, namespace: str, job: str, uid: str) -> None:
        super().__init__(logger, {"job": job, "namespace": namespace, "uid": uid})


def set_up(level: str, form: str) -> None:
    """Log to stderr from now on, ``form`` being json or plain; what libraries log comes along where it matters."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Plain() if form == "plain" else _json())
    handler.addFilter(_worth_reading)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("kopf").setLevel(logging.ERROR)  # it warns of running in a thread, as is meant
    logging.getLogger("parallelrun_operator").setLevel(level)
    logging.getLogger("parallelrun").setLevel(level)


def _json() -> logging.Formatter:
    return JsonFormatter(
        ["message", "levelname", "name"],
        rename_fields={"levelname": "level", "name": "logger"},
        timestamp="time",
    )


class _Plain(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The line, led by namespace/job where it is about one."""
        text = super().format(record)
        job: Any = getattr(record, "job", None)
        if job is None:
            return text
        return text.replace(record.getMessage(), f"{getattr(record, 'namespace', '')}/{job}: {record.getMessage()}", 1)


def _worth_reading(record: logging.LogRecord) -> bool:
    """kopf reports each attempt to reach an API server that is away; the watchdog says it once."""
    return not (record.name.startswith("kopf") and "will retry" in record.getMessage())
