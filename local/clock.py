"""The clock of the simulators, and waits that end when their client has gone or somebody lets them go."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local.servers import peer_is_gone

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Clock:
    """Two readings of time, in seconds; tests give their own."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time

    def iso(self) -> str:
        """Now, as ISO 8601 in UTC with milliseconds."""
        return datetime.fromtimestamp(self.wall(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Pauses:
    """Waits of requests; every one of them has an end."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._generation = 0
        self.waiting = 0

    def wait(self, seconds: float, environ: WSGIEnvironment, *, releasable: bool = False) -> bool:
        """Wait, looking after the client ten times a second.

        Args:
            seconds: the longest wait.
            environ: the request that waits.
            releasable: whether `release` ends the wait before its time.

        Returns:
            False when the client has closed the connection meanwhile.

        """
        end = time.monotonic() + seconds
        with self._condition:
            generation = self._generation
            self.waiting += 1
            try:
                while (left := end - time.monotonic()) > 0:
                    if releasable and generation != self._generation:
                        break
                    self._condition.wait(min(left, _LOOK_SECONDS))
                    if peer_is_gone(environ):
                        return False
            finally:
                self.waiting -= 1
        return True

    def release(self) -> int:
        """End every releasable wait; gives how many requests were waiting."""
        with self._condition:
            self._generation += 1
            self._condition.notify_all()
            return self.waiting
