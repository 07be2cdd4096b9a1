"""Everything that can go wrong, as exceptions.

The server answers with problem details (RFC 9457). Each becomes the exception of its `code`; the
table at the end says which. What never reached the server is `Unreachable` or `TimedOut`.
"""
from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Type


class DocqError(Exception):
    """`code` is stable and meant for programs, `detail` says the fault and the remedy."""

    default_code = "error"

    def __init__(self, detail: str, *, code: Optional[str] = None, status: Optional[int] = None,
                 field: Optional[str] = None, request_id: Optional[str] = None,
                 errors: Optional[List[Dict[str, Any]]] = None,
                 retry_after: Optional[float] = None) -> None:
        super().__init__(detail)
        self.code = code or self.default_code
        self.detail = detail
        self.status = status
        self.field = field
        self.request_id = request_id
        self.errors = errors or []
        self.retry_after = retry_after

    def __str__(self) -> str:
        where = f" (field {self.field})" if self.field else ""
        request = f" [request {self.request_id}]" if self.request_id else ""
        return f"{self.code}: {self.detail}{where}{request}"


class Invalid(DocqError):
    """An argument or a field is wrong; `field` is its JSON pointer."""

    default_code = "invalid"


class NotFound(DocqError):
    """No such document, item, lease or page."""

    default_code = "not_found"


class Conflict(DocqError):
    """The item's state does not allow this; somebody else was first."""

    default_code = "conflict"


class LeaseLost(Conflict):
    """The lease has passed: stop working on the item."""

    default_code = "lease_lost"


class NotProcessed(Conflict):
    """There is no result yet."""

    default_code = "not_processed"


class TooLarge(DocqError):
    """A limit that the detail names is exceeded."""

    default_code = "too_large"


class Unsupported(DocqError):
    """The server cannot do this, or not with this content type."""

    default_code = "unsupported"


class Unauthorized(DocqError):
    """A valid token is needed."""

    default_code = "unauthorized"


class Forbidden(DocqError):
    """The token lacks the scope that the detail names."""

    default_code = "forbidden"


class Busy(DocqError):
    """Try again later; `retry_after` says when, in seconds, where the server knows."""

    default_code = "busy"


class NoSpace(DocqError):
    """The server's disk is full; nothing was stored."""

    default_code = "no_space"


class ServerError(DocqError):
    """The server failed, or answered something that is not docq's protocol."""

    default_code = "internal"


class Unreachable(DocqError, ConnectionError):
    """No server answers at the URL. `sent` tells whether the request may have been received."""

    default_code = "unreachable"

    def __init__(self, detail: str, *, sent: bool = False, **rest: Any) -> None:
        super().__init__(detail, **rest)
        self.sent = sent


class TimedOut(DocqError, TimeoutError):
    """The time given was over first; a request may have been carried out all the same."""

    default_code = "timed_out"


# ---- what a handler raises -----------------------------------------------------------------------

class Retry(Exception):
    """Raised by a handler: this attempt failed, another one may not. `after` is in seconds; None
    leaves the pause to the operation's policy."""

    def __init__(self, message: str = "", *, after: Optional[float] = None,
                 code: str = "handler_error") -> None:
        super().__init__(message or "The handler asked for another attempt.")
        self.after, self.code = after, code


class Permanent(Exception):
    """Raised by a handler: another attempt cannot help. `code` has the characters a-z 0-9 _ -"""

    def __init__(self, code: str = "handler_error", message: str = "") -> None:
        super().__init__(message or f"The handler gave up: {code}.")
        self.code = code


class Cancelled(BaseException):
    """Raised in a handler by `job.check()` and `job.progress()` once the item is no longer its own.
    It is no Exception, so that `except Exception` of the handler does not swallow it."""


CLASSES: Mapping[str, Type[DocqError]] = {
    "invalid": Invalid,
    "malformed": Invalid,
    "headers_too_large": TooLarge,
    "not_found": NotFound,
    "conflict": Conflict,
    "locked": Conflict,
    "lease_lost": LeaseLost,
    "not_processed": NotProcessed,
    "too_large": TooLarge,
    "unsupported_media_type": Unsupported,
    "method_not_allowed": Unsupported,
    "unauthorized": Unauthorized,
    "forbidden": Forbidden,
    "misdirected": Forbidden,
    "busy": Busy,
    "no_memory": Busy,
    "no_space": NoSpace,
}


def from_problem(status: int, problem: Mapping[str, Any], retry_after: Optional[float] = None
                 ) -> DocqError:
    """The exception for an answer with problem details."""
    code = str(problem.get("code") or "internal")
    kind = CLASSES.get(code, ServerError if status >= 500 else DocqError)
    errors = problem.get("errors")
    errors = [e for e in errors if isinstance(e, dict)] if isinstance(errors, list) else []
    detail = problem.get("detail") or problem.get("title") or f"The server answered {status}."
    return kind(str(detail), code=code, status=status, errors=errors, retry_after=retry_after,
                field=errors[0].get("pointer") if errors else None,
                request_id=problem.get("request_id"))
