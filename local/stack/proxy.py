"""API Gateway's proxy integration: a request as a Lambda event, and a Lambda answer as a response."""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from local.stack.routing import Match
from local.stack.template import ACCOUNT

API_ID = "embedded"

_REMAPPED = frozenset({"authorization", "connection", "date", "server", "www-authenticate"})
"""Response headers that API Gateway sends under the prefix ``x-amzn-remapped-``, as it uses the names itself."""
_DROPPED = frozenset({"content-length", "transfer-encoding"})


@dataclass(frozen=True)
class Request:
    """An HTTP request as it came in.

    Attributes:
        method: The HTTP method.
        path: The path without the stage, still percent-encoded.
        full_path: The path as sent, perhaps with the stage.
        query: The query string, still percent-encoded.
        headers: Names and values in the order they came in, repeated ones repeated.
        body: The body's bytes.
        source_ip: The client's address.
        received_at: Epoch seconds.

    """

    method: str
    path: str
    full_path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    source_ip: str
    received_at: float
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    extended_id: str = field(default_factory=lambda: base64.b64encode(uuid.uuid4().bytes[:11]).decode())

    def header(self, name: str) -> str | None:
        """The last value of a header, whatever its case."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return values[-1] if values else None


class MalformedAnswer(Exception):  # noqa: N818 - what happened, answered with a 502
    """A function's answer is not what the proxy integration takes."""


@dataclass(frozen=True)
class Response:
    """What goes back to the client."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def build_event(request: Request, match: Match, stage: str, api_key: tuple[str, str] | None) -> dict[str, Any]:
    """The event of the REST API's Lambda proxy integration.

    Args:
        request: What came in.
        match: Where it goes.
        stage: The stage's name.
        api_key: The id and the value of the caller's API key, on routes that require one.

    """
    headers = [
        *request.headers,
        ("X-Forwarded-For", request.source_ip),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Port", (request.header("host") or "").rpartition(":")[2]),
    ]
    pairs = parse_qsl(request.query, keep_blank_values=True)
    body, is_base64 = _event_body(request.body)
    return {
        "resource": match.route.resource,
        "path": request.path,
        "httpMethod": request.method,
        "headers": dict(headers),
        "multiValueHeaders": _multi(headers),
        "queryStringParameters": dict(pairs) or None,
        "multiValueQueryStringParameters": _multi(pairs) or None,
        "pathParameters": match.parameters or None,
        "stageVariables": None,
        "requestContext": _request_context(request, match, stage, api_key),
        "body": body,
        "isBase64Encoded": is_base64,
    }


def read_answer(payload: bytes) -> Response:
    """The response that a function's answer stands for.

    Raises:
        MalformedAnswer: It lacks a status code, or a part of it has the wrong type.
    """
    try:
        answer = json.loads(payload)
        status = int(answer["statusCode"])
        headers = _answer_headers(answer)
        body = answer.get("body")
        if body is not None and not isinstance(body, str):
            raise MalformedAnswer("body is not a string")
        encoded = (body or "").encode("utf-8", "surrogatepass")
        content = base64.b64decode(encoded, validate=True) if answer.get("isBase64Encoded") is True else encoded
    except (ValueError, TypeError, KeyError, AttributeError, binascii.Error) as error:
        raise MalformedAnswer(f"{type(error).__name__}: {error}") from error
    if not 100 <= status <= 599:
        raise MalformedAnswer(f"{status} is not a status code")
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    return Response(status, headers, content)


def _event_body(body: bytes) -> tuple[str | None, bool]:
    if not body:
        return None, False
    try:
        return body.decode("utf-8"), False
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), True


def _multi(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values


def _request_context(request: Request, match: Match, stage: str, api_key: tuple[str, str] | None) -> dict[str, Any]:
    received = datetime.fromtimestamp(request.received_at, UTC)
    identity: dict[str, Any] = {
        "accessKey": None,
        "accountId": None,
        "apiKey": None,
        "apiKeyId": None,
        "caller": None,
        "cognitoIdentityId": None,
        "sourceIp": request.source_ip,
        "user": None,
        "userAgent": request.header("user-agent"),
        "userArn": None,
    }
    if api_key is not None:
        identity["apiKeyId"], identity["apiKey"] = api_key
    host = request.header("host") or ""
    return {
        "accountId": ACCOUNT,
        "apiId": API_ID,
        "domainName": host,
        "domainPrefix": host.partition(".")[0],
        "extendedRequestId": request.extended_id,
        "httpMethod": request.method,
        "identity": identity,
        "path": request.full_path,
        "protocol": "HTTP/1.1",
        "requestId": request.request_id,
        "requestTime": received.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": int(request.received_at * 1000),
        "resourceId": "local",
        "resourcePath": match.route.resource,
        "stage": stage,
    }


def _answer_headers(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    multi = {name: [_header_value(value) for value in values] for name, values in _section(answer, "multiValueHeaders")}
    taken = {name.lower() for name in multi}
    single = {name: [_header_value(value)] for name, value in _section(answer, "headers") if name.lower() not in taken}
    return [
        (f"x-amzn-remapped-{name.lower()}" if name.lower() in _REMAPPED else name, value)
        for name, values in {**single, **multi}.items()
        for value in values
        if name.lower() not in _DROPPED
    ]


def _section(answer: Mapping[str, Any], name: str) -> list[tuple[str, Any]]:
    return list((answer.get(name) or {}).items())


def _header_value(value: Any) -> str:
    if not isinstance(value, str | int | float):
        raise MalformedAnswer("a header is not a string")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if "\r" in text or "\n" in text:
        raise MalformedAnswer("a header has a line break")
    return text
