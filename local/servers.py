"""A small threaded HTTP/1.1 server for the WSGI applications of the local stack.

Werkzeug's development server closes the connection after each answer. The clients under test keep their connections,
and a connection that is kept shows other faults than a fresh one, so the request handler here keeps it, drains what
the application left of the request body, and can break a connection on purpose.
"""

from __future__ import annotations

import contextlib
import email.utils
import http
import select
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Iterable
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, cast

from werkzeug.serving import DechunkedInput, ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wsgi import LimitedStream

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

DRIP_HEADERS_KEY = "local.drip_headers_seconds"
"""Key of the WSGI environment: an application that sets it to seconds has its status line and headers sent one byte
at a time, with that pause between two bytes."""

RAW_HEADERS_KEY = "local.raw_headers"
"""Key of the WSGI environment: the request's headers as sent, a list of names and values, repeated ones repeated."""

IDLE_SECONDS = 75.0
"""How long a kept connection may be silent before the server closes it; longer than the usual clients keep one."""

_MAX_DRAIN_BYTES = 1_000_000
_STOP_SECONDS = 5.0


class AbortConnection(Exception):  # noqa: N818 - an instruction to the server, not an error of the application
    """Raised by an application, or by its response iterator, to break the connection at this point.

    Args:
        reset: True breaks it with a TCP reset, False closes it as if all had been sent.

    """

    def __init__(self, *, reset: bool = True) -> None:
        super().__init__("connection broken on purpose")
        self.reset = reset


def peer_is_gone(environ: WSGIEnvironment) -> bool:
    """Tell whether the client has closed its side; False where there is no socket (the WSGI test client)."""
    connection = environ.get("werkzeug.socket")
    if connection is None:
        return False
    try:
        readable, _, _ = select.select([connection], [], [], 0)
        return bool(readable) and connection.recv(1, socket.MSG_PEEK) == b""
    except (OSError, ValueError):
        return True


class _Answer:
    """One response on its way out: status and headers, then the body, plain or chunked."""

    def __init__(self, handler: KeepAliveRequestHandler, environ: WSGIEnvironment) -> None:
        self._handler = handler
        self._environ = environ
        self._status = ""
        self._headers: list[tuple[str, str]] = []
        self.started = False
        self._chunked = False
        self._bodyless = False

    def start(
        self,
        status: str,
        headers: list[tuple[str, str]],
        exc_info: tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None] | None = None,
    ) -> Any:
        """WSGI's `start_response`."""
        if exc_info and exc_info[1] and self.started:
            raise exc_info[1]
        self._status, self._headers = status, headers
        return self.write

    def write(self, data: bytes) -> None:
        """Send a piece of the body, after the headers when it is the first."""
        handler = self._handler
        if not self.started:
            self._send_headers()
        if data and not self._bodyless:
            handler.wfile.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)
        handler.wfile.flush()

    def finish(self) -> None:
        """Send what is still missing for a complete response."""
        if not self.started:
            self.write(b"")
        if self._chunked:
            self._handler.wfile.write(b"0\r\n\r\n")
            self._handler.wfile.flush()

    def _send_headers(self) -> None:
        handler = self._handler
        self.started = True
        code = int(self._status[:3])
        names = {name.lower() for name, _ in self._headers}
        without_body = code < 200 or code in (204, 304)
        self._bodyless = without_body or handler.command == "HEAD"
        handler.send_response_only(code, self._status[4:] or http.HTTPStatus(code).phrase)
        for name, value in self._headers:
            handler.send_header(name, value)
        if "date" not in names:
            handler.send_header("Date", email.utils.formatdate(usegmt=True))
        if "content-length" not in names and not self._bodyless:
            if handler.request_version >= "HTTP/1.1":
                self._chunked = True
                handler.send_header("Transfer-Encoding", "chunked")
            else:
                handler.close_connection = True
        if handler.close_connection and "connection" not in names:
            handler.send_header("Connection", "close")
        handler.drip_headers(self._environ.get(DRIP_HEADERS_KEY))


class KeepAliveRequestHandler(WSGIRequestHandler):
    """Serves one connection: request after request until one side wants to close."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _TrackingServer

    def setup(self) -> None:
        """Register the connection, so that stopping the server can close it."""
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        """Forget the connection; what could not be flushed is lost with it."""
        self.server.connections.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's signature
        """Stay quiet: the applications record requests themselves, and standard output may carry JSON lines."""

    def run_wsgi(self) -> None:
        """Answer one request through the application."""
        if self.headers.get("Expect", "").strip().lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        self.environ = environ = self.make_environ()
        environ[RAW_HEADERS_KEY] = self.headers.items()
        body = self._limit_body(environ)
        answer = _Answer(self, environ)
        try:
            self._run(environ, answer)
            self._drain(body)
        except AbortConnection as abort:
            self._break(reset=abort.reset)
        except (OSError, ValueError):  # the client left, or its framing cannot be trusted any more
            self.close_connection = True

    def drip_headers(self, pause_seconds: float | None) -> None:
        """End the headers, sending them one byte at a time when a pause is given."""
        if not pause_seconds:
            self.end_headers()
            return
        self._headers_buffer: list[bytes]
        head = b"".join(self._headers_buffer) + b"\r\n"
        self._headers_buffer = []
        pause = threading.Event()
        for byte in head:
            self.wfile.write(bytes((byte,)))
            self.wfile.flush()
            pause.wait(pause_seconds)

    def _run(self, environ: WSGIEnvironment, answer: _Answer) -> None:
        pieces: Iterable[bytes] | None = None
        try:
            pieces = self.server.app(environ, answer.start)
            for piece in pieces:
                answer.write(piece)
            answer.finish()
        except (AbortConnection, OSError):
            raise
        except Exception:  # noqa: BLE001 - the boundary: a bug in an application must not end the server
            traceback.print_exc(file=sys.stderr)
            self.close_connection = True
            if not answer.started:
                answer.start("500 Internal Server Error", [("Content-Length", "0")])
                answer.finish()
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                close()

    def _limit_body(self, environ: WSGIEnvironment) -> LimitedStream | None:
        """Keep the application from reading into the next request of the connection."""
        if isinstance(environ["wsgi.input"], DechunkedInput):
            self.close_connection = True
            return None
        length = environ.get("CONTENT_LENGTH") or "0"
        if not length.isdigit():
            self.close_connection = True
            length = "0"
        environ["wsgi.input"] = body = LimitedStream(cast("IO[bytes]", self.rfile), int(length))
        return body

    def _drain(self, body: LimitedStream | None) -> None:
        if body is None or body.is_exhausted:
            return
        rest = body.limit - body.tell()
        if rest > _MAX_DRAIN_BYTES:
            self.close_connection = True
        else:
            body.read()

    def _break(self, *, reset: bool) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wfile.flush()
            if reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.rfile.close()
            else:
                self.connection.shutdown(socket.SHUT_RDWR)


class _TrackingServer(ThreadedWSGIServer):
    """A threaded server that knows its open connections."""

    def __init__(self, host: str, port: int, app: WSGIApplication, descriptor: int) -> None:
        self.connections: set[socket.socket] = set()
        super().__init__(host, port, app, KeepAliveRequestHandler, fd=descriptor)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about clients that break off in the middle of a request."""


class LocalServer:
    """Serves one WSGI application on a port of this machine, in a thread of its own.

    The port is bound when the object is made, so that `base_url` is known before `start`; `app` may be set until then.

    Args:
        app: the application; may be given later through the attribute.
        port: 0 takes any free one.
        host: the address to listen on; only this machine by default.

    Raises:
        OSError: the port is taken.

    """

    def __init__(self, app: WSGIApplication | None = None, *, port: int = 0, host: str = "127.0.0.1") -> None:
        with socket.create_server((host, port), backlog=128) as listener:
            self._server = _TrackingServer(host, port, app or _no_application, listener.fileno())
        self._thread: threading.Thread | None = None
        self.host = host

    @property
    def app(self) -> WSGIApplication:
        """The application that answers."""
        return self._server.app

    @app.setter
    def app(self, app: WSGIApplication) -> None:
        self._server.app = app

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.port)

    @property
    def base_url(self) -> str:
        """`http://host:port`, without a slash at the end."""
        return f"http://{self.host}:{self.port}"

    def start(self) -> LocalServer:
        """Begin to answer; returns at once."""
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name=f"http-{self.port}", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening and close every open connection; may be called twice."""
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join(_STOP_SECONDS)
            self._thread = None
        self._server.server_close()
        for connection in list(self._server.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> LocalServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _no_application(_environ: WSGIEnvironment, start_response: Any) -> Iterable[bytes]:
    start_response("503 Service Unavailable", [("Content-Length", "0"), ("Retry-After", "1")])
    return [b""]
