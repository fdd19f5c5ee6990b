"""HTTP: the resolver every API function uses, and the only table from exceptions to statuses."""

import base64
import binascii
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import NotFoundError as RouteNotFoundError
from pydantic import BaseModel

from common import errors
from common.observability import describe, logger
from common.secrets import secrets
from digital_twin import oh

INTERNAL_ERROR = "Something failed on our side. Please try again; if it stays, report the request_id."


@dataclass(frozen=True)
class Problem:
    """An error as the caller sees it.

    Attributes:
        status: The HTTP status.
        code: A stable word for programs.
        message: A sentence for people.
        request_id: API Gateway's id of the request, by which the logs find it.
        retry_after: Seconds, or None.
        details: More members of the body.
    """

    status: int
    code: str
    message: str
    request_id: str
    retry_after: int | None = None
    details: Mapping[str, object] = field(default_factory=dict)

    def body(self) -> dict[str, object]:
        """The provider's documented error shape, with more beside it."""
        return {"error": self.message, "code": self.code, "request_id": self.request_id, **self.details}


# The order matters: the first class that fits decides. Every class of `common.errors` and `digital_twin.oh` is here.
_STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (errors.InvalidInputError, 400),
    (errors.UnauthorizedError, 401),
    (errors.NotFoundError, 404),
    (errors.ConflictError, 409),
    (errors.KeyReusedError, 422),
    (errors.BadGatewayError, 502),
    (errors.UnavailableError, 503),
    (errors.GatewayTimeoutError, 504),
)

# What a caller is told about the upstream: status, code, sentence (None: the provider's own words).
_UPSTREAM: tuple[tuple[type[oh.OhApiError], int, str, str | None], ...] = (
    (oh.OhModerationError, 400, "moderation_failed", None),
    (oh.OhInvalidInputError, 400, "invalid_request", None),
    (oh.OhNotFoundError, 404, "not_found", None),
    (oh.OhCredentialsError, 502, "upstream_refused", "The OH API refused this deployment's key. Tell its operator."),
    (
        oh.OhForbiddenError,
        502,
        "upstream_refused",
        "The OH API does not allow this account to do that, or its credit is used up.",
    ),
    (oh.OhThrottledError, 502, "upstream_throttled", "The OH API is too busy. Please try again later."),
    (oh.OhConnectionError, 502, "upstream_unreachable", "The OH API cannot be reached. Please try again later."),
    (
        oh.OhTimeoutError,
        504,
        "upstream_timeout",
        "The OH API did not answer in time, so that the outcome is not known.",
    ),
    (oh.OhApiError, 502, "upstream_failed", "The OH API failed. Please try again later."),
)


def problem_of(error: Exception, request_id: str) -> Problem:
    """The answer an exception gets; whatever is in no table is our own fault and a 500."""
    if isinstance(error, errors.ProblemError):
        status = next(status for kind, status in _STATUSES if isinstance(error, kind))
        return Problem(status, error.code, error.message, request_id, error.retry_after, error.details)
    if isinstance(error, oh.OhApiError):
        for kind, status, code, sentence in _UPSTREAM:
            if isinstance(error, kind):
                retry_after = None if error.retry_after is None else max(1, round(error.retry_after))
                return Problem(status, code, sentence or error.message, request_id, retry_after)
    if isinstance(error, RouteNotFoundError):
        return Problem(404, "not_found", "There is no such route.", request_id)
    return Problem(500, "internal_error", INTERNAL_ERROR, request_id)


def json_response(
    body: BaseModel | Mapping[str, Any] | None, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response[str]:
    """An answer in JSON.

    Args:
        body: A model (written by its aliases, without what is None) or a mapping; None for an empty body.
        status: The HTTP status.
        headers: More headers.
    """
    if body is None:
        return Response(status_code=status, headers=dict(headers or {}))
    text = body.model_dump_json(by_alias=True, exclude_none=True) if isinstance(body, BaseModel) else _compact(body)
    return Response(
        status_code=status, content_type=content_types.APPLICATION_JSON, body=text, headers=dict(headers or {})
    )


def _compact(body: Mapping[str, Any]) -> str:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False)


class Api(APIGatewayRestResolver):
    """A resolver that takes path parameters from the event, where API Gateway puts them decoded.

    Powertools would read them out of the path, whose segments may hold any character an id may hold; its pattern for a
    segment does not.
    """

    def resolve(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Answers one proxy event."""
        return super().resolve(_routable(event), context)

    def _convert_matches_into_route_keys(self, match: re.Match[str]) -> dict[str, str]:
        given = self.current_event.path_parameters
        return {name: given.get(name) or value for name, value in match.groupdict().items()}


def _routable(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event with a path every route can match: the resource's template with its parameters percent-encoded."""
    given = event.get("pathParameters") or {}
    path = re.sub(
        r"\{(\w+)\+?\}",
        lambda parameter: quote(given.get(parameter[1]) or "", safe="", errors="replace"),
        event.get("resource") or "",
    )
    return {**event, "path": path or event["path"]}


def build_api(shape: Callable[[Problem], Mapping[str, object]] = Problem.body) -> Api:
    """A resolver whose every failure is answered in one shape.

    Args:
        shape: Writes the body of an error; the partner API's shape where none is given.
    """
    # Validation by the resolver is off: the models parse the raw body themselves, which is faster and words its own
    # sentences.
    app = Api(enable_validation=False)

    def answer(error: Exception) -> Response[str]:
        problem = problem_of(error, request_id(app))
        if problem.status >= 500:
            logger().error(
                "request failed",
                extra={
                    "status": problem.status,
                    "code": problem.code,
                    "request_id": problem.request_id,
                    **describe(error),
                },
            )
        headers = {} if problem.retry_after is None else {"Retry-After": str(problem.retry_after)}
        return json_response(shape(problem), status=problem.status, headers=headers)

    # The boundary of the function: everything that is raised below ends here as an answer.
    app.exception_handler(Exception)(answer)
    app.not_found(answer)
    return app


def raw_body(app: APIGatewayRestResolver) -> bytes:
    """The request's body as it came, empty where there is none.

    Raises:
        InvalidInputError: The event calls it base64, and it is not.
    """
    body = app.current_event.body or ""
    if not app.current_event.is_base64_encoded:
        return body.encode(errors="replace")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise errors.InvalidInputError("The body cannot be read: it is not valid base64.") from None


def request_id(app: APIGatewayRestResolver) -> str:
    """API Gateway's id of the request being answered."""
    return str(app.current_event.request_context.request_id or "")


def partner_id(app: APIGatewayRestResolver) -> str:
    """Who calls: the id of the API key, as API Gateway reports it.

    Raises:
        UnauthorizedError: There is none, which a deployed API does not let happen.
    """
    identity = app.current_event.request_context.identity
    key_id = identity.api_key_id
    if not key_id:
        raise errors.UnauthorizedError("This route needs an API key in the header X-API-Key.")
    return str(key_id)


def require_bearer(app: APIGatewayRestResolver) -> None:
    """Lets only Trulience in.

    Raises:
        UnauthorizedError: The header `Authorization: Bearer …` is missing or holds none of the deployment's keys.
    """
    header = next((v for k, v in (app.current_event.headers or {}).items() if k.lower() == "authorization"), "") or ""
    scheme, _, token = header.partition(" ")
    presented = token.strip().encode(errors="surrogatepass")
    # Every key is compared, in constant time, so that the time tells nothing of which one fits.
    matches = [hmac.compare_digest(presented, key.encode()) for key in secrets().trulience_api_key]
    if scheme.lower() != "bearer" or not any(matches):
        raise errors.UnauthorizedError(
            "The bearer token is missing or wrong: send the REST Agent API Key of this deployment."
        )
