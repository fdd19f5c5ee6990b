"""Sessions for partners: list, read and end them, and have their avatars speak first."""

from common import startup  # isort: skip - before everything else, as it says

from dataclasses import asdict
from functools import cache
from typing import Any

from aws_lambda_powertools.event_handler import Response

from avatar import services
from avatar.models import MessageDelivery, MessageRequest, SessionPage, SessionView
from avatar.paths import require_character_id
from avatar.session import Session
from avatar.session_listing import Place, SessionListing
from avatar.session_store import SessionStore
from common import aws, settings
from common.errors import NotFoundError
from common.http import build_api, json_response, raw_body, request_id
from common.observability import emit, logger
from common.settings import SessionsSettings
from common.tables import decode_cursor, encode_cursor
from common.validation import page_limit, parse_body

# Longer ids are never stored; and a key of DynamoDB ends at 2,048 bytes.
MAX_SESSION_ID = 256

app = build_api()


@app.get("/avatars/<character_id>/sessions")
def list_sessions(character_id: str) -> Response[str]:
    """A page of an avatar's live sessions, newest first."""
    require_character_id(character_id)
    cursor = app.current_event.get_query_string_value("cursor")
    after = Place(**decode_cursor(cursor, {"session_id", "created_at"})) if cursor else None
    limit = page_limit(app.current_event.get_query_string_value("limit") or None)
    sessions, following = listing().page(character_id, limit, after)
    page = SessionPage(
        sessions=[SessionView.of(session) for session in sessions],
        next_cursor=encode_cursor(asdict(following)) if following else None,
    )
    return json_response(page.model_dump(mode="json"))


@app.get("/sessions/<session_id>")
def read_session(session_id: str) -> Response[str]:
    """One session."""
    return json_response(SessionView.of(_find(session_id)).model_dump(mode="json"))


@app.delete("/sessions/<session_id>")
def end_session(session_id: str) -> Response[str]:
    """Ends a session, as a LOGOUT does."""
    store().end(session_id, _find(session_id).character_id)
    return json_response(None, status=204)


@app.post("/sessions/<session_id>/messages")
def speak(session_id: str) -> Response[str]:
    """Has the avatar of a session say something."""
    request = parse_body(MessageRequest, raw_body(app))
    session = _find(session_id)
    services.speaker().say(session, request.message)
    fields = {"session_id": session_id, "turn": session.turn, "request_id": request_id(app)}
    logger().info("message spoken", extra=fields)
    emit({"MessagesSpoken": 1}, dimensions={"character": session.character_id})
    return json_response(MessageDelivery(session_id=session_id))


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The function's entry point."""
    return app.resolve(event, context)


def _find(session_id: str) -> Session:
    session = store().find(session_id) if len(session_id) <= MAX_SESSION_ID else None
    if session is None:
        raise NotFoundError("There is no such session: it has ended, or never was.")
    return session


@cache
def store() -> SessionStore:
    """The sessions, with this environment's clients."""
    knobs = settings.read(SessionsSettings)
    return SessionStore(aws.dynamodb(), knobs.sessions_table, ttl_seconds=knobs.session_ttl_seconds)


@cache
def listing() -> SessionListing:
    """The listing of sessions, with this environment's clients."""
    return SessionListing(aws.dynamodb(), settings.read(SessionsSettings).sessions_table)


startup.finished()
