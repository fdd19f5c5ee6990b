"""The HTTP front: stands where API Gateway stands in a deployment."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from local.servers import RAW_HEADERS_KEY
from local.stack.environment import Invocation, Outcome
from local.stack.http import read_body, respond
from local.stack.proxy import MalformedAnswer, Request, Response, build_event, read_answer
from local.stack.routing import RouteTable

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MAX_BODY_BYTES = 10 * 1024 * 1024
"""API Gateway's limit on a request's body."""

_MAX_DISCARDED_BYTES = 10 * MAX_BODY_BYTES

INTEGRATION_SECONDS = 29.0
"""API Gateway's limit on the time a function may take to answer."""

_GATEWAY_ERRORS = {
    "forbidden": (403, "ForbiddenException", "Forbidden"),
    "unknown": (403, "MissingAuthenticationTokenException", "Missing Authentication Token"),
    "too_long": (413, "RequestTooLargeException", "Request Too Long"),
    "crashed": (502, "InternalServerErrorException", "Internal server error"),
    "timeout": (504, "InternalServerErrorException", "Endpoint request timed out"),
}


class ApiFront:
    """The WSGI application.

    Args:
        routes: The API's routes.
        keys: The id of each API key by its value.
        stage: The stage's name.
        invoke: Runs a function, by name, on an invocation.
        log: Takes one line about each trouble of a function.

    """

    def __init__(
        self,
        routes: RouteTable,
        keys: Mapping[str, str],
        stage: str,
        invoke: Callable[[str, Invocation], Outcome],
        log: Callable[[str], None],
    ) -> None:
        self._routes = routes
        self._keys = keys
        self._stage = stage
        self._invoke = invoke
        self._log = log
        self._threads = ThreadPoolExecutor(max_workers=256, thread_name_prefix="front")

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        """Answer one request."""
        received_at = time.time()
        length = environ.get("CONTENT_LENGTH") or "0"
        if not length.isdecimal():
            return respond(start_response, 400, {"message": "Bad Request"})
        too_long = int(length) > MAX_BODY_BYTES
        request = self._read(environ, received_at, _discard_body(environ) if too_long else read_body(environ))
        response = self._answer(request, too_long=too_long or len(request.body) > MAX_BODY_BYTES)
        headers = [
            *response.headers,
            ("x-amzn-RequestId", request.request_id),
            ("x-amz-apigw-id", request.extended_id),
        ]
        return respond(start_response, response.status, response.body, headers)

    def _read(self, environ: WSGIEnvironment, received_at: float, body: bytes) -> Request:
        target = environ["RAW_URI"]
        if "://" in target.partition("?")[0]:  # the absolute form, as proxies send it
            target = "/" + target.split("://", 1)[1].partition("/")[2]
        full_path, _, query = target.partition("?")
        return Request(
            method=environ["REQUEST_METHOD"],
            path=self._routes.without_stage(full_path),
            full_path=full_path,
            query=query,
            headers=environ[RAW_HEADERS_KEY],
            body=body,
            source_ip=environ.get("REMOTE_ADDR", "127.0.0.1"),
            received_at=received_at,
        )

    def _answer(self, request: Request, *, too_long: bool) -> Response:
        match = self._routes.find(request.method, request.path)
        if match is None:
            return _gateway_error("unknown")
        api_key = None
        if match.route.key_required:
            api_key = self._identify(request.header("x-api-key"))
            if api_key is None:
                return _gateway_error("forbidden")
        if too_long:
            return _gateway_error("too_long")
        event = build_event(request, match, self._stage, api_key)
        return self._run(match.route.function, event)

    def _identify(self, value: str | None) -> tuple[str, str] | None:
        """The id and value of a key that is ours."""
        for key, identifier in self._keys.items():
            if value is not None and hmac.compare_digest(key.encode(), value.encode()):
                return identifier, key
        return None

    def _run(self, function: str, event: Mapping[str, Any]) -> Response:
        invocation = Invocation(json.dumps(event).encode())
        try:
            outcome = self._threads.submit(self._invoke, function, invocation).result(INTEGRATION_SECONDS)
        except FutureTimeoutError:
            self._log(f"{function} gave no answer within {INTEGRATION_SECONDS:.0f} seconds")
            return _gateway_error("timeout")
        if outcome.failed:
            self._log(f"{function} failed: {outcome.payload.decode(errors='replace')}")
            return _gateway_error("crashed")
        try:
            return read_answer(outcome.payload)
        except MalformedAnswer as error:
            self._log(f"{function} gave a malformed proxy answer: {error}")
            return _gateway_error("crashed")


def _discard_body(environ: WSGIEnvironment) -> bytes:
    """Read a body without keeping it, so that the client is ready for the answer; gives nothing."""
    left = min(int(environ["CONTENT_LENGTH"]), _MAX_DISCARDED_BYTES)
    while left > 0:
        piece = environ["wsgi.input"].read(min(left, 65536))
        if not piece:
            break
        left -= len(piece)
    return b""


def _gateway_error(kind: str) -> Response:
    status, error_type, message = _GATEWAY_ERRORS[kind]
    headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", error_type)]
    return Response(HTTPStatus(status), headers, json.dumps({"message": message}).encode())
