"""What can go wrong in the bundle's own rules, in words that mean the same to every feature.

`common.http` alone decides which HTTP status each of them gets. Failures of the upstream have their own hierarchy
in `digital_twin.oh`.
"""


class ProblemError(Exception):
    """A refusal or failure that is told to the caller.

    Args:
        message: One sentence for a person: what is wrong and what to do. It is sent to the caller as it is, so it holds
            no secret, no prompt and no stack trace.
        code: A stable word for programs, such as ``not_found``.
        retry_after: Seconds after which trying again makes sense, or None.
        details: More members for the error body, such as ``{"job_id": "…"}``.
    """

    default_code = "problem"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        retry_after: int | None = None,
        details: dict[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.retry_after = retry_after
        self.details = details or {}


class InvalidInputError(ProblemError):
    """The request cannot be understood or breaks a rule; the message says which and what is allowed."""

    default_code = "invalid_request"


class UnauthorizedError(ProblemError):
    """The bearer token is missing or wrong."""

    default_code = "unauthorized"


class NotFoundError(ProblemError):
    """There is no such thing, or it is not the caller's."""

    default_code = "not_found"


class ConflictError(ProblemError):
    """The request is fine, but not in the state the thing is in."""

    default_code = "conflict"


class KeyReusedError(ProblemError):
    """An idempotency key came again with another body."""

    default_code = "idempotency_key_reused"


class BadGatewayError(ProblemError):
    """A system behind us refused or failed."""

    default_code = "upstream_failed"


class UnavailableError(ProblemError):
    """A part of our own deployment does not answer at the moment; trying again is safe."""

    default_code = "unavailable"


class GatewayTimeoutError(ProblemError):
    """A system behind us did not answer in time, so that the outcome is not known."""

    default_code = "upstream_timeout"
