"""The shapes of answers: envelopes, key spellings and error bodies, as the dialect switches say."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from flask import Response

from local.oh_simulator.switches import DialectSwitches, ErrorDialect

SUGGESTION = "Check the request against the API documentation and try again"


class ApiProblem(Exception):  # noqa: N818 - an answer of the API, not a fault of the simulator
    """A request that the API refuses: the status and the sentence of the answer.

    `invalid` tells input that is not valid from a prompt that failed moderation, which has the same status.
    """

    def __init__(self, status: int, message: str, *, moderated: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.invalid = status == 400 and not moderated


def success(payload: Mapping[str, Any], status: int, dialect: DialectSwitches) -> Response:
    """Give a successful answer in the dialect."""
    data: Any = _camel_keys(payload) if dialect.camel_case else dict(payload)
    if dialect.envelope != "none":
        data = {dialect.envelope: data}
    return json_answer(data, status)


def failure(
    status: int, message: str, dialect: DialectSwitches, *, body: ErrorDialect | None = None, retry_after: object = None
) -> Response:
    """Give an error answer in the dialect, or in the given one."""
    kind = body or dialect.error
    if kind == "html":
        phrase = http.client.responses.get(status, "Error")
        page = (
            f"<html>\r\n<head><title>{status} {phrase}</title></head>\r\n<body>\r\n<center><h1>{status} {phrase}</h1>"
            f"</center>\r\n<!-- {escape(message)} -->\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
        )
        response = Response(page, status=status, content_type="text/html")
    elif kind == "empty":
        response = Response(b"", status=status)
        response.headers.remove("Content-Type")
    else:
        data: dict[str, str] = {kind: message}
        if dialect.suggestion:
            data["suggestion"] = SUGGESTION
        response = json_answer(data, status)
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


def unknown_endpoint() -> Response:
    """Give the answer to a path the account does not have; the same in every dialect."""
    return json_answer({"message": "Unknown endpoint"}, 403)


def json_answer(data: object, status: int = 200) -> Response:
    """Give JSON as the API writes it."""
    text = json.dumps(data, ensure_ascii=False).encode("utf-8", "replace")
    return Response(text, status=status, content_type="application/json")


def _camel_keys(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_camel(str(key)): _camel_keys(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [_camel_keys(item) for item in value]
    return value


def _camel(key: str) -> str:
    first, *rest = key.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)
