"""Letting an avatar speak without being asked: the call to the `callbackUrl` of a LOGIN."""

import json
import time
from collections.abc import Callable

import httpx
from pydantic import SecretStr

from digital_twin.deadline import Deadline
from digital_twin.exchange import USER_AGENT, ExchangeError, NotSentError, Timeouts, UnreadableAnswerError, exchange

DEFAULT_SECONDS = 10.0
MAX_BODY_BYTES = 1024
PAUSES = (0.5, 1.0)
"""Seconds before the first and the second repetition."""


class CallbackError(Exception):
    """The avatar did not say it. The text holds neither the message nor the token."""


class CallbackRefused(CallbackError):  # noqa: N818 - reads as what happened
    """Trulience answered, but not with success. `status` is its HTTP status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status

    def __str__(self) -> str:
        return f"the callback URL answered {self.status}"


class CallbackUnreachable(CallbackError):  # noqa: N818 - reads as what happened
    """No answer came from Trulience.

    `sent` tells whether the message may have arrived all the same (no answer in time, or a connection that broke).
    """

    def __init__(self, message: str, *, sent: bool = False) -> None:
        super().__init__(message)
        self.sent = sent


class CallbackClient:
    """Speaks through sessions' callbacks. Safe to share between threads; keeps its connections."""

    def __init__(
        self,
        *,
        transport: httpx.BaseTransport | None = None,
        timeouts: Timeouts | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take what stands in for the network and the clock in tests, and the limits of each step."""
        if transport is None:
            # Imported where it is needed: httpcore and its certificates are no part of using this module's errors.
            from digital_twin.transport import GuardedTransport

            transport = GuardedTransport()
        self._transport = transport
        self._timeouts = timeouts or Timeouts(read=DEFAULT_SECONDS)
        self._sleep = sleep

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def speak(
        self,
        callback_url: str,
        auth_token: str | SecretStr,
        session_id: str,
        message: str,
        *,
        deadline: Deadline | None = None,
        retries: int = 0,
    ) -> None:
        """Have the avatar of a session say `message` (Trulience's tags in it pass through untouched).

        Takes the `callbackUrl` and `authToken` of the session's LOGIN; the URL must have been checked
        (`is_allowed_url`), as the token goes to whoever it names. Ends by `deadline` (10 s from now where it is not
        given). With `retries` (at most 2) it is repeated after transport failures and 5xx: then a message may be
        heard twice, where an answer was lost on its way. Raises `CallbackRefused` for any answer but 2xx,
        `CallbackUnreachable` where none came.
        """
        end = deadline or Deadline.after(DEFAULT_SECONDS)
        token = auth_token.get_secret_value() if isinstance(auth_token, SecretStr) else auth_token
        if not (token and token.isascii() and token.isprintable()):
            raise CallbackUnreachable("the session's token cannot be sent in a header")
        body = json.dumps({"sessionId": session_id, "message": message}).encode("ascii")
        pauses = iter(PAUSES[:retries])
        while True:
            failure = self._attempt(callback_url, token, body, end)
            if failure is None:
                return
            pause = next(pauses, None) if _may_repeat(failure) else None
            if pause is None or pause >= end.remaining():
                raise failure
            self._sleep(pause)

    def _attempt(self, url: str, token: str, body: bytes, deadline: Deadline) -> CallbackError | None:
        try:
            request = httpx.Request(
                "POST",
                url,
                headers={
                    "Authorization": f"Bearer {token}",
                    "User-Agent": USER_AGENT,
                    "Content-Type": "application/json",
                    "Accept-Encoding": "identity",
                },
                content=body,
                extensions={"deadline": deadline, "timeout": self._timeouts.within(deadline)},
            )
        except (httpx.InvalidURL, ValueError):
            return CallbackUnreachable("the callback URL is not a URL")
        try:
            reply = exchange(self._transport, request, deadline=deadline, max_bytes=MAX_BODY_BYTES, decode=False)
        except UnreadableAnswerError:
            return None  # Success is all that was to be learned; what came with it is too long to be read.
        except ExchangeError as error:
            return CallbackUnreachable(
                f"the callback URL was not reached: {error}", sent=not isinstance(error, NotSentError)
            )
        return None if reply.ok else CallbackRefused(reply.status)


def _may_repeat(failure: CallbackError) -> bool:
    return not isinstance(failure, CallbackRefused) or failure.status >= 500
