"""Speaking unasked: to allowed callbacks only, repeated where that may help, and honest about the outcome."""

import pytest

from avatar.session import Session
from avatar.session_store import SessionStore
from common.errors import BadGatewayError, ConflictError, InvalidInputError
from tests.unit.avatar.doubles import CallbackDouble, opening


@pytest.fixture
def session(sessions: SessionStore) -> Session:
    return sessions.log_in(opening())


def test_a_message_reaches_the_callback_with_the_sessions_token(session: Session) -> None:
    callback = CallbackDouble()
    callback.speaker().say(session, 'Look! <trl-break duration="1.0" />')
    assert callback.spoken == [("s1", 'Look! <trl-break duration="1.0" />')]
    assert callback.tokens == ["Bearer token-1"]


@pytest.mark.parametrize("trouble", [[500], [503, 502], [0], [0, 0]])
def test_what_may_heal_is_repeated_twice(session: Session, trouble: list[int]) -> None:
    callback = CallbackDouble(statuses=list(trouble))
    callback.speaker().say(session, "hello")
    assert callback.spoken == [("s1", "hello")]
    assert callback.calls == len(trouble) + 1


@pytest.mark.parametrize(
    ("statuses", "code", "calls"),
    [
        ([500, 500, 500], "trulience_refused", 3),
        ([0, 0, 0], "trulience_unreachable", 3),
        ([401], "trulience_refused", 1),
        ([302], "trulience_refused", 1),
        ([404], "trulience_refused", 1),
    ],
)
def test_failure_is_told(session: Session, statuses: list[int], code: str, calls: int) -> None:
    callback = CallbackDouble(statuses=statuses)
    with pytest.raises(BadGatewayError) as failure:
        callback.speaker().say(session, "hello")
    assert failure.value.code == code
    assert callback.calls == calls
    assert "token-1" not in str(failure.value)


def test_a_session_without_callback_cannot_be_spoken_to(sessions: SessionStore) -> None:
    sessions.open_unknown(opening(callback_url=None, auth_token=None))
    session = sessions.get("s1", "c1")
    assert session is not None
    with pytest.raises(ConflictError) as refusal:
        CallbackDouble().speaker().say(session, "hello")
    assert refusal.value.code == "no_callback"


def test_a_callback_that_is_no_longer_allowed_gets_no_token(session: Session) -> None:
    callback = CallbackDouble()
    with pytest.raises(ConflictError):
        callback.speaker("elsewhere.example").say(session, "hello")
    assert callback.calls == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://trulience.com/x",
        "https://trulience.com.evil.example/x",
        "https://eviltrulience.com/x",
        "https://user@trulience.com/x",
        "https://trulience.com:8443/x",
        "https://127.0.0.1/x",
        "ftp://trulience.com/x",
        "nonsense",
    ],
)
def test_a_login_may_not_name_it(url: str) -> None:
    with pytest.raises(InvalidInputError, match=r"https on trulience\.com"):
        CallbackDouble().speaker().require_allowed(url)


@pytest.mark.parametrize(
    "url", ["https://trulience.com/x", "https://eu.trulience.com/x?y=1", "https://trulience.com:443"]
)
def test_a_login_may_name_it(url: str) -> None:
    CallbackDouble().speaker().require_allowed(url)
