"""A session: one conversation of one user with one avatar, from LOGIN to LOGOUT."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

TTL_ATTRIBUTE = "expires_at"
"""Only tells DynamoDB when the row may go, which is late by up to days; what counts is checked at each read."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a session is opened from.

    Attributes:
        session_id: Trulience's id.
        character_id: The avatar's character.
        user_id: Who talks to it.
        locale: Such as ``de-AT``, or None.
        callback_url: Where the avatar can be made to speak, or None.
        auth_token: What that place wants to see, or None.
    """

    session_id: str
    character_id: str
    user_id: str
    locale: str | None = None
    callback_url: str | None = None
    auth_token: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it was read. Instants are milliseconds since 1970 unless said otherwise.

    Attributes:
        session_id: Trulience's id.
        character_id: The avatar's character.
        user_id: Who talks to it.
        room_id: The room of this character and user, or None while it is not known.
        locale: Such as ``de-AT``, or None.
        callback_url: Where the avatar can be made to speak, or None.
        auth_token: What that place wants to see, or None; belongs in no answer and no log.
        turn: How many CHATs this opening has had.
        generation: A random id of this opening, so that an earlier one of the same id is told apart.
        created_at: When it was opened, ISO 8601 in UTC with microseconds.
        active_ms: The latest LOGIN or CHAT.
        idle_end_ms: When it ends unless a CHAT prolongs it.
        last_end_ms: When it ends however busy it is, or None.
    """

    session_id: str
    character_id: str
    user_id: str
    room_id: str | None
    locale: str | None
    callback_url: str | None
    auth_token: SecretStr | None
    turn: int
    generation: str
    created_at: str
    active_ms: int
    idle_end_ms: int
    last_end_ms: int | None = None

    @property
    def end_ms(self) -> int:
        """When it ends unless something happens before."""
        return self.idle_end_ms if self.last_end_ms is None else min(self.idle_end_ms, self.last_end_ms)


def open_session(opening: Opening, now_ms: int, ttl_ms: int, last_end_ms: int | None) -> Session:
    """A session that begins now and lives for `ttl_ms` unless it is prolonged; all in milliseconds."""
    return Session(
        session_id=opening.session_id,
        character_id=opening.character_id,
        user_id=opening.user_id,
        room_id=None,
        locale=opening.locale,
        callback_url=opening.callback_url,
        auth_token=opening.auth_token,
        turn=0,
        generation=uuid.uuid4().hex,
        created_at=datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="microseconds"),
        active_ms=now_ms,
        idle_end_ms=now_ms + ttl_ms,
        last_end_ms=last_end_ms,
    )


def to_row(session: Session) -> dict[str, Any]:
    """The session as plain values by attribute name; what is None is None."""
    row = {name: getattr(session, name) for name in Session.__slots__}
    row["auth_token"] = None if session.auth_token is None else session.auth_token.get_secret_value()
    row[TTL_ATTRIBUTE] = ttl_value(session.idle_end_ms)
    return row


def ttl_value(end_ms: int) -> int:
    """What DynamoDB's expiry of rows wants for an end in milliseconds: whole seconds, not before the end."""
    return -(-end_ms // 1000)


def session_of(row: Mapping[str, Any]) -> Session:
    """The session a row holds."""
    values: dict[str, Any] = {name: row.get(name) for name in Session.__slots__}
    token = values.pop("auth_token")
    return Session(**values, auth_token=None if token is None else SecretStr(token))


def live_session(row: Mapping[str, Any] | None, now_ms: int) -> Session | None:
    """The session a row holds, or None where there is no row, no session in it, or it has ended by now."""
    if row is None or "generation" not in row:
        return None
    session = session_of(row)
    return session if session.end_ms > now_ms else None
