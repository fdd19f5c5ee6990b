"""What can go wrong in a call of the OH API: one class for each thing a caller may want to do about it.

Every error says what was called, which status came back and what the provider said. None ever carries the API key,
and none keeps the request it belongs to (its headers hold the key).
"""


class OhApiError(Exception):
    """A call of the OH API did not give what it should.

    Attributes:
        status: the HTTP status of the answer, `None` where there was no answer.
        message: the provider's own words, or a plain sentence where it said nothing.
        operation: what was called, such as `POST /api/v1/text`.
        retry_after: seconds the provider asked to wait before the next call, `None` where it did not say.
    """

    def __init__(self, status: int | None, message: str, operation: str, retry_after: float | None = None) -> None:
        # All of it goes to `args` so that the error survives pickling (process pools hand errors over that way).
        super().__init__(status, message, operation, retry_after)
        self.status = status
        self.message = message
        self.operation = operation
        self.retry_after = retry_after

    def __str__(self) -> str:
        answered = "" if self.status is None else f" answered {self.status}"
        return f"{self.operation}{answered}: {self.message}"


class OhInvalidInputError(OhApiError):
    """The provider does not accept what was sent (400, 422 and the other 4xx without a class of their own).

    `missing_field` names the field it asks for, where that is one the client knows another way to send.
    """

    def __init__(
        self,
        status: int | None,
        message: str,
        operation: str,
        retry_after: float | None = None,
        missing_field: str | None = None,
    ) -> None:
        super().__init__(status, message, operation, retry_after)
        self.args = (status, message, operation, retry_after, missing_field)
        self.missing_field = missing_field


class OhModerationError(OhApiError):
    """The provider's moderation turned the text down (400). Final: the same text is never sent again."""


class OhCredentialsError(OhApiError):
    """The API key is not accepted (401), or cannot be sent at all."""


class OhForbiddenError(OhApiError):
    """The key may not do this: no credit, or not enabled for the account (402, 403)."""


class OhCamUnavailableError(OhForbiddenError):
    """The account of this key has no cam endpoints; they are enabled per account by the provider."""


class OhNotFoundError(OhApiError):
    """The room, job, character or session is not known to the provider (404, 410)."""


class OhThrottledError(OhApiError):
    """Too many calls (429); `retry_after` tells for how long, where the provider says so."""


class OhUpstreamError(OhApiError):
    """The provider failed (5xx)."""


class OhConnectionError(OhApiError):
    """The provider was never reached: nothing was sent, so nothing has happened there."""


class OhTimeoutError(OhApiError):
    """The call was sent but its outcome is unknown: no answer in time, or one that broke off."""


class OhProtocolError(OhApiError):
    """The provider answered with success, but not with what its documentation promises.

    `unknown_status` holds the word of a job status nobody knows, `None` for every other trouble.
    """

    def __init__(
        self,
        status: int | None,
        message: str,
        operation: str,
        retry_after: float | None = None,
        unknown_status: str | None = None,
    ) -> None:
        super().__init__(status, message, operation, retry_after)
        self.args = (status, message, operation, retry_after, unknown_status)
        self.unknown_status = unknown_status
