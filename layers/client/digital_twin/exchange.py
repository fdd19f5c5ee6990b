"""One HTTP request and its answer: read whole, of bounded size, by a deadline, with three plain ways to fail.

Both clients of this package send through here, straight into an `httpx.BaseTransport` rather than through
`httpx.Client`. What the latter adds is unwanted in these calls: redirects, cookies kept between callers, proxies and
`.netrc` from the environment (a call that carries a key must go where the settings say and nowhere else), and a log
line with the whole URL.
"""

from dataclasses import dataclass
from typing import cast

import httpx

from digital_twin.addresses import AddressRefused
from digital_twin.deadline import Deadline

USER_AGENT = "digital-twin-bundle"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each step of a request may take, in seconds; the deadline of the call bounds all of them."""

    connect: float = 3.0
    """Resolving is not counted; connecting is, and the TLS handshake once more."""
    read: float = 60.0
    """Between two pieces of the answer: longer than any caller's deadline, as answers are synchronous and slow ones are
    wanted. The deadline is what ends a call."""
    write: float = 10.0
    pool: float = 3.0
    """Waiting for a free connection."""

    def within(self, deadline: Deadline) -> dict[str, float]:
        """Give them as httpx's `timeout` extension, none longer than what is left until `deadline`."""
        return {name: deadline.bound(getattr(self, name)) for name in ("connect", "read", "write", "pool")}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; its body is decoded, and empty where the body of an error could not be read."""

    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the status is one of success (2xx)."""
        return 200 <= self.status <= 299


class ExchangeError(Exception):
    """A request did not get its answer. The text names the cause and holds neither headers nor body."""


class NotSentError(ExchangeError):
    """Nothing was sent. `permanent` tells that another attempt would end the same way."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


class OutcomeUnknownError(ExchangeError):
    """It was sent, wholly or in part, and no whole answer came."""


class UnreadableAnswerError(ExchangeError):
    """An answer of success came that cannot be read: too large, or wrongly encoded. `status` is its status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


_NEVER_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_NEVER_SENT = (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL)


def exchange(
    transport: httpx.BaseTransport, request: httpx.Request, *, deadline: Deadline, max_bytes: int, decode: bool = True
) -> Reply:
    """Send `request` and read its answer, at most `max_bytes` of it, by `deadline`.

    `decode=False` leaves a compressed body as it came. The transport finds the deadline in
    `request.extensions["deadline"]`. Raises `NotSentError`, `OutcomeUnknownError` or `UnreadableAnswerError`; they do
    not chain to httpx's own exceptions, which keep the request and with it the headers.
    """
    if deadline.expired():
        raise NotSentError("the deadline had passed before the request was sent")
    try:
        response = transport.handle_request(request)
    except (*_NEVER_CONNECTED, *_NEVER_SENT) as error:
        failure: ExchangeError = NotSentError(
            _cause(error), permanent=isinstance(error, (AddressRefused, *_NEVER_SENT))
        )
    except httpx.TransportError as error:
        failure = OutcomeUnknownError(_cause(error))
    else:
        response.request = request
        return _read(response, deadline, max_bytes, decode=decode)
    raise failure


def _read(response: httpx.Response, deadline: Deadline, max_bytes: int, *, decode: bool) -> Reply:
    """Read the body. The body of an error is a courtesy: where it cannot be had the status alone must do."""
    status = response.status_code
    try:
        body = _body(response, deadline, max_bytes, decode=decode)
    except httpx.TransportError as error:
        failure: ExchangeError = OutcomeUnknownError(_cause(error))
    except httpx.DecodingError:
        failure = UnreadableAnswerError("the body does not match its content encoding", status)
    except ExchangeError as error:
        failure = error
    else:
        return Reply(status, response.headers, body)
    finally:
        response.close()
    if 200 <= status <= 299:
        raise failure
    return Reply(status, response.headers, b"")


def _body(response: httpx.Response, deadline: Deadline, max_bytes: int, *, decode: bool) -> bytes:
    body = bytearray()
    # As it came, the body is the stream itself: `iter_raw` refuses answers made from bytes, as tests make them.
    for part in response.iter_bytes() if decode else cast("httpx.SyncByteStream", response.stream):
        body += part
        if len(body) > max_bytes:
            raise UnreadableAnswerError(f"the body is larger than {max_bytes} bytes", response.status_code)
        if deadline.expired():
            raise OutcomeUnknownError("the deadline passed while the answer was read")
    return bytes(body)


def _cause(error: Exception) -> str:
    """Give the kind of failure and, for connections, the system's words; none of these hold what was sent."""
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, httpx.ConnectError) and str(error) else name
