"""Trulience's events: `POST /avatars/{character_id}/webhook` and `…/session-events`."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from aws_lambda_powertools.event_handler import Response

from avatar.conversation import Conversation
from avatar.late_reply import LateWork, reply_deadline
from avatar.models import require_character_id
from avatar.phrases import Phrases
from avatar.room_store import RoomStore
from avatar.rooms import Rooms
from avatar.session_store import SessionStore
from avatar.speaker import Speaker
from avatar.turns import Turns
from common import aws, settings, upstream
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
    return app.resolve(event, context)


def _invalid(error: EventError) -> InvalidInputError:
    return InvalidInputError(str(error), details={"sessionId": error.session_id} if error.session_id else None)


def _deadline() -> Deadline:
    received = app.current_event.raw_event.get("requestContext", {}).get("requestTimeEpoch")
    return reply_deadline(received, settings.read(WebhookSettings).chat_deadline_seconds)


@cache
def late_work() -> LateWork:
    """What goes on beside and after the answers of this environment."""
    return LateWork()


@cache
def conversation() -> Conversation:
    """The rules of LOGIN and LOGOUT, with this environment's clients."""
    return Conversation(
        _sessions(), _rooms(), _speaker(), Phrases.of(settings.read(WebhookSettings)), late_work().start
    )


@cache
def turns() -> Turns:
    """The rules of CHAT, with this environment's clients."""
    return Turns(
        _sessions(),
        _rooms(),
        upstream.oh_client(),
        _speaker(),
        Phrases.of(settings.read(WebhookSettings)),
        late_work().start,
    )


@cache
def _sessions() -> SessionStore:
    knobs = settings.read(WebhookSettings)
    return SessionStore(aws.dynamodb(), knobs.sessions_table, ttl_seconds=knobs.session_ttl_seconds)


@cache
def _rooms() -> Rooms:
    return Rooms(RoomStore(aws.dynamodb(), settings.read(WebhookSettings).rooms_table), upstream.oh_client())


@cache
def _speaker() -> Speaker:
    knobs = settings.read(WebhookSettings)
    return Speaker(upstream.callback_client(), knobs.callback_hosts, allow_loopback=knobs.embedded_stack)
