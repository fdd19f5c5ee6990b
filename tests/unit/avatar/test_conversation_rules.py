"""LOGIN, LOGOUT and the platform's session events."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from avatar.conversation import Conversation
from avatar.late_reply import LateWork
from avatar.room_store import RoomStore
from avatar.rooms import Rooms
from avatar.session_store import SessionStore
from common.errors import InvalidInputError, UnavailableError
from digital_twin.deadline import Deadline
from digital_twin.trulience import LoginEvent, LogoutEvent, SessionWebhookEvent
from tests.unit.avatar.doubles import CALLBACK, PHRASES, CallbackDouble, OhDouble, SettableClock

Converse = Callable[[OhDouble], Conversation]


@pytest.fixture
def late_work() -> LateWork:
    return LateWork()


@pytest.fixture
def converse(sessions: SessionStore, room_store: RoomStore, late_work: LateWork) -> Converse:
    def build(oh: OhDouble) -> Conversation:
        rooms = Rooms(room_store, oh.client())
        return Conversation(sessions, rooms, CallbackDouble().speaker(), PHRASES, late_work.start)

    return build


def login(user_id: str = "u1", session_id: str = "s1", **changes: Any) -> LoginEvent:
    values = {"auth_token": "token-1", "callback_url": CALLBACK, "locale": "de-AT"} | changes
    return LoginEvent(session_id=session_id, user_id=user_id, **values)


def _log_in(conversation: Conversation, event: LoginEvent, seconds: float = 10) -> str:
    return conversation.log_in("c1", event, Deadline.after(seconds), "request-1").status_message


def test_a_new_user_is_greeted_in_their_language_and_gets_a_room(
    converse: Converse, sessions: SessionStore, room_store: RoomStore
) -> None:
    assert _log_in(converse(OhDouble()), login()) == "Hallo."
    session = sessions.get("s1", "c1")
    assert session is not None
    assert session.room_id == room_store.find("c1", "u1") == "room-1"


def test_a_returning_user_is_greeted_as_one_and_keeps_the_room(converse: Converse, sessions: SessionStore) -> None:
    oh = OhDouble()
    conversation = converse(oh)
    _log_in(conversation, login())
    assert _log_in(conversation, login(session_id="s2")) == "Welcome back."
    session = sessions.get("s2", "c1")
    assert session is not None
    assert session.room_id == "room-1"
    assert oh.created == ["room-1"]


def test_ten_racing_logins_end_with_one_room(converse: Converse, sessions: SessionStore, room_store: RoomStore) -> None:
    conversation = converse(OhDouble())
    threads = [
        threading.Thread(target=_log_in, args=(conversation, login(session_id=f"s{number}"))) for number in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    opened = [sessions.get(f"s{number}", "c1") for number in range(10)]
    assert {session.room_id for session in opened if session} == {room_store.find("c1", "u1")}


def test_without_the_oh_api_the_session_is_opened_all_the_same(converse: Converse, sessions: SessionStore) -> None:
    assert _log_in(converse(OhDouble(refuse_rooms=True)), login()) == "Hallo."
    session = sessions.get("s1", "c1")
    assert session is not None
    assert session.room_id is None


def test_a_room_that_takes_too_long_is_there_later(
    converse: Converse, sessions: SessionStore, late_work: LateWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    oh, go = OhDouble(), threading.Event()
    create = oh._create_room
    monkeypatch.setattr(oh, "_create_room", lambda body: (go.wait(5), create(body))[1])
    assert _log_in(converse(oh), login(), seconds=0.2) == "Hallo."
    session = sessions.get("s1", "c1")
    assert session is not None
    assert session.room_id is None
    go.set()
    assert late_work.wait(5)
    session = sessions.get("s1", "c1")
    assert session is not None
    assert session.room_id == "room-1"


def test_a_forbidden_callback_stores_nothing(converse: Converse, dynamodb: Any) -> None:
    oh = OhDouble()
    with pytest.raises(InvalidInputError):
        _log_in(converse(oh), login(callback_url="https://evil.example/x"))
    assert dynamodb.scan(TableName="sessions")["Count"] == 0
    assert oh.created == []


def test_a_session_that_cannot_be_stored_is_said_so(
    converse: Converse, sessions: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_opening: Any) -> Any:
        raise UnavailableError("The table of sessions does not answer.")

    monkeypatch.setattr(sessions, "log_in", fail)
    with pytest.raises(UnavailableError):
        _log_in(converse(OhDouble()), login())


def test_a_fault_of_ours_is_raised_where_it_can_be_answered(
    converse: Converse, sessions: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_opening: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(sessions, "log_in", fail)
    with pytest.raises(ZeroDivisionError):
        _log_in(converse(OhDouble()), login())


def test_a_logout_ends_the_session_and_keeps_the_room_and_may_come_twice(
    converse: Converse, sessions: SessionStore, room_store: RoomStore
) -> None:
    conversation = converse(OhDouble())
    _log_in(conversation, login())
    for _ in range(2):
        assert conversation.log_out("c1", LogoutEvent(session_id="s1")).status == "OK"
    assert sessions.get("s1", "c1") is None
    assert room_store.find("c1", "u1") == "room-1"


def test_a_disconnect_ends_the_session_of_this_avatar_only(converse: Converse, sessions: SessionStore) -> None:
    conversation = converse(OhDouble())
    _log_in(conversation, login())
    conversation.platform_event("c2", SessionWebhookEvent(event_type="session.disconnect", session_id="s1"))
    assert sessions.get("s1", "c1") is not None
    conversation.platform_event("c1", SessionWebhookEvent(event_type="session.disconnect", session_id="s1"))
    assert sessions.get("s1", "c1") is None


def test_a_connect_shortens_the_sessions_life(converse: Converse, sessions: SessionStore, clock: SettableClock) -> None:
    conversation = converse(OhDouble())
    _log_in(conversation, login())
    connect = SessionWebhookEvent(event_type="session.connect", session_id="s1", max_session_duration=30)
    assert conversation.platform_event("c1", connect).status == "OK"
    clock.advance(30)
    assert sessions.get("s1", "c1") is None


def test_a_connect_without_a_limit_changes_nothing(converse: Converse, dynamodb: Any) -> None:
    connect = SessionWebhookEvent(event_type="session.connect", session_id="s1")
    assert converse(OhDouble()).platform_event("c1", connect).status == "OK"
    assert dynamodb.scan(TableName="sessions")["Count"] == 0
