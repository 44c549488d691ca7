"""What can go wrong between us and the API server; a class of its own where somebody handles it differently.

KubeError                 the API server answered with an error: status, reason and message as it gave them
├── NotFound      404     no such object (or no such kind: is the CRD installed?)
├── Conflict      409     the object changed meanwhile, or exists already
├── Gone          410     a watch began too long ago: list again
├── Forbidden     401/403 the caller may not
├── Invalid       400/422 the object was refused: fields and rules are in the message
└── Unavailable   429/5xx, and no connection: try again later; whether a write happened is not known
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from parallelrun.api.errors import ParallelRunError


@dataclass(frozen=True)
class Cause:
    """One thing that the API server found wrong with an object."""

    field: str  # dotted; "" where it is about the whole object
    message: str  # the value and the rule, as the API server words them


class KubeError(ParallelRunError):
    """An answer of the API server that is not a success."""

    def __init__(
        self, message: str, status: int = 0, reason: str = "", hint: str = "", causes: tuple[Cause, ...] = ()
    ) -> None:
        """``status``: of HTTP, 0 where there was no answer; ``reason``: of the Status object, in CamelCase."""
        super().__init__(message, hint)
        self.status, self.reason, self.causes = status, reason, causes


class NotFound(KubeError):
    """There is no such object."""


class Conflict(KubeError):
    """The object changed meanwhile, or exists already."""


class Gone(KubeError):
    """The resourceVersion is too old."""


class Forbidden(KubeError):
    """The caller has no right to do this."""


class Invalid(KubeError):
    """The object was refused."""


class Unavailable(KubeError):
    """No answer, or not now."""


_BY_STATUS: dict[int, type[KubeError]] = {
    400: Invalid,
    401: Forbidden,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    422: Invalid,
    429: Unavailable,
}


def from_status(status: int, body: dict[str, Any] | str) -> KubeError:
    """The error of an answer; ``body`` is a Status object where the API server itself answered."""
    kind = _BY_STATUS.get(status, Unavailable if status >= 500 else KubeError)
    if isinstance(body, dict):
        causes = (body.get("details") or {}).get("causes") or []
        found = tuple(Cause(str(one.get("field") or ""), str(one.get("message") or "")) for one in causes)
        message = str(body.get("message") or f"HTTP status {status}")
        return kind(message, status, str(body.get("reason") or ""), causes=found)
    return kind(f"HTTP status {status}: {body[:300]}", status)
