"""Which calls may be repeated, and when: pure functions, no clock but what they are given, no sleeping.

The rules come from the provider's advice ("implement retry logic for transient errors (5xx)") and from one fact: the
API has no idempotency key, so a call whose outcome is unknown may have worked already. Reading it again is harmless,
asking for another picture costs money.
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum


class CallKind(StrEnum):
    """What repeating a call does."""

    READ = "read"
    """Changes nothing however often it runs: every GET, and PUT of the same value."""
    WRITE = "write"
    """May act twice when repeated blindly: POST and DELETE."""
    PAID = "paid"
    """Costs money each time: `POST /images`."""


class FailureKind(StrEnum):
    """How one attempt failed, as far as repeating it is concerned."""

    NOT_CONNECTED = "not_connected"
    """The connection was never made: nothing was sent."""
    TRANSIENT_STATUS = "transient_status"
    """429, 502, 503 or 504: refused for now."""
    SERVER_ERROR = "server_error"
    """500, and the other 5xx that promise nothing about what was done."""
    OUTCOME_UNKNOWN = "outcome_unknown"
    """Sent, but no whole answer came."""
    FINAL = "final"
    """Repeating cannot help."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently a call is repeated. All times in seconds."""

    attempts: int = 3
    """Attempts in all, the first one included."""
    base: float = 0.5
    """The first pause; each further one is twice as long."""
    cap: float = 8.0
    """No pause of our own choice is longer."""
    retry_after_cap: float = 30.0
    """The longest `Retry-After` that is waited for in full."""
    least_attempt: float = 0.1
    """An attempt with less time than this before its deadline is not begun: it could only end with an unknown
    outcome."""


TRANSIENT_STATUSES = frozenset({429, 502, 503, 504})
_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)


def failure_of_status(status: int) -> FailureKind:
    """Give the kind of failure that an HTTP status other than 2xx stands for."""
    if status in TRANSIENT_STATUSES:
        return FailureKind.TRANSIENT_STATUS
    return FailureKind.SERVER_ERROR if 500 <= status <= 599 else FailureKind.FINAL


def may_repeat(call: CallKind, failures: Sequence[FailureKind]) -> bool:
    """Tell whether a call may be made once more after it failed in these ways, the latest last. Counts no attempts."""
    latest = failures[-1]
    if latest in (FailureKind.NOT_CONNECTED, FailureKind.TRANSIENT_STATUS):
        return True
    if latest is FailureKind.SERVER_ERROR:
        return call is not CallKind.PAID or failures.count(FailureKind.SERVER_ERROR) == 1
    if latest is FailureKind.OUTCOME_UNKNOWN:
        return call is CallKind.READ
    return False


def backoff(policy: RetryPolicy, failed_attempts: int, jitter: Callable[[], float] = random.random) -> float:
    """Give the pause in seconds after `failed_attempts` (1 or more): exponential, and between half and the whole of it.

    `jitter` gives a number from 0 up to 1; it keeps clients that failed together from coming back together.
    """
    # The exponent is bounded so that a policy of very many attempts cannot overflow a float.
    whole = min(policy.cap, policy.base * 2.0 ** min(failed_attempts - 1, 64))
    return float(whole * (0.5 + jitter() / 2))


def parse_retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Give the seconds a `Retry-After` header asks to wait, `None` where it says nothing usable.

    It holds seconds or an HTTP date.

    `now` is the current time, aware of its zone; a date that has passed means 0.
    """
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return max(0.0, (aware - (now or datetime.now(UTC))).total_seconds())


def pause_before_retry(
    policy: RetryPolicy,
    call: CallKind,
    failures: Sequence[FailureKind],
    retry_after: float | None = None,
    jitter: Callable[[], float] = random.random,
) -> float | None:
    """Give the seconds to wait before the next attempt, `None` where there must not be one.

    Takes how the attempts so far failed (the latest last) and what the provider asked to wait, in seconds.
    """
    if len(failures) >= policy.attempts or not may_repeat(call, failures):
        return None
    if retry_after is not None:
        return min(retry_after, policy.retry_after_cap)
    return backoff(policy, len(failures), jitter)


def fits(policy: RetryPolicy, pause: float, until_last_start: float, until_deadline: float) -> bool:
    """Tell whether an attempt that begins `pause` seconds from now begins in time and has time left to be answered.

    `until_last_start` are the seconds in which a new attempt may still begin, `until_deadline` those until all must
    be over.
    """
    return pause < until_last_start and pause + policy.least_attempt <= until_deadline
