"""The rules of a conversation beside its turns: what LOGIN, LOGOUT and the platform's own session events do."""

from collections.abc import Callable
from typing import Protocol

from avatar.late_reply import HandOver
from avatar.phrases import Phrases
from avatar.rooms import Rooms
from avatar.session import Opening, Session
from avatar.speaker import Speaker
from common.errors import ProblemError
from common.observability import describe, logger
from common.phrases import Phrase
from digital_twin.deadline import Deadline
from digital_twin.oh import OhApiError
from digital_twin.trulience import LoginAnswer, LoginEvent, LogoutAnswer, LogoutEvent, SessionWebhookEvent

LATE_SECONDS = 25.0
"""How long after its deadline the work for an answer may still go on."""


class OpenSessions(Protocol):
    """Where the sessions are kept; `avatar.session_store.SessionStore` is one."""

    def log_in(self, opening: Opening) -> Session:
        """Opens a session, or renews the live one of the same user."""

    def attach_room(self, session: Session, room_id: str) -> None:
        """Notes the room of a session."""

    def limit(self, session_id: str, character_id: str, seconds: int) -> None:
        """Ends a session at the latest `seconds` from now."""

    def end(self, session_id: str, character_id: str) -> None:
        """Ends a session; nothing happens where there is none."""


class Conversation:
    """Opens and ends conversations.

    LOGIN runs as work of its own while the answer waits for it, at most until its deadline; a room whose creation takes
    longer is there for the first CHAT or soon after.

    Args:
        sessions: Where sessions are kept.
        rooms: The rooms of characters and users.
        speaker: Knows which callbacks are allowed.
        phrases: What the avatar says of its own accord.
        start: Runs work beside the answer, such as `LateWork.start`.
    """

    def __init__(
        self,
        sessions: OpenSessions,
        rooms: Rooms,
        speaker: Speaker,
        phrases: Phrases,
        start: Callable[[Callable[[], None]], None],
    ) -> None:
        self._sessions = sessions
        self._rooms = rooms
        self._speaker = speaker
        self._phrases = phrases
        self._start = start

    def log_in(self, character_id: str, event: LoginEvent, deadline: Deadline, request_id: str) -> LoginAnswer:
        """Opens the session and makes sure of the pair's room; greets.

        Without the OH API the session is opened all the same: the first CHAT creates the room.

        Raises:
            InvalidInputError: The callback is not on an allowed host; nothing is stored.
            UnavailableError: The session cannot be stored.
        """
        self._speaker.require_allowed(event.callback_url)
        opening = Opening(
            session_id=event.session_id,
            character_id=character_id,
            user_id=event.user_id,
            locale=event.locale,
            callback_url=event.callback_url,
            auth_token=event.auth_token,
        )
        handed_over: HandOver[Phrase | Exception] = HandOver()
        self._start(lambda: self._open(opening, deadline, request_id, handed_over))
        result = handed_over.take(deadline)
        if isinstance(result, Exception):
            raise result
        greeting = (result or self._phrases.greeting).for_locale(event.locale)
        return LoginAnswer(session_id=event.session_id, status_message=greeting or "Session Created")

    def log_out(self, character_id: str, event: LogoutEvent) -> LogoutAnswer:
        """Ends the session and keeps the room; fine for a session that is not there.

        Raises:
            UnavailableError: The table of sessions does not answer.
        """
        self._sessions.end(event.session_id, character_id)
        return LogoutAnswer(session_id=event.session_id)

    def platform_event(self, character_id: str, event: SessionWebhookEvent) -> LogoutAnswer | LoginAnswer:
        """Follows what the platform says of a session: a disconnect ends it, a connect may limit its life.

        Raises:
            UnavailableError: The table of sessions does not answer.
        """
        if event.event_type == "session.disconnect":
            self._sessions.end(event.session_id, character_id)
            return LogoutAnswer(session_id=event.session_id)
        if event.max_session_duration is not None:
            self._sessions.limit(event.session_id, character_id, int(event.max_session_duration))
        return LoginAnswer(session_id=event.session_id, status_message="Noted")

    def _open(
        self, opening: Opening, deadline: Deadline, request_id: str, handed_over: HandOver[Phrase | Exception]
    ) -> None:
        fields = {"session_id": opening.session_id, "turn": 0, "request_id": request_id}
        result: Phrase | Exception
        try:
            result = self._prepare(opening, deadline, fields)
        except ProblemError as problem:
            result = problem
        except Exception as error:  # noqa: BLE001 - the boundary of this thread: the answer has to learn of it
            result = error
        in_time = handed_over.offer(result)
        if isinstance(result, Exception):
            logger().error("session not opened", extra={**fields, **describe(result)})
        else:
            logger().info("session opened", extra={**fields, "in_time": in_time})

    def _prepare(self, opening: Opening, deadline: Deadline, fields: dict[str, object]) -> Phrase:
        session = self._sessions.log_in(opening)
        room_id = self._rooms.find(opening.character_id, opening.user_id)
        greeting = self._phrases.greeting if room_id is None else self._phrases.greeting_returning
        if room_id is None:
            end = Deadline(deadline.at + LATE_SECONDS)
            try:
                room_id = self._rooms.create(opening.character_id, opening.user_id, deadline=end, retry_by=deadline)
            except OhApiError as error:
                logger().warning("room not created", extra={**fields, "status": error.status, **describe(error)})
                return greeting
        if session.room_id != room_id:
            self._sessions.attach_room(session, room_id)
        return greeting
