"""Trulience's events: `POST /avatars/{character_id}/webhook` and `…/session-events`."""

from common import startup  # isort: skip - before everything else, as it says

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.event_handler import Response

from avatar.late_reply import reply_deadline
from avatar.paths import require_character_id
from avatar.services import conversation, start_environment, turns
from common import settings
from common.errors import InvalidInputError
from common.http import Problem, build_api, json_response, raw_body, request_id, require_bearer
from common.settings import WebhookSettings
from digital_twin.deadline import Deadline
from digital_twin.trulience import ChatEvent, ErrorAnswer, EventError, LoginEvent, parse_event, parse_session_event


def _error(problem: Problem) -> Mapping[str, object]:
    """An error in Trulience's shape."""
    session_id = problem.details.get("sessionId")
    answer = ErrorAnswer(session_id=session_id, status_message=problem.message, error=problem.message)
    return {**answer.model_dump(by_alias=True, exclude_none=True), "request_id": problem.request_id}


app = build_api(_error)


@app.post("/avatars/<character_id>/webhook")
def webhook(character_id: str) -> Response[str]:
    """LOGIN, CHAT and LOGOUT."""
    require_bearer(app)
    require_character_id(character_id)
    try:
        event = parse_event(raw_body(app))
    except EventError as error:
        raise _invalid(error) from None
    if isinstance(event, ChatEvent):
        return json_response(turns().chat(character_id, event, _deadline(), request_id(app)))
    if isinstance(event, LoginEvent):
        return json_response(conversation().log_in(character_id, event, _deadline(), request_id(app)))
    return json_response(conversation().log_out(character_id, event))


@app.post("/avatars/<character_id>/session-events")
def session_events(character_id: str) -> Response[str]:
    """The platform's own `session.connect` and `session.disconnect`."""
    require_bearer(app)
    require_character_id(character_id)
    try:
        event = parse_session_event(raw_body(app))
    except EventError as error:
        raise _invalid(error) from None
    return json_response(conversation().platform_event(character_id, event))


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The function's entry point."""
    try:
        return app.resolve(event, context)
    finally:
        _answered(context.aws_request_id)


def _invalid(error: EventError) -> InvalidInputError:
    return InvalidInputError(str(error), details={"sessionId": error.session_id} if error.session_id else None)


def _deadline() -> Deadline:
    received = app.current_event.raw_event.get("requestContext", {}).get("requestTimeEpoch")
    return reply_deadline(received, settings.read(WebhookSettings).chat_deadline_seconds)


# Lambda takes extensions only while the module is imported, which is what it calls INIT.
_answered = start_environment()
startup.finished()
