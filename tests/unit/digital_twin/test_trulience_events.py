import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_twin.trulience import (
    ChatEvent,
    EventError,
    LoginEvent,
    LogoutEvent,
    parse_event,
    parse_session_event,
)

EVENTS = Path(__file__).parents[3] / "events" / "trulience"
LOGIN = json.loads((EVENTS / "login.json").read_text())
CHAT = json.loads((EVENTS / "chat.json").read_text())
LOGOUT = json.loads((EVENTS / "logout.json").read_text())
CONNECT = json.loads((EVENTS / "session_connect.json").read_text())


def raw(event: dict, **changes: object) -> bytes:
    return json.dumps({key: value for key, value in {**event, **changes}.items() if value is not ...}).encode()


def test_reads_a_login():
    event = parse_event((EVENTS / "login.json").read_bytes())
    assert isinstance(event, LoginEvent)
    assert event.session_id == LOGIN["sessionId"]
    assert event.user_id == LOGIN["userId"]
    assert event.locale == "en-US"
    assert event.last_seen == LOGIN["lastSeen"]
    assert event.auth_token.get_secret_value() == LOGIN["authToken"]
    assert event.callback_url == "https://trulience.com/tglisten"


def test_a_new_user_was_never_seen():
    event = parse_event((EVENTS / "login_new_user.json").read_bytes())
    assert isinstance(event, LoginEvent)
    assert event.last_seen is None


@pytest.mark.parametrize("missing", [..., None])
def test_a_login_needs_neither_locale_nor_last_seen(missing):
    event = parse_event(raw(LOGIN, locale=missing, lastSeen=missing))
    assert isinstance(event, LoginEvent)
    assert (event.locale, event.last_seen) == (None, None)


def test_reads_a_chat():
    event = parse_event((EVENTS / "chat.json").read_bytes())
    assert isinstance(event, ChatEvent)
    assert (event.message, event.user_id) == (CHAT["message"], CHAT["userId"])


@pytest.mark.parametrize("missing", [..., None, ""])
def test_only_a_login_needs_the_user(missing):
    chat, logout = parse_event(raw(CHAT, userId=missing)), parse_event(raw(LOGOUT, userId=missing))
    assert isinstance(chat, ChatEvent)
    assert isinstance(logout, LogoutEvent)
    assert chat.user_id is None
    assert logout.user_id is None


def test_reads_text_as_well_as_bytes_and_ignores_what_it_does_not_know():
    body = raw(CHAT, mood="happy", message="  Grüß dich 👋 <trl-x/> ", authToken=7).decode()
    event = parse_event(body)
    assert isinstance(event, ChatEvent)
    assert event.message == "  Grüß dich 👋 <trl-x/> "


@pytest.mark.parametrize("session_id", ["x", "a b/ü?#👋", "y" * 256])
def test_a_session_id_may_be_any_short_string(session_id):
    assert parse_event(raw(LOGOUT, sessionId=session_id)).session_id == session_id


@pytest.mark.parametrize(
    ("event", "changes", "field", "sentence"),
    [
        (LOGIN, {"action": ...}, "action", "The field action is missing: it must be one of LOGIN, CHAT and LOGOUT."),
        (LOGIN, {"action": "DANCE"}, "action", "The field action is not acceptable: "),
        (LOGIN, {"action": "login"}, "action", "The field action is not acceptable: "),
        (LOGIN, {"action": None}, "action", "The field action is "),
        (LOGIN, {"action": ["LOGIN"]}, "action", "The field action is not acceptable: "),
        (LOGIN, {"sessionId": ...}, "sessionId", "missing: it must be a string of 1 to 256 characters."),
        (LOGIN, {"sessionId": None}, "sessionId", "not acceptable"),
        (LOGIN, {"sessionId": ""}, "sessionId", "not acceptable"),
        (LOGIN, {"sessionId": 42}, "sessionId", "not acceptable"),
        (CHAT, {"sessionId": "x" * 257}, "sessionId", "not acceptable"),
        (LOGIN, {"userId": ...}, "userId", "missing"),
        (LOGIN, {"userId": ""}, "userId", "not acceptable"),
        (LOGIN, {"userId": 42}, "userId", "not acceptable"),
        (CHAT, {"userId": {"id": 1}}, "userId", "not acceptable"),
        (LOGIN, {"authToken": ...}, "authToken", "missing"),
        (LOGIN, {"authToken": ""}, "authToken", "not acceptable"),
        (LOGIN, {"authToken": ["t"]}, "authToken", "not acceptable"),
        (LOGIN, {"callbackUrl": ...}, "callbackUrl", "missing"),
        (LOGIN, {"callbackUrl": 1}, "callbackUrl", "not acceptable: it must be a URL"),
        (LOGIN, {"locale": 7}, "locale", "not acceptable: it must be a string."),
        (LOGIN, {"lastSeen": []}, "lastSeen", "not acceptable"),
        (CHAT, {"message": ...}, "message", "missing"),
        (CHAT, {"message": None}, "message", "not acceptable"),
        (CHAT, {"message": "  \n"}, "message", "not acceptable: it must be a string that is not blank."),
        (CHAT, {"message": {"text": "hi"}}, "message", "not acceptable"),
    ],
)
def test_says_what_is_wrong(event, changes, field, sentence):
    with pytest.raises(EventError) as caught:
        parse_event(raw(event, **changes))
    assert caught.value.field == field
    assert sentence in caught.value.sentence
    assert str(caught.value) == caught.value.sentence


def test_gives_the_session_of_a_broken_event_where_it_can_be_read():
    with pytest.raises(EventError) as caught:
        parse_event(raw(CHAT, message=...))
    assert caught.value.session_id == CHAT["sessionId"]
    for unreadable in (42, "", "x" * 257, None, ...):
        with pytest.raises(EventError) as caught:
            parse_event(raw(CHAT, sessionId=unreadable))
        assert caught.value.session_id is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        "",
        b"null",
        b"[]",
        b'"LOGIN"',
        b"17",
        b"{",
        b"action=LOGIN",
        b"\xff\xfe{\x00}\x00",
        b'{"action": "CHAT", "sessionId": "s", "message": "\\ud83d"}',
        b'{"action": "CHAT", "sessionId": "\\udc00", "message": "m"}',
        '{"action": "CHAT", "sessionId": "\ud800", "message": "m"}',
        b'{"action": "CHAT", "sessionId": "s", "message": "m", "x": NaN}',
        b'{"action": "CHAT", "sessionId": "s", "message": "m", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
@pytest.mark.parametrize("parse", [parse_event, parse_session_event])
def test_what_is_no_json_object_is_said_to_be_none(body, parse):
    with pytest.raises(EventError, match="JSON"):
        parse(body)


@pytest.mark.parametrize("changes", [{"callbackUrl": 5}, {"locale": 5}, {"userId": 5}, {"action": "secret-action"}])
def test_no_sentence_repeats_what_was_sent(changes):
    body = raw({**LOGIN, "message": "words of the user"}, **changes)
    with pytest.raises(EventError) as caught:
        parse_event(body)
    assert LOGIN["authToken"] not in caught.value.sentence
    assert "secret-action" not in caught.value.sentence
    assert caught.value.__context__ is None  # pydantic's error would hold the event.


def test_events_show_neither_token_nor_message():
    login, chat = parse_event(raw(LOGIN)), parse_event(raw(CHAT))
    assert LOGIN["authToken"] not in repr(login) + str(login) + login.model_dump_json()
    assert CHAT["message"] not in repr(chat) + str(chat)


def test_reads_the_beginning_and_the_end_of_a_session():
    connect = parse_session_event((EVENTS / "session_connect.json").read_bytes())
    assert (connect.event_type, connect.max_session_duration) == ("session.connect", 1800)
    assert connect.timestamp is not None
    assert connect.timestamp.isoformat() == "2026-08-14T09:25:02.114000+00:00"
    disconnect = parse_session_event((EVENTS / "session_disconnect.json").read_bytes())
    assert (disconnect.event_type, disconnect.max_session_duration) == ("session.disconnect", None)
    assert disconnect.session_id == CONNECT["session_id"]


def test_a_session_event_needs_little():
    event = parse_session_event(b'{"event_type": "session.disconnect", "session_id": "s", "avatar_id": 7, "x": 1}')
    assert (event.avatar_id, event.customer_id, event.timestamp) == ("7", None, None)


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"event_type": ...}, "event_type", "missing: it must be session.connect or session.disconnect."),
        ({"event_type": "session.pause"}, "event_type", "not acceptable"),
        ({"session_id": ...}, "session_id", "missing"),
        ({"session_id": 9}, "session_id", "not acceptable"),
        ({"session_id": ""}, "session_id", "not acceptable"),
        ({"timestamp": "yesterday"}, "timestamp", "ISO 8601"),
        ({"max_session_duration": -1}, "max_session_duration", "seconds"),
        ({"max_session_duration": "long"}, "max_session_duration", "seconds"),
        ({"avatar_id": []}, "avatar_id", "not acceptable"),
    ],
)
def test_says_what_is_wrong_with_a_session_event(changes, field, sentence):
    with pytest.raises(EventError) as caught:
        parse_session_event(raw(CONNECT, **changes))
    assert caught.value.field == field
    assert sentence in caught.value.sentence


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from([*LOGIN, *CONNECT, "message"])
nearly_events = st.dictionaries(names, values, max_size=9).flatmap(
    lambda fields: st.sampled_from(
        [{}, {"action": "LOGIN"}, {"action": "CHAT"}, {"action": "LOGOUT"}, LOGIN, CHAT, CONNECT]
    ).map(lambda base: {**base, **fields})
)


def read(parse, body):
    """The event, or the error if it is the one kind of error there may be."""
    try:
        return parse(body)
    except EventError as error:
        return error


@given(st.binary(max_size=80) | st.text(max_size=80))
def test_no_body_raises_anything_else(body):
    for parse in (parse_event, parse_session_event):
        assert str(read(parse, body)).endswith(".")


@given(nearly_events)
def test_no_object_raises_anything_else(fields):
    for parse in (parse_event, parse_session_event):
        outcome = read(parse, json.dumps(fields))
        if not isinstance(outcome, EventError):
            assert 1 <= len(outcome.session_id) <= 256
