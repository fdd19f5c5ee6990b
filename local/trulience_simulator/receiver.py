"""The simulated platform's callback endpoint: what is posted here, the avatar speaks."""

from __future__ import annotations

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from local.clock import Clock, Pauses
from local.requests_log import RecordedRequest, RequestsLog
from local.servers import AbortConnection
from local.trulience_simulator.sessions import SpokenSessions
from local.trulience_simulator.switches import CallbackFault, CallbackSwitchBoard, CallbackSwitchError

CALLBACK_PATH = "/tglisten"
_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_BODY_BYTES = 1_000_000


def create_app(*, sessions: SpokenSessions | None = None, clock: Clock | None = None) -> Flask:
    """Make the callback endpoint as a WSGI application.

    Args:
        sessions: the sessions that messages are accepted for; shared with a `TrulienceClient`, which registers them
            at LOGIN. Sessions opened by others are registered with `POST /_simulator/sessions`.
        clock: what time it is; the machine's by default.

    Returns:
        A Flask application. A broken connection is an `AbortConnection` out of it.

    """
    clock = clock or Clock()
    receiver = _Receiver(sessions if sessions is not None else SpokenSessions(clock), clock)
    app = Flask("trulience_simulator", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _MAX_BODY_BYTES
    app.extensions["sessions"] = receiver.sessions
    for path, method, answer in (
        (CALLBACK_PATH, "POST", receiver.listen),
        ("/elsewhere", "POST", receiver.elsewhere),
        ("/elsewhere", "GET", receiver.elsewhere),
        ("/_simulator/sessions", "POST", receiver.register_session),
        ("/_simulator/messages", "GET", receiver.read_messages),
        ("/_simulator/requests", "GET", receiver.read_requests),
        ("/_simulator/switches", "GET", receiver.read_switches),
        ("/_simulator/switches", "PUT", receiver.replace_switches),
        ("/_simulator/release", "POST", receiver.release),
        ("/_simulator/reset", "POST", receiver.reset),
    ):
        app.add_url_rule(path, f"{method} {path}", answer, methods=[method], provide_automatic_options=False)
    app.register_error_handler(HTTPException, _routing_problem)
    app.config["PROPAGATE_EXCEPTIONS"] = True
    return app


class _Receiver:
    """The endpoint's state and its answers."""

    def __init__(self, sessions: SpokenSessions, clock: Clock) -> None:
        self.sessions = sessions
        self._clock = clock
        self._switches = CallbackSwitchBoard()
        self._requests = RequestsLog()
        self._pauses = Pauses()

    def listen(self) -> Response:
        """`POST /tglisten`: `{sessionId, message}` with the session's token as bearer."""
        entry = self._record("callback")
        self._wait(self._switches.read().latency_seconds)
        fault = self._switches.take_fault()
        if fault is not None and not (fault.after_recording and fault.kind != "redirect"):
            return self._meet(fault, entry)
        status, body = self._speak()
        if fault is not None:
            return self._meet(fault, entry)
        return _finish(entry, status, body)

    def elsewhere(self) -> Response:
        """Record a follower of a redirect, and whether it brought the token, which is for the callback alone."""
        entry = self._record("redirect followed")
        entry.fault = "token leaked" if "Authorization" in request.headers else None
        return _finish(entry, 200, {"status": "OK"})

    def register_session(self) -> Response:
        """Accept messages for a session that another sender opened."""
        data = request.get_json(silent=True)
        session_id, token = (
            (data.get(key) for key in ("session_id", "auth_token")) if isinstance(data, dict) else (0, 0)
        )
        if not (isinstance(session_id, str) and session_id and isinstance(token, str) and token):
            return _answer(400, {"error": "The body must be {session_id, auth_token}, two texts that are not empty"})
        self.sessions.register(session_id, token)
        return _answer(201, {"session_id": session_id})

    def read_messages(self) -> Response:
        """Give what was spoken, of one session (`session_id`) or of all; `wait` seconds for more than `after`."""
        session_id = request.args.get("session_id")
        wait = request.args.get("wait", type=float, default=0.0)
        if session_id is not None and wait > 0:
            after = max(request.args.get("after", type=int, default=0), 0)
            self.sessions.wait_for_message(session_id, min(wait, 60.0), after=after)
        return _answer(200, {"messages": self.sessions.read(session_id)})

    def read_requests(self) -> Response:
        """Give the recorded requests; no tokens are kept."""
        return _answer(200, {"requests": self._requests.read()})

    def read_switches(self) -> Response:
        """Give the switches in force."""
        return _answer(200, self._switches.read().model_dump(mode="json"))

    def replace_switches(self) -> Response:
        """Set all switches."""
        try:
            switches = self._switches.replace(request.get_json(force=True, silent=True))
        except CallbackSwitchError as error:
            return _answer(400, {"error": str(error)})
        return _answer(200, switches.model_dump(mode="json"))

    def release(self) -> Response:
        """Let go of the callbacks that hang."""
        return _answer(200, {"released": self._pauses.release()})

    def reset(self) -> Response:
        """Go back to good health, and forget what was spoken and requested; known sessions stay known."""
        self._switches.replace({})
        self._pauses.release()
        self.sessions.clear()
        self._requests.clear()
        return _answer(200, {"reset": True})

    def _speak(self) -> tuple[int, dict[str, str]]:
        data = request.get_json(silent=True)
        if not isinstance(data, dict):
            return 400, {"status": "ERROR", "error": "The body must be a JSON object"}
        session_id, message = data.get("sessionId"), data.get("message")
        if not isinstance(session_id, str) or not isinstance(message, str):
            return 400, {"status": "ERROR", "error": "sessionId and message are required"}
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self.sessions.authorised(session_id, token):
            return 401, {"status": "ERROR", "error": "The token is not the one of this session"}
        self.sessions.record(session_id, message)
        return 200, {"status": "OK"}

    def _meet(self, fault: CallbackFault, entry: RecordedRequest) -> Response:
        entry.fault = fault.kind
        if fault.kind == "hang":
            self._wait(fault.seconds, releasable=True)
        if fault.kind in ("hang", "reset"):
            raise AbortConnection
        if fault.kind == "redirect":
            response = _finish(entry, fault.status if fault.status in _REDIRECTS else 307, {})
            response.headers["Location"] = request.host_url.rstrip("/") + "/elsewhere"
            return response
        return _finish(entry, fault.status, {"status": "ERROR", "error": "Simulated fault"})

    def _record(self, operation: str) -> RecordedRequest:
        return self._requests.open(
            operation=operation,
            method=request.method,
            path=request.path,
            time=self._clock.iso(),
            monotonic=self._clock.monotonic(),
            body=request.get_json(silent=True),
        )

    def _wait(self, seconds: float, *, releasable: bool = False) -> None:
        if seconds > 0 and not self._pauses.wait(seconds, request.environ, releasable=releasable):
            raise AbortConnection


def _routing_problem(problem: HTTPException) -> Response:
    return _answer(problem.code or 400, {"status": "ERROR", "error": problem.description or "Bad request"})


def _finish(entry: RecordedRequest, status: int, body: dict[str, str]) -> Response:
    entry.status = status
    return _answer(status, body)


def _answer(status: int, body: object) -> Response:
    response = jsonify(body)
    response.status_code = status
    return response
