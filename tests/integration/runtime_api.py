"""Lambda's side of an execution environment on this machine: the Runtime API and the Extensions API, with a diary.

Unlike the runtime interface emulator this one does what Lambda does: the caller has the response as soon as the runtime
posts it, and the next event comes only once the runtime and every extension have asked for it.
"""

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TIMEOUT_SECONDS = 45.0


@dataclass
class Invocation:
    """One event on its way through the environment."""

    event: dict[str, Any]
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    answered: threading.Event = field(default_factory=threading.Event)
    response: Any = None
    error: Any = None


class RuntimeApi:
    """One execution environment's APIs.

    Attributes:
        diary: What happened, in order: `(what, request id)`.
        extensions: Names of the extensions, by identifier.
        fail_next: How many of the extensions' requests for the next event are answered 500.
    """

    def __init__(self) -> None:
        self.diary: list[tuple[str, str]] = []
        self.extensions: dict[str, str] = {}
        self.refuse_extensions = False
        self.fail_next = 0
        self.exit_errors: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._waiting: set[str] = set()
        self._current: Invocation | None = None
        self._taken: set[str] = set()
        self._stopped = False

    def note(self, what: str, request_id: str = "") -> None:
        """Writes into the diary."""
        with self._changed:
            self.diary.append((what, request_id))
            self._changed.notify_all()

    def ready(self, seconds: float = 20.0) -> bool:
        """Waits until the runtime and all extensions wait for the next event."""
        with self._changed:
            return self._changed.wait_for(lambda: self._waiting == {"runtime", *self.extensions}, timeout=seconds)

    def invoke(self, event: dict[str, Any], seconds: float = 20.0) -> Invocation:
        """Sends an event once the environment is ready; returns when its response is there."""
        assert self.ready(), "the environment never asked for an event"
        invocation = Invocation(event)
        with self._changed:
            self._current, self._taken = invocation, set()
            self._changed.notify_all()
        assert invocation.answered.wait(seconds), "the runtime did not answer"
        return invocation

    def wait_for(self, what: str, seconds: float = 20.0) -> bool:
        """Waits for an entry of the diary."""
        with self._changed:
            return self._changed.wait_for(lambda: any(entry == what for entry, _ in self.diary), timeout=seconds)

    def stop(self) -> None:
        """Lets all waiting requests go."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def next_event(self, who: str) -> Invocation | None:
        """The next invocation for the runtime or an extension."""
        with self._changed:
            self._waiting.add(who)
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._stopped or (self._current is not None and who not in self._taken),
                timeout=TIMEOUT_SECONDS,
            )
            if self._stopped or self._current is None:
                return None
            self._waiting.discard(who)
            self._taken.add(who)
            invocation = self._current
            if self._taken >= {"runtime", *self.extensions}:
                self._current = None
            return invocation

    def finish(self, request_id: str, kind: str, body: Any, invocation: Invocation | None) -> None:
        """Takes the runtime's response or error."""
        self.note(kind, request_id)
        if invocation is not None:
            setattr(invocation, "response" if kind == "response" else "error", body)
            invocation.answered.set()


class _Handler(BaseHTTPRequestHandler):
    api: RuntimeApi
    invocations: dict[str, Invocation]
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Nothing: the diary says it."""

    def do_GET(self) -> None:
        if self.path == "/2018-06-01/runtime/invocation/next":
            self._give(self.api.next_event("runtime"))
        elif self.path == "/2020-01-01/extension/event/next":
            self._next_for_extension()
        else:
            self._send(404, {})

    def _next_for_extension(self) -> None:
        identifier = self.headers["Lambda-Extension-Identifier"]
        if self.api.fail_next:
            self.api.fail_next -= 1
            self._send(500, {"errorType": "Fault"})
            return
        self.api.note("extension asks")
        invocation = self.api.next_event(identifier)
        if invocation is None:
            self._send(500, {})
            return
        self.api.note("extension told", invocation.request_id)
        deadline = int((time.time() + 30) * 1000)
        self._send(200, {"eventType": "INVOKE", "deadlineMs": deadline, "requestId": invocation.request_id})

    def _give(self, invocation: Invocation | None) -> None:
        if invocation is None:
            self._send(500, {})
            return
        self.invocations[invocation.request_id] = invocation
        self.api.note("runtime told", invocation.request_id)
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + 30) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:webhook",
        }
        self._send(200, invocation.event, headers)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
        if self.path == "/2020-01-01/extension/register":
            self._register(body)
        elif self.path == "/2020-01-01/extension/exit/error":
            self.api.exit_errors.append(body)
            self.api.note("extension gives up")
            self._send(202, {})
        elif self.path == "/2018-06-01/runtime/init/error":
            self.api.note("init error")
            self._send(202, {})
        else:
            request_id, kind = self.path.rsplit("/", 2)[-2:]
            self.api.finish(request_id, kind, body, self.invocations.get(request_id))
            self._send(202, {})

    def _register(self, body: Any) -> None:
        if self.api.refuse_extensions:
            self._send(403, {"errorType": "Extension.InvalidExtensionState"})
            return
        assert body == {"events": ["INVOKE"]}, "an internal extension may register for INVOKE alone"
        identifier = str(uuid.uuid4())
        self.api.extensions[identifier] = self.headers["Lambda-Extension-Name"]
        self.api.note("extension registers")
        self._send(200, {"functionName": "webhook"}, {"Lambda-Extension-Identifier": identifier})

    def _send(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        try:
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(content)),
                **(headers or {}),
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            self.close_connection = True


@contextmanager
def serve(api: RuntimeApi) -> Iterator[str]:
    """Serves the APIs on this machine; gives host and port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"api": api, "invocations": {}}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        api.stop()
        server.shutdown()
        server.server_close()
        thread.join(5)
