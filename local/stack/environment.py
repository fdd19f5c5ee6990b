"""An execution environment as seen from outside: a process that is given events one after the other."""

from __future__ import annotations

import contextlib
import json
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from local.stack import processes
from local.stack.worker import FAILURE, READY, EnvironmentSpec, serve

INIT_SECONDS = 30.0
"""Longest INIT. AWS gives 10 s; a loaded laptop is slower."""


@dataclass(frozen=True)
class Outcome:
    """How an invocation ended: what the function gave, or the error, both as JSON."""

    payload: bytes
    failed: bool = False

    @classmethod
    def error(cls, kind: str, message: str) -> Outcome:
        """A failure that the platform reports, not the function."""
        return cls(json.dumps({"errorType": kind, "errorMessage": message}).encode(), failed=True)


@dataclass(frozen=True)
class Invocation:
    """One event on its way into an environment."""

    event: bytes
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    trace_id: str = field(default_factory=lambda: f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0")


class InitFailed(Exception):  # noqa: N818 - what happened to an environment, answered with `outcome`
    """An environment did not come up."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.payload.decode())
        self.outcome = outcome


class Environment:
    """Starts a process that has imported the handler.

    Raises:
        InitFailed: The handler could not be imported, or took too long.

    """

    def __init__(self, spec: EnvironmentSpec) -> None:
        self._spec = spec
        self._lock = threading.Lock()
        self._ended = False
        self._process, self._pipe = processes.start(serve, spec, name=spec.function)
        try:
            message = self._pipe.recv_bytes() if self._pipe.poll(INIT_SECONDS) else None
        except (EOFError, OSError):
            self.kill()
            raise InitFailed(Outcome.error("Runtime.ExitError", "The environment ended during INIT")) from None
        if message is None:
            self.kill()
            raise InitFailed(Outcome.error("Sandbox.Timedout", f"INIT took more than {INIT_SECONDS:.0f} seconds"))
        if message != READY:
            self.kill()
            raise InitFailed(Outcome(message[1:], failed=True))

    def run(self, invocation: Invocation, *, kill_after: float | None = None) -> Outcome:
        """Give the function one event and wait for its answer, at most for the function's timeout.

        Args:
            invocation: What to run.
            kill_after: Seconds after which the process is killed in the middle of the work, as a host that fails.

        """
        spec = self._spec
        head = {
            "request_id": invocation.request_id,
            "trace_id": invocation.trace_id,
            "deadline": time.time() + spec.timeout,
        }
        try:
            self._pipe.send_bytes(json.dumps(head).encode() + b"\n" + invocation.event)
            if kill_after is not None and not self._pipe.poll(kill_after):
                self.kill()
            if self._pipe.poll(spec.timeout):
                message = self._pipe.recv_bytes()
                return Outcome(message[1:], failed=message[:1] == FAILURE)
        except (EOFError, OSError):
            self.kill()
            how = self._how_it_ended()
            return Outcome.error("Runtime.ExitError", f"RequestId: {invocation.request_id} Error: {how}")
        self.kill()
        return Outcome.error(
            "Sandbox.Timedout",
            f"RequestId: {invocation.request_id} Error: Task timed out after {spec.timeout:.2f} seconds",
        )

    def is_usable(self) -> bool:
        """Tell whether an idle environment still waits for an event."""
        try:
            return not self._ended and not self._pipe.poll(0)
        except (EOFError, OSError):
            return False

    def kill(self) -> None:
        """End the process at once; may be called from another thread, and twice."""
        self._ended = True
        with self._lock, contextlib.suppress(OSError, ValueError):
            if self._process.is_alive():
                self._process.kill()

    def close(self) -> None:
        """End the process and wait until it is gone."""
        self.kill()
        with self._lock:
            processes.stop(self._process)
            self._pipe.close()

    def _how_it_ended(self) -> str:
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._process.join(1)
        code: Any = self._process.exitcode
        if isinstance(code, int) and code < 0:
            return f"Runtime exited with error: signal: {-code}"
        return f"Runtime exited with error: exit status {code}"
