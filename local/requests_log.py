"""The recent requests of a simulator, kept in memory for its page and its tests."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class RecordedRequest:
    """One request as it came in, and how it ended; headers are not kept, so that no key can be read from here."""

    number: int
    operation: str
    method: str
    path: str
    time: str
    """Arrival, ISO 8601 in UTC."""
    monotonic: float
    """Arrival, in seconds of a clock that never goes back; for intervals between requests."""
    body: Any = None
    """The decoded JSON body, where there is one of moderate size."""
    status: int | None = None
    """None while it runs, and when the connection was broken on purpose."""
    fault: str | None = None
    seconds: float | None = field(default=None)
    """How long the answer took to begin; None while it runs."""


class RequestsLog:
    """The last requests, oldest first; safe to use from many threads."""

    def __init__(self, keep: int = 2000) -> None:
        self._requests: deque[RecordedRequest] = deque(maxlen=keep)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def open(
        self, *, operation: str, method: str, path: str, time: str, monotonic: float, body: Any = None
    ) -> RecordedRequest:
        """Record the arrival of a request; the caller completes the entry it gets."""
        with self._lock:
            entry = RecordedRequest(next(self._numbers), operation, method, path, time, monotonic, body)
            self._requests.append(entry)
            return entry

    def read(self, operation: str | None = None, limit: int | None = None) -> list[dict[str, Any]]:
        """Give the newest requests as plain data, oldest first, of one operation or of all."""
        with self._lock:
            found = [asdict(entry) for entry in self._requests if operation in (None, entry.operation)]
        return found if limit is None else found[max(len(found) - limit, 0) :]

    def clear(self) -> None:
        """Forget all requests; the numbers go on."""
        with self._lock:
            self._requests.clear()
