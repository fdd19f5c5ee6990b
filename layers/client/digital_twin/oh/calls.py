"""Making one call of the OH API: key, attempts, pauses, deadline."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx

from digital_twin.deadline import Deadline
from digital_twin.exchange import (
    USER_AGENT,
    ExchangeError,
    NotSentError,
    OutcomeUnknownError,
    Reply,
    Timeouts,
    UnreadableAnswerError,
    exchange,
)
from digital_twin.oh import errors, retry
from digital_twin.oh.retry import CallKind, FailureKind, RetryPolicy
from digital_twin.oh.wording import MAX_WORDS, asks_for, parse_json, says_moderated, words

MIB = 1024 * 1024
DEFAULT_SECONDS = 30.0
"""How long a call may take in all where the caller gives no deadline."""


@dataclass(frozen=True, slots=True)
class Call:
    """What is called. `operation` is what errors name (ids left out), `path` what is requested."""

    operation: str
    path: str
    kind: CallKind
    body: Mapping[str, Any] | None = None
    params: Mapping[str, int] | None = None
    max_bytes: int = MIB
    alternatives: tuple[str, ...] = ()
    """Fields the caller has another way to send: an error tells whether the provider misses one of them."""

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.operation.partition(" ")[0]


@dataclass(frozen=True, slots=True)
class Received:
    """An answer of success: its status and its JSON value (an empty mapping where it has no body by its status)."""

    status: int
    value: Any


@dataclass(frozen=True, slots=True)
class _Failure:
    error: errors.OhApiError
    kind: FailureKind


@dataclass
class Caller:
    """Makes calls: reads the key for each, repeats what may be repeated, ends by the deadline.

    `refresh_api_key` is asked once in a call that was answered 401; another key than before earns one more try, which
    counts as no repetition since the provider has done nothing yet.
    """

    base_url: str
    api_key: Callable[[], str] = field(repr=False)
    refresh_api_key: Callable[[], str] | None = field(repr=False)
    transport: httpx.BaseTransport
    policy: RetryPolicy
    timeouts: Timeouts
    sleep: Callable[[float], None] = time.sleep

    def __call__(
        self,
        call: Call,
        deadline: Deadline | None = None,
        retry_by: Deadline | None = None,
        max_attempts: int | None = None,
    ) -> Received:
        """Give the answer; raise an `OhApiError` where there is none of success."""
        end = deadline or Deadline.after(DEFAULT_SECONDS)
        last_start = min(end, retry_by) if retry_by else end
        policy = self.policy
        key, refreshed = self.api_key(), False
        failures: list[FailureKind] = []
        while True:
            outcome = self._attempt(call, key, end)
            if isinstance(outcome, Received):
                return outcome
            if isinstance(outcome.error, errors.OhCredentialsError) and not refreshed and not last_start.expired():
                refreshed, previous = True, key
                key = self._refreshed_key(key)
                if key != previous:
                    continue
            failures.append(outcome.kind)
            pause = retry.pause_before_retry(policy, call.kind, failures, outcome.error.retry_after)
            exhausted = max_attempts is not None and len(failures) >= max_attempts
            if pause is None or exhausted or not retry.fits(policy, pause, last_start.remaining(), end.remaining()):
                raise outcome.error
            self.sleep(pause)

    def _refreshed_key(self, key: str) -> str:
        return self.refresh_api_key() if self.refresh_api_key else key

    def _attempt(self, call: Call, key: str, deadline: Deadline) -> Received | _Failure:
        if not (key and key.isascii() and key.isprintable()) or key != key.strip():
            # Sent as it is, it would end up in an exception about an illegal header, in full.
            message = "the API key in use is empty or holds characters that a header cannot carry"
            return _Failure(errors.OhCredentialsError(None, message, call.operation), FailureKind.FINAL)
        try:
            reply = exchange(
                self.transport, self._request(call, key, deadline), deadline=deadline, max_bytes=call.max_bytes
            )
        except ExchangeError as error:
            return _exchange_failure(error, call)
        return _answer(reply, call) if reply.ok else _status_failure(reply, call, key)

    def _request(self, call: Call, key: str, deadline: Deadline) -> httpx.Request:
        headers = {
            "X-API-Key": key,
            "User-Agent": USER_AGENT,
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
        }
        content = None
        if call.body is not None:
            headers["Content-Type"] = "application/json"
            # ASCII escapes carry every string there is, halves of characters included; UTF-8 does not.
            content = json.dumps(call.body, separators=(",", ":")).encode("ascii")
        return httpx.Request(
            call.method,
            self.base_url + call.path,
            params=call.params,
            headers=headers,
            content=content,
            extensions={"deadline": deadline, "timeout": self.timeouts.within(deadline)},
        )


def _answer(reply: Reply, call: Call) -> Received | _Failure:
    if reply.status == HTTPStatus.NO_CONTENT:
        return Received(reply.status, {})
    value = parse_json(reply.body)
    if value is None:
        message = "the answer is not JSON"
        return _Failure(errors.OhProtocolError(reply.status, message, call.operation), FailureKind.FINAL)
    return Received(reply.status, value)


def _exchange_failure(error: ExchangeError, call: Call) -> _Failure:
    if isinstance(error, NotSentError):
        kind = FailureKind.FINAL if error.permanent else FailureKind.NOT_CONNECTED
        return _Failure(errors.OhConnectionError(None, str(error), call.operation), kind)
    if isinstance(error, OutcomeUnknownError):
        message = f"no whole answer came, so the outcome is unknown ({error})"
        return _Failure(errors.OhTimeoutError(None, message, call.operation), FailureKind.OUTCOME_UNKNOWN)
    status = error.status if isinstance(error, UnreadableAnswerError) else None
    return _Failure(errors.OhProtocolError(status, str(error), call.operation), FailureKind.FINAL)


def _status_failure(reply: Reply, call: Call, key: str) -> _Failure:
    error = _status_error(reply, call, key)
    return _Failure(error, retry.failure_of_status(reply.status))


_CLASSES: dict[int, type[errors.OhApiError]] = {
    401: errors.OhCredentialsError,
    402: errors.OhForbiddenError,
    403: errors.OhForbiddenError,
    404: errors.OhNotFoundError,
    410: errors.OhNotFoundError,
    429: errors.OhThrottledError,
}


def _status_error(reply: Reply, call: Call, key: str) -> errors.OhApiError:
    status = reply.status
    body = parse_json(reply.body)
    said = _unsecret(words(body), call, key) or _status_line(status)
    retry_after = retry.parse_retry_after(reply.headers.get("retry-after"))
    if status in (400, 422):
        if says_moderated(_plain_text(reply.body) if body is None else body):
            return errors.OhModerationError(status, said, call.operation)
        missing = next((name for name in call.alternatives if asks_for(body, name)), None)
        return errors.OhInvalidInputError(status, said, call.operation, retry_after, missing)
    if status < 400:
        return errors.OhProtocolError(
            status, f"unexpected {_status_line(status)}; redirects are not followed", call.operation
        )
    fallback = errors.OhUpstreamError if status >= 500 else errors.OhInvalidInputError
    return _CLASSES.get(status, fallback)(status, said, call.operation, retry_after)


def _unsecret(said: str, call: Call, key: str) -> str:
    """Take out of the provider's words what they may repeat of ours: the key, prompts and messages."""
    ours = [key, *(value for value in (call.body or {}).values() if isinstance(value, str) and len(value) > 20)]
    for text in ours:
        said = said.replace(" ".join(text.split())[:MAX_WORDS], "[…]")
    return said


def _plain_text(body: bytes) -> str:
    """Give a body that is no JSON as text, empty for a page of HTML."""
    text = body[:MAX_WORDS].decode("utf-8", "replace").strip()
    return "" if text.startswith("<") else text


def _status_line(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
