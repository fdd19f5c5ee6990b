"""The OH API and Trulience's callback as one small server whose every answer a test holds in its hand."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Outside:
    """What the server does and has seen.

    Attributes:
        gate: Texts are answered while it is open.
        callback_status: What the callback answers.
        texts: Messages the OH API was asked to answer.
        rooms: How many rooms were created.
        spoken: Messages the callback took, with their session ids.
        note: Told of each event: ``asked`` and ``spoken``.
        url: Where it serves.
    """

    gate: threading.Event = field(default_factory=threading.Event)
    callback_status: int = 200
    text_status: int = 200
    texts: list[str] = field(default_factory=list)
    rooms: int = 0
    spoken: list[tuple[str, str]] = field(default_factory=list)
    note: Callable[[str], None] = lambda _what: None
    url: str = ""

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """The answer to one request."""
        if path == "/api/v1/rooms":
            self.rooms += 1
            return 201, {"room_id": f"room-{self.rooms}"}
        if path == "/api/v1/text":
            self.texts.append(body["prompt"])
            self.note("asked")
            self.gate.wait(30)
            return self.text_status, {"content": f"You said {body['prompt']}", "error": "out of order"}
        if path == "/tglisten":
            if self.callback_status == 200:
                self.spoken.append((body["sessionId"], body["message"]))
                self.note("spoken")
            return self.callback_status, {}
        return 404, {"error": "unknown"}


def _handler(outside: Outside) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Nothing: tests look at what was recorded."""

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            status, answer = outside.answer(self.path, body)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler


@contextmanager
def serve_outside() -> Iterator[Outside]:
    """Serves on a free port of this machine, with the gate open."""
    outside = Outside()
    outside.gate.set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(outside))
    server.daemon_threads = True
    outside.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield outside
    finally:
        outside.gate.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
