"""Every error that people can see, as one tree.

    ParallelRunError            what went wrong, and what to do
    ├── ManifestError           the manifest (or the command line) is not right; holds every problem at once
    ├── InputError              an input is missing, empty, unreadable or malformed; named
    ├── SourceError             the entry script or its folder
    ├── RunFolderError          a folder that cannot be used as, or is not, a run's folder
    │   └── InputChanged        --resume or rerun over an input, script or manifest that is not the one planned
    ├── EnvironmentError_       the environment could not be made (pip) or lacks a package
    ├── OutputError             the output cannot be written
    ├── NoSpace                 a volume is full: the work pauses and goes on when there is space
    └── JobFailed               the job ran and failed

Anything else that escapes is a defect of parallelrun.
"""

import errno

from parallelrun.api import web_addresses


class ParallelRunError(Exception):
    """What went wrong, in a sentence; ``hint`` says what to do about it, in another."""

    def __init__(self, message: str, hint: str = "") -> None:
        """Messages name the field, file or mini-batch; neither has a traceback in it. Queries of web addresses, which
        may be signatures, are taken out of both."""
        self.message = web_addresses.shown(message)
        self.hint = web_addresses.shown(hint)
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class ManifestError(ParallelRunError):
    """The manifest or a command-line setting is not right."""


class InputError(ParallelRunError):
    """An input is missing, empty, unreadable or malformed."""


class SourceError(ParallelRunError):
    """The entry script or its folder is missing or cannot be used."""


class RunFolderError(ParallelRunError):
    """A folder cannot be used as a run's folder, or is not one."""


class InputChanged(RunFolderError):
    """What was planned is not what is there now: input, source or manifest."""


class EnvironmentError_(ParallelRunError):
    """The job's environment could not be made, or lacks a package."""


class OutputError(ParallelRunError):
    """The output cannot be written."""


class NoSpace(ParallelRunError):
    """A volume is full."""


def is_full(error: OSError) -> bool:
    """Whether an error of the system says that a volume, or a quota on it, has no room."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


class JobFailed(ParallelRunError):
    """The job ran and failed; the message says why, with the user's own traceback where there is one."""
