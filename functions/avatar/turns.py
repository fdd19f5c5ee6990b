"""A CHAT and its reply: in time as the answer, or late through the session's callback; never both, never neither.

Each turn is work of its own while the answer waits for it until its deadline. The work counts the turn (one DynamoDB
call), asks the OH API (one call) and offers what it got; where the answer has left by then, it has the avatar speak.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from avatar.conversation import LATE_SECONDS
from avatar.late_reply import HandOver
from avatar.phrases import Phrases
from avatar.rooms import Rooms
from avatar.session import Opening, Session
from avatar.speaker import Speaker
from common.errors import ProblemError, UnavailableError
from common.observability import describe, emit, logger
from digital_twin.deadline import Deadline
from digital_twin.oh import OhApiError, OhClient, OhModerationError, OhNotFoundError
from digital_twin.trulience import ChatAnswer, ChatEvent

# A session that is opened for a CHAT may end again before the turn is counted; this often it is opened anew.
_OPENINGS = 3


class TurnSessions(Protocol):
    """Where the sessions are kept; `avatar.session_store.SessionStore` is one."""

    def get(self, session_id: str, character_id: str) -> Session | None:
        """The live session, as it stands at this moment."""

    def open_unknown(self, opening: Opening) -> None:
        """Opens a session, unless it is live by now."""

    def next_turn(self, session_id: str, character_id: str) -> Session | None:
        """Counts a turn, prolongs the session and returns it; None where it is not live."""

    def attach_room(self, session: Session, room_id: str) -> None:
        """Notes the room of a session."""


@dataclass(frozen=True, slots=True)
class Speech:
    """What a turn brought.

    Attributes:
        text: What the avatar says; empty for nothing.
        status: What happened, in a word or two for Trulience.
        metric: Counts it when it is the answer.
        late_metric: Counts it when it is spoken late.
    """

    text: str = field(repr=False)
    status: str
    metric: str
    late_metric: str


@dataclass(slots=True)
class Turn:
    """One CHAT on its way.

    Attributes:
        character_id: The avatar's character.
        event: The CHAT.
        deadline: When the answer leaves.
        request_id: API Gateway's id of the request.
        handed_over: Where the answer takes the speech from.
        session: The session as of this turn, once it has been read.
        upstream_ms: How long the OH API took, in milliseconds, once it was asked.
    """

    character_id: str
    event: ChatEvent = field(repr=False)
    deadline: Deadline
    request_id: str
    handed_over: HandOver[Speech] = field(default_factory=HandOver)
    session: Session | None = None
    upstream_ms: float | None = None

    @property
    def end(self) -> Deadline:
        """When the OH API is no longer waited for."""
        return Deadline(self.deadline.at + LATE_SECONDS)

    @property
    def fields(self) -> dict[str, object]:
        """What every log line of the turn carries."""
        number = None if self.session is None else self.session.turn
        return {"session_id": self.event.session_id, "turn": number, "request_id": self.request_id}


class Turns:
    """Answers CHATs.

    Args:
        sessions: Where sessions are kept.
        rooms: The rooms of characters and users.
        oh: The OH API.
        speaker: Has the avatar speak late.
        phrases: What the avatar says of its own accord.
        start: Runs work beside the answer, such as `LateWork.start`.
    """

    def __init__(
        self,
        sessions: TurnSessions,
        rooms: Rooms,
        oh: OhClient,
        speaker: Speaker,
        phrases: Phrases,
        start: Callable[[Callable[[], None]], None],
    ) -> None:
        self._sessions = sessions
        self._rooms = rooms
        self._oh = oh
        self._speaker = speaker
        self._phrases = phrases
        self._start = start

    def chat(self, character_id: str, event: ChatEvent, deadline: Deadline, request_id: str) -> ChatAnswer:
        """The answer to a CHAT, at the deadline at the latest, whatever DynamoDB and the OH API do.

        A session that is not known is opened from what the event carries. Trouble becomes an apology, a message that
        moderation turned down a refusal; a reply that is not there yet the filler, and is spoken later.
        """
        turn = Turn(character_id, event, deadline, request_id)
        self._start(lambda: self._work(turn))
        speech = turn.handed_over.take(deadline)
        if speech is not None:
            return ChatAnswer(session_id=event.session_id, reply=speech.text, status_message=speech.status)
        logger().info("reply is late", extra=turn.fields)
        filler = self._phrases.filler.for_locale(turn.session.locale if turn.session else None)
        return ChatAnswer(session_id=event.session_id, reply=filler, status_message="Reply follows")

    def _work(self, turn: Turn) -> None:
        speech = self._speech(turn)
        metric = speech.metric if turn.handed_over.offer(speech) else self._speak_late(turn, speech)
        latency = {} if turn.upstream_ms is None else {"UpstreamLatency": turn.upstream_ms}
        emit({metric: 1}, milliseconds=latency, dimensions={"character": turn.character_id})
        logger().info("turn finished", extra={**turn.fields, "outcome": metric, "upstream_ms": turn.upstream_ms})

    def _speech(self, turn: Turn) -> Speech:
        try:
            turn.session = self._count(turn)
            return Speech(self._ask(turn, turn.session), "OK", "RepliesInTime", "RepliesLate")
        except OhModerationError:
            phrase, status, metric = self._phrases.refusal, "Moderated", "Refusals"
        except (OhApiError, ProblemError) as error:
            logger().warning("turn failed", extra={**turn.fields, **describe(error)})
            phrase, status, metric = self._phrases.apology, "Upstream failed", "Apologies"
        except Exception as error:  # noqa: BLE001 - the boundary of this thread: no fault leaves the user in silence
            logger().error("turn crashed", extra={**turn.fields, **describe(error)})
            phrase, status, metric = self._phrases.apology, "Failed", "Apologies"
        return Speech(phrase.for_locale(turn.session.locale if turn.session else None), status, metric, metric)

    def _count(self, turn: Turn) -> Session:
        """Counts the turn, in a session that is opened where there is none."""
        session_id, character_id = turn.event.session_id, turn.character_id
        for _ in range(_OPENINGS):
            session = self._sessions.next_turn(session_id, character_id)
            if session is not None:
                return session
            user_id = turn.event.user_id or _user_of(session_id)
            self._sessions.open_unknown(Opening(session_id, character_id, user_id))
        raise UnavailableError("The session ends as often as it is opened.", code="storage_unavailable")

    def _ask(self, turn: Turn, session: Session) -> str:
        pair = (session.character_id, session.user_id)
        room_id = session.room_id or self._room(turn, session)
        try:
            return self._send(turn, room_id)
        except OhNotFoundError:
            logger().warning("room is gone", extra=turn.fields)
        # Another session of the pair may have replaced it; that room may be gone as well by now.
        stored = self._rooms.find(*pair)
        if stored is not None and stored != room_id:
            self._sessions.attach_room(session, stored)
            try:
                return self._send(turn, stored)
            except OhNotFoundError:
                room_id = stored
        room_id = self._rooms.replace(*pair, room_id, deadline=turn.end, retry_by=turn.deadline)
        self._sessions.attach_room(session, room_id)
        return self._send(turn, room_id)

    def _room(self, turn: Turn, session: Session) -> str:
        pair = (session.character_id, session.user_id)
        room_id = self._rooms.find(*pair)
        if room_id is None:
            room_id = self._rooms.create(*pair, deadline=turn.end, retry_by=turn.deadline)
        self._sessions.attach_room(session, room_id)
        return room_id

    def _send(self, turn: Turn, room_id: str) -> str:
        began = time.monotonic()
        try:
            return self._oh.send_text(room_id, turn.event.message, deadline=turn.end, retry_by=turn.deadline).content
        finally:
            turn.upstream_ms = round((turn.upstream_ms or 0.0) + (time.monotonic() - began) * 1000, 1)

    def _speak_late(self, turn: Turn, speech: Speech) -> str:
        """Has the avatar say what came late, unless nobody waits for it any more; returns the metric that counts it."""
        if not speech.text:
            return speech.late_metric
        if turn.session is None:
            return "RepliesUndeliverable"
        try:
            current = self._sessions.get(turn.session.session_id, turn.session.character_id)
            if current is None or (current.generation, current.turn) != (turn.session.generation, turn.session.turn):
                return "RepliesStale"
            self._speaker.say(current, speech.text)
        except ProblemError as problem:
            logger().warning("late reply not spoken", extra={**turn.fields, "code": problem.code, **describe(problem)})
            return "RepliesUndeliverable"
        return speech.late_metric


def _user_of(session_id: str) -> str:
    """The user of a session of which nothing but its id is known: the same for the same id."""
    # Hashed, as an id may be as long as a user id may be.
    return "session-" + hashlib.sha256(session_id.encode(errors="replace")).hexdigest()[:32]
