"""The little that the stack's own WSGI applications share: JSON in, JSON out."""

from __future__ import annotations

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def read_body(environ: WSGIEnvironment) -> bytes:
    """The whole body of a request."""
    length = environ.get("CONTENT_LENGTH")
    if length:
        return bytes(environ["wsgi.input"].read(int(length)))
    return bytes(environ["wsgi.input"].read()) if environ.get("wsgi.input_terminated") else b""


def read_json(environ: WSGIEnvironment) -> dict[str, Any]:
    """The body of a request as a JSON object; an empty one when there is no body.

    Raises:
        ValueError: It is something else.
    """
    value = json.loads(read_body(environ) or b"{}")
    if not isinstance(value, dict):
        raise ValueError("a JSON object is expected")  # noqa: TRY004 - callers handle one kind of error
    return value


def respond(
    start_response: StartResponse, status: int, body: bytes | dict[str, Any], headers: Iterable[tuple[str, str]] = ()
) -> list[bytes]:
    """Answer a request; a dictionary is sent as JSON.

    Args:
        start_response: WSGI's.
        status: The HTTP status code.
        body: What to send.
        headers: Beside Content-Length, and beside Content-Type when the body is a dictionary.

    """
    sent = list(headers)
    if isinstance(body, dict):
        body = json.dumps(body).encode()
        sent.append(("Content-Type", "application/json"))
    sent.append(("Content-Length", str(len(body))))
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    start_response(f"{status} {phrase}", sent)
    return [body]
