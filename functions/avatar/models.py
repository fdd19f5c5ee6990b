"""What the HTTP API of sessions takes and shows."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from avatar.session import Session


class SessionView(BaseModel):
    """A session as partners see it: without the callback and its token."""

    session_id: str = Field(description="Trulience's id of the session.")
    character_id: str = Field(description="The character the avatar speaks as.")
    user_id: str = Field(description="Who talks to the avatar.")
    room_id: str | None = Field(description="The OH API's room of this character and user, once it is known.")
    locale: str | None = Field(description="The user's locale as LOGIN gave it.")
    turn: int = Field(description="How many times the user has spoken in this session.")
    can_receive_messages: bool = Field(description="Whether LOGIN gave a callback, so that the avatar can speak first.")
    created_at: datetime = Field(description="When the session was opened.")
    last_active_at: datetime = Field(description="When the user last logged in or spoke.")
    expires_at: datetime = Field(description="When the session ends if the user stays silent.")

    @classmethod
    def of(cls, session: Session) -> "SessionView":
        """The view of a session."""
        return cls(
            session_id=session.session_id,
            character_id=session.character_id,
            user_id=session.user_id,
            room_id=session.room_id,
            locale=session.locale,
            turn=session.turn,
            can_receive_messages=session.callback_url is not None and session.auth_token is not None,
            created_at=datetime.fromisoformat(session.created_at),
            last_active_at=datetime.fromtimestamp(session.active_ms / 1000, UTC),
            expires_at=datetime.fromtimestamp(session.end_ms / 1000, UTC),
        )


class SessionPage(BaseModel):
    """A page of an avatar's sessions, newest first."""

    sessions: list[SessionView]
    next_cursor: str | None = Field(description="Send it back as `cursor` for the next page; null after the last.")


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be blank")
    return value


class MessageRequest(BaseModel):
    """What the avatar is to say."""

    message: Annotated[str, AfterValidator(_not_blank)] = Field(
        min_length=1,
        max_length=4000,
        description="The text the avatar speaks; Trulience's `<trl-…>` tags in it pass through untouched.",
    )


class MessageDelivery(BaseModel):
    """Trulience took the message."""

    session_id: str
    delivered: bool = True
