"""Why there is no environment."""

from __future__ import annotations


class NotMade(Exception):
    """The message says why; ``hint`` what to do about it.

    ``may_mend``: another try may succeed with nothing changed in the manifest, as where an index did not answer.
    """

    def __init__(self, message: str, hint: str = "", may_mend: bool = False) -> None:
        super().__init__(message)
        self.hint = hint
        self.may_mend = may_mend
