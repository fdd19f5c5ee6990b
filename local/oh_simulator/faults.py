"""Lays latency and faults around the simulated API, and records what came in.

Which operation a request belongs to and what is to happen to it are decided in plain functions; the middleware only
carries it out.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from werkzeug.wsgi import ClosingIterator

from local.oh_simulator.answers import failure
from local.oh_simulator.simulator import Simulator
from local.oh_simulator.switches import Fault, Operation
from local.requests_log import RecordedRequest
from local.servers import DRIP_HEADERS_KEY, AbortConnection

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CONSOLE_PATH = "/_simulator"
LONGEST_HANG_SECONDS = 600.0

_OPERATIONS: tuple[tuple[Operation, str], ...] = (
    ("rooms", r"/api/v1/rooms(/[^/]+/texting-style)?"),
    ("text", r"/api/v1/text"),
    ("images", r"/api/v1/images"),
    ("status", r"/api/v1/jobs/[^/]+/status"),
    ("audio", r"/api/v1/audio/notes"),
    ("library", r"/api/v1/customer-library"),
    ("cam", r"/api/v1/cam/.*"),
    ("results", r"/results/.*"),
)
_MAX_RECORDED_BYTES = 16_384


def operation_of(path: str) -> Operation | None:
    """Tell which operation a path belongs to; None for one that the API does not have."""
    for operation, pattern in _OPERATIONS:
        if re.fullmatch(pattern, path):
            return operation
    return None


def describe(fault: Fault) -> str:
    """Name a fault for the record of requests."""
    name = f"status {fault.status}" if fault.kind == "status" else fault.kind
    return f"{name} after processing" if fault.after_processing else name


class FaultMiddleware:
    """WSGI middleware: records a request, waits, and lets it meet its fault, if one is due."""

    def __init__(self, app: WSGIApplication, simulator: Simulator) -> None:
        self._app = app
        self._simulator = simulator

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace")
        if path == CONSOLE_PATH or path.startswith(CONSOLE_PATH + "/"):
            return self._app(environ, start_response)
        body = _read_body(environ)
        operation = operation_of(path)
        clock = self._simulator.clock
        entry = self._simulator.requests.open(
            operation=operation or "unknown",
            method=environ["REQUEST_METHOD"],
            path=path,
            time=clock.iso(),
            monotonic=clock.monotonic(),
            body=_decode(body),
        )
        recording = _recording(start_response, entry, self._simulator)
        if operation is None:
            return self._app(environ, recording)
        self._wait(self._simulator.switches.latency(operation), environ)
        fault = self._simulator.switches.take_fault(operation)
        if fault is None:
            return self._app(environ, recording)
        entry.fault = describe(fault)
        return self._meet(fault, environ, recording)

    def _meet(self, fault: Fault, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if fault.kind == "drip":
            return self._drip(fault, environ, start_response)
        if fault.after_processing:
            _run_unheard(self._app, environ)
        if fault.kind == "hang":
            seconds = LONGEST_HANG_SECONDS if fault.seconds is None else fault.seconds
            self._wait(seconds, environ, releasable=True)
        if fault.kind in ("hang", "reset"):
            raise AbortConnection
        dialect = self._simulator.switches.read().dialect
        response = failure(fault.status, fault.message, dialect, body=fault.body, retry_after=fault.retry_after)
        return response(environ, start_response)

    def _drip(self, fault: Fault, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if fault.part == "headers":
            environ[DRIP_HEADERS_KEY] = fault.byte_seconds
            return self._app(environ, start_response)
        pieces = self._app(environ, start_response)
        return ClosingIterator(self._one_by_one(pieces, fault.byte_seconds, environ), getattr(pieces, "close", None))

    def _one_by_one(self, pieces: Iterable[bytes], seconds: float, environ: WSGIEnvironment) -> Iterator[bytes]:
        for piece in pieces:
            for byte in piece:
                self._wait(seconds, environ)
                yield bytes((byte,))

    def _wait(self, seconds: float, environ: WSGIEnvironment, *, releasable: bool = False) -> None:
        if seconds > 0 and not self._simulator.pauses.wait(seconds, environ, releasable=releasable):
            raise AbortConnection


def _read_body(environ: WSGIEnvironment) -> bytes:
    """Take the whole request off the connection, so that a fault comes after it and never in its middle."""
    if environ.get("wsgi.input_terminated"):
        body = environ["wsgi.input"].read()
    else:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    return bytes(body)


def _decode(body: bytes) -> Any:
    if not body or len(body) > _MAX_RECORDED_BYTES:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return None


def _recording(start_response: StartResponse, entry: RecordedRequest, simulator: Simulator) -> Any:
    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        entry.status = int(status[:3])
        entry.seconds = round(simulator.clock.monotonic() - entry.monotonic, 4)
        return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

    return start


def _run_unheard(app: WSGIApplication, environ: WSGIEnvironment) -> None:
    """Let a call take effect and throw its answer away."""
    pieces = app(environ, lambda *_: lambda _: None)
    for _ in pieces:
        pass
    close = getattr(pieces, "close", None)
    if close is not None:
        close()
