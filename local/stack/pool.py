"""One function's execution environments: an idle one takes the next event, else a new one is started, up to a limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from local.stack.environment import InitFailed, Invocation, Outcome

KILL_AFTER_SECONDS = 0.05
"""An armed kill strikes this long into an invocation, unless it says otherwise."""


class RunsEvents(Protocol):
    """What a pool needs of an environment."""

    def run(self, invocation: Invocation, *, kill_after: float | None = None) -> Outcome:
        """Give the function one event."""

    def is_usable(self) -> bool:
        """Whether it still waits for an event."""

    def kill(self) -> None:
        """End it, whatever it does."""

    def close(self) -> None:
        """End it and wait until it is gone."""


class FunctionPool:
    """Runs a function's events, each in an environment of its own for as long as it takes.

    The environment that was used last is used first, as Lambda does; the others keep what they have: late work of an
    earlier event goes on in them.

    Args:
        start: Starts an environment; raises `InitFailed`.
        limit: Most environments at a time; an event beyond them waits for one to become idle.

    """

    def __init__(self, start: Callable[[], RunsEvents], limit: int) -> None:
        self._start = start
        self._limit = limit
        self._changed = threading.Condition()
        self._idle: list[RunsEvents] = []
        self._busy: set[RunsEvents] = set()
        self._starting = 0
        self._closed = False
        self._kills: list[float] = []
        self._counts = {"invocations": 0, "errors": 0, "started": 0}

    def invoke(self, invocation: Invocation, *, wait_seconds: float = 900.0) -> Outcome:
        """Run one event and give its outcome; failures of every kind are outcomes, too.

        Args:
            invocation: What to run.
            wait_seconds: Longest wait for an environment when all are busy.

        """
        try:
            environment = self._take(wait_seconds)
        except InitFailed as failure:
            self._count(failure.outcome)
            return failure.outcome
        if environment is None:
            return Outcome.error("TooManyRequestsException", "Every environment of the function is busy")
        outcome = Outcome.error("Runtime.ExitError", "The stack was stopped")
        try:
            outcome = environment.run(invocation, kill_after=self._next_kill())
        finally:
            self._give_back(environment)
            self._count(outcome)
        return outcome

    def warm(self, count: int = 1) -> None:
        """Start environments until so many exist, up to the limit.

        Raises:
            InitFailed: One did not come up.
        """
        while True:
            with self._changed:
                existing = len(self._idle) + len(self._busy) + self._starting
                if self._closed or existing >= min(count, self._limit):
                    return
                self._starting += 1
            self._give_back(self._start_one())

    def kill(self, after_seconds: float = KILL_AFTER_SECONDS) -> str:
        """Kill the environments that are at work now, or else the next one that gets an event.

        Args:
            after_seconds: How far into the next invocation to strike.

        Returns:
            ``killed`` or ``armed``.
        """
        with self._changed:
            busy = list(self._busy)
            if not busy:
                self._kills.append(after_seconds)
                return "armed"
        for environment in busy:
            environment.kill()
        return "killed"

    def statistics(self) -> dict[str, int]:
        """Counts since the start: invocations, errors, environments started; and how many there are now."""
        with self._changed:
            return {**self._counts, "environments": len(self._idle) + len(self._busy) + self._starting}

    def close(self) -> None:
        """End every environment; events at work are lost."""
        with self._changed:
            self._closed = True
            everyone = [*self._idle, *self._busy]
            self._idle.clear()
            self._changed.notify_all()
        for environment in everyone:
            environment.kill()
        for environment in everyone:
            environment.close()

    def _take(self, wait_seconds: float) -> RunsEvents | None:
        give_up = time.monotonic() + wait_seconds
        dead: list[RunsEvents] = []
        with self._changed:
            while True:
                if self._closed:
                    return None
                found = self._pop_usable(dead)
                if found is not None:
                    self._busy.add(found)
                    break
                if len(self._busy) + self._starting < self._limit:
                    self._starting += 1
                    break
                if not self._changed.wait(max(0.0, give_up - time.monotonic())):
                    return None
        for environment in dead:
            environment.close()
        return found or self._start_one()

    def _pop_usable(self, dead: list[RunsEvents]) -> RunsEvents | None:
        while self._idle:
            environment = self._idle.pop()
            if environment.is_usable():
                return environment
            dead.append(environment)
        return None

    def _start_one(self) -> RunsEvents:
        """Start an environment that `_starting` counts already; it counts as busy afterwards."""
        environment = None
        try:
            environment = self._start()
        finally:
            with self._changed:
                self._starting -= 1
                if environment is not None:
                    self._counts["started"] += 1
                    self._busy.add(environment)
                self._changed.notify()
        return environment

    def _give_back(self, environment: RunsEvents) -> None:
        with self._changed:
            self._busy.discard(environment)
            keep = environment.is_usable() and not self._closed
            if keep:
                self._idle.append(environment)
            self._changed.notify()
        if not keep:
            environment.close()

    def _next_kill(self) -> float | None:
        with self._changed:
            return self._kills.pop(0) if self._kills else None

    def _count(self, outcome: Outcome) -> None:
        with self._changed:
            self._counts["invocations"] += 1
            self._counts["errors"] += outcome.failed
