"""``azureml_user.parallel_run.EntryScript``: one object per process, with its logger and folders."""

# The signatures are Azure ML's.
# ruff: noqa: ARG004
from __future__ import annotations

TYPE_CHECKING = False  # importing typing would be a tenth of a process's start
if TYPE_CHECKING:
    from logging import Logger
    from typing import Any


class EntryScript:
    """``EntryScript()`` is the same object every time.

    ``logger`` (to the entry script log), ``log_dir``, ``output_dir`` and ``working_dir`` (paths), ``agent_name``
    (node and process, ``"node000-process001"``), ``config`` (dict: what this node's worker was told).
    """

    _config: dict[str, Any] = {}  # noqa: RUF012  # set once per process, with _process
    _process = 0
    _only: EntryScript | None = None

    def __new__(cls, *arguments: Any, **options: Any) -> EntryScript:
        """The one of this process."""
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cls._only

    @property
    def logger(self) -> Logger:
        """Its records go to the entry script log."""
        import logging

        return logging.getLogger("EntryScript")

    @property
    def log_dir(self) -> str:
        """The folder of the entry script log."""
        return str(self._config["entry_script_log"])

    @property
    def output_dir(self) -> str:
        """A folder on the job's volume that the script may write to."""
        return str(self._config["outputs_dir"])

    @property
    def working_dir(self) -> str:
        """The working directory."""
        return str(self._config["working_dir"])

    @property
    def agent_name(self) -> str:
        """This process's name in logs."""
        return "node%03d-process%03d" % (self._config["node"], self._process)

    @property
    def config(self) -> dict[str, Any]:
        """What the worker was told."""
        return self._config

    def __repr__(self) -> str:
        return "EntryScript(agent_name=%r)" % self.agent_name
