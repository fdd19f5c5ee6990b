"""The events Trulience posts to our webhooks, read strictly enough to trust and loosely enough to live with.

Unknown fields are ignored and optional ones may be missing or null. Whatever is wrong becomes one sentence for
whoever sent it, which names fields and rules but repeats nothing that was sent: messages and tokens stay out of
answers and logs.
"""

from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import ErrorDetails, from_json

MAX_ID_CHARACTERS = 256
"""Longest session or user id: Trulience's are UUIDs, and DynamoDB's keys end at 1,024 bytes."""


class EventError(ValueError):
    """A request is no event we understand.

    The text is a sentence for people. `session_id` is there when it could be read, `field` names what is wrong (None:
    all of it).
    """

    def __init__(self, sentence: str, *, session_id: str | None = None, field: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.session_id = session_id
        self.field = field


def _absent(value: object) -> object:
    """Take an empty string for a missing one: `lastSeen` comes so for new users."""
    return None if value == "" else value


def _filled(value: str) -> str:
    if not value.strip():
        raise ValueError("blank")
    return value


Id = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID_CHARACTERS)]
OptionalId = Annotated[Id | None, BeforeValidator(_absent)]
OptionalText = Annotated[str | None, BeforeValidator(_absent)]
# A URL of this length is within what servers commonly accept; the token goes into a header, which is limited to 8 to
# 16 KiB.
Url = Annotated[str, StringConstraints(min_length=1, max_length=2048)]
Token = Annotated[SecretStr, Field(min_length=1, max_length=4096)]


class _Event(BaseModel):
    model_config = ConfigDict(
        extra="ignore", frozen=True, populate_by_name=True, hide_input_in_errors=True, defer_build=True
    )

    session_id: Id = Field(alias="sessionId")


class LoginEvent(_Event):
    """A user opened the avatar. `auth_token` authorises what we say unasked in this session, at `callback_url`."""

    action: Literal["LOGIN"] = "LOGIN"
    user_id: Id = Field(alias="userId")
    auth_token: Token = Field(alias="authToken", repr=False)
    callback_url: Url = Field(alias="callbackUrl", repr=False)
    locale: OptionalText = None
    last_seen: OptionalText = Field(default=None, alias="lastSeen")


class ChatEvent(_Event):
    """The user said something: `message`, as it was recognised."""

    action: Literal["CHAT"] = "CHAT"
    message: Annotated[str, BeforeValidator(lambda value: _filled(value) if isinstance(value, str) else value)] = Field(
        repr=False
    )
    user_id: OptionalId = Field(default=None, alias="userId")


class LogoutEvent(_Event):
    """The user left."""

    action: Literal["LOGOUT"] = "LOGOUT"
    user_id: OptionalId = Field(default=None, alias="userId")


Event = LoginEvent | ChatEvent | LogoutEvent


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class SessionWebhookEvent(BaseModel):
    """A session of the platform began (`session.connect`) or ended (`session.disconnect`).

    `max_session_duration` is in seconds and comes with connects only.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True, defer_build=True)

    event_type: Literal["session.connect", "session.disconnect"]
    session_id: Id
    customer_id: Annotated[OptionalText, BeforeValidator(_as_text)] = None
    avatar_id: Annotated[OptionalText, BeforeValidator(_as_text)] = None
    timestamp: datetime | None = None
    max_session_duration: Annotated[float | None, Field(ge=0, le=31_536_000)] = None


@cache
def _events() -> TypeAdapter[Event]:
    return TypeAdapter(Annotated[Event, Field(discriminator="action")])


def parse_event(raw: bytes | str) -> Event:
    """Read a LOGIN, CHAT or LOGOUT from a request body. Raises `EventError`, and nothing else."""
    body = _json_object(raw)
    try:
        return _events().validate_python(body)
    except ValidationError as error:
        failure = _event_error(error, body.get("sessionId"))
    raise failure  # Outside of the block: pydantic's error holds what was sent.


def parse_session_event(raw: bytes | str) -> SessionWebhookEvent:
    """Read a `session.connect` or `session.disconnect` from a request body. Raises `EventError`, and nothing else."""
    body = _json_object(raw)
    try:
        return SessionWebhookEvent.model_validate(body)
    except ValidationError as error:
        failure = _event_error(error, body.get("session_id"))
    raise failure


def _json_object(raw: bytes | str) -> dict[str, Any]:
    try:
        body = from_json(raw or b"", allow_inf_nan=False)
    except (ValueError, TypeError):
        # TypeError: half a character in a str. Nothing of the parser's own message: it may quote the text.
        raise EventError("The body is not JSON: send one JSON object in UTF-8.") from None
    if not isinstance(body, dict):
        raise EventError("The body is not a JSON object: send one object with the fields of the event.")
    return body


def _event_error(error: ValidationError, session_id: object) -> EventError:
    detail = error.errors(include_url=False, include_input=False)[0]
    readable = isinstance(session_id, str) and 1 <= len(session_id) <= MAX_ID_CHARACTERS
    # The discriminated union puts the action before the field.
    place = [part for part in detail["loc"] if part not in ("LOGIN", "CHAT", "LOGOUT")]
    field = str(place[0]) if place else "action"
    return EventError(_sentence(field, detail), session_id=str(session_id) if readable else None, field=field)


_RULES = {
    "action": "one of LOGIN, CHAT and LOGOUT",
    "event_type": "session.connect or session.disconnect",
    "sessionId": f"a string of 1 to {MAX_ID_CHARACTERS} characters",
    "session_id": f"a string of 1 to {MAX_ID_CHARACTERS} characters",
    "userId": f"a string of 1 to {MAX_ID_CHARACTERS} characters",
    "message": "a string that is not blank",
    "authToken": "a string of 1 to 4096 characters",
    "callbackUrl": "a URL of at most 2048 characters",
    "timestamp": "an ISO 8601 time, such as 2026-01-31T09:30:00Z",
    "max_session_duration": "a number of seconds, 0 or more",
}


def _sentence(field: str, detail: ErrorDetails) -> str:
    missing = detail["type"] in ("missing", "union_tag_not_found")
    wrong = "is missing" if missing else "is not acceptable"
    return f"The field {field} {wrong}: it must be {_RULES.get(field, 'a string')}."
