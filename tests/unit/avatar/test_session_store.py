"""Sessions in DynamoDB: opening, renewing, counting turns, expiring, limiting, ending."""

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pydantic import SecretStr

from avatar.session import Session
from avatar.session_store import SessionStore
from common.errors import UnavailableError
from tests.unit.avatar.doubles import CALLBACK, TTL_SECONDS, SettableClock, opening


def test_a_login_opens_a_session_with_all_it_gave(sessions: SessionStore, clock: SettableClock) -> None:
    opened = sessions.log_in(opening())
    read = sessions.get("s1", "c1")
    assert read == opened
    assert (opened.user_id, opened.locale, opened.callback_url, opened.turn) == ("u1", "en-US", CALLBACK, 0)
    assert opened.auth_token is not None
    assert opened.auth_token.get_secret_value() == "token-1"
    assert opened.end_ms == int((clock.now + TTL_SECONDS) * 1000)


def test_nothing_shows_the_token(sessions: SessionStore) -> None:
    assert "token-1" not in repr(sessions.log_in(opening()))


def test_a_repeated_login_keeps_turn_and_opening_and_takes_the_new_callback(sessions: SessionStore) -> None:
    first = sessions.log_in(opening())
    sessions.next_turn("s1", "c1")
    again = sessions.log_in(
        opening(callback_url="https://eu.trulience.com/x", auth_token=SecretStr("token-2"), locale=None)
    )
    assert (again.generation, again.turn, again.created_at) == (first.generation, 1, first.created_at)
    assert again.callback_url == "https://eu.trulience.com/x"
    assert again.auth_token == SecretStr("token-2")
    assert again.locale is None


def test_a_login_of_another_user_opens_anew(sessions: SessionStore) -> None:
    first = sessions.log_in(opening())
    sessions.next_turn("s1", "c1")
    second = sessions.log_in(opening(user_id="u2"))
    assert second.generation != first.generation
    assert (second.user_id, second.turn) == ("u2", 0)


def test_two_avatars_share_no_session_of_the_same_id(sessions: SessionStore) -> None:
    sessions.log_in(opening(character_id="c1"))
    sessions.log_in(opening(character_id="c2", user_id="u2"))
    sessions.next_turn("s1", "c2")
    one, other = sessions.get("s1", "c1"), sessions.get("s1", "c2")
    assert one is not None
    assert other is not None
    assert (one.user_id, one.turn, other.user_id, other.turn) == ("u1", 0, "u2", 1)


def test_a_turn_is_counted_and_prolongs_the_session(sessions: SessionStore, clock: SettableClock) -> None:
    sessions.log_in(opening())
    clock.advance(TTL_SECONDS - 1)
    turn = sessions.next_turn("s1", "c1")
    assert turn is not None
    assert (turn.turn, turn.end_ms) == (1, int((clock.now + TTL_SECONDS) * 1000))
    clock.advance(TTL_SECONDS - 1)
    assert sessions.get("s1", "c1") is not None


def test_a_session_ends_to_the_moment(sessions: SessionStore, clock: SettableClock) -> None:
    sessions.log_in(opening())
    clock.advance(TTL_SECONDS - 0.01)
    assert sessions.get("s1", "c1") is not None
    clock.advance(0.01)
    assert sessions.get("s1", "c1") is None
    assert sessions.find("s1") is None
    assert sessions.next_turn("s1", "c1") is None


def test_a_session_that_has_expired_is_opened_anew(sessions: SessionStore, clock: SettableClock) -> None:
    first = sessions.log_in(opening())
    sessions.next_turn("s1", "c1")
    clock.advance(TTL_SECONDS)
    second = sessions.log_in(opening())
    assert second.generation != first.generation
    assert second.turn == 0


def test_the_row_may_go_only_after_its_end(sessions: SessionStore, dynamodb: Any, clock: SettableClock) -> None:
    clock.advance(0.4)
    sessions.log_in(opening())
    row = dynamodb.scan(TableName="sessions")["Items"][0]
    assert int(row["expires_at"]["N"]) == 1_800_000_000 + TTL_SECONDS + 1


def test_no_turn_of_a_session_that_is_not_there(sessions: SessionStore, dynamodb: Any) -> None:
    assert sessions.next_turn("nowhere", "c1") is None
    assert dynamodb.scan(TableName="sessions")["Count"] == 0


def test_opening_an_unknown_session_leaves_a_live_one_alone(sessions: SessionStore) -> None:
    live = sessions.log_in(opening())
    sessions.open_unknown(opening(user_id="somebody", callback_url=None, auth_token=None))
    assert sessions.get("s1", "c1") == live


def test_racing_logins_open_one_session(sessions: SessionStore) -> None:
    opened: list[Session] = []
    threads = [threading.Thread(target=lambda: opened.append(sessions.log_in(opening()))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 6
    assert len({session.generation for session in opened}) == 1


def test_racing_turns_have_distinct_numbers(sessions: SessionStore) -> None:
    sessions.log_in(opening())
    numbers: list[int] = []

    def take() -> None:
        session = sessions.next_turn("s1", "c1")
        assert session is not None
        numbers.append(session.turn)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 9))


def test_a_room_is_noted_in_its_own_opening_only(sessions: SessionStore) -> None:
    old = sessions.log_in(opening())
    sessions.end("s1", "c1")
    sessions.attach_room(old, "room-1")
    assert sessions.get("s1", "c1") is None
    new = sessions.log_in(opening())
    sessions.attach_room(old, "room-1")
    sessions.attach_room(new, "room-2")
    read = sessions.get("s1", "c1")
    assert read is not None
    assert read.room_id == "room-2"


def test_a_limit_ends_a_busy_session(sessions: SessionStore, clock: SettableClock) -> None:
    sessions.log_in(opening())
    sessions.limit("s1", "c1", 150)
    clock.advance(90)
    turn = sessions.next_turn("s1", "c1")
    assert turn is not None
    assert turn.end_ms == int((clock.now + 60) * 1000)
    clock.advance(60)
    assert sessions.get("s1", "c1") is None
    assert sessions.next_turn("s1", "c1") is None


def test_a_limit_only_shortens(sessions: SessionStore) -> None:
    sessions.log_in(opening())
    sessions.limit("s1", "c1", 30)
    sessions.limit("s1", "c1", 60)
    read = sessions.get("s1", "c1")
    assert read is not None
    assert read.end_ms == (1_800_000_000 + 30) * 1000


def test_a_limit_that_came_before_the_login_holds(sessions: SessionStore, clock: SettableClock) -> None:
    sessions.limit("s1", "c1", 30)
    assert sessions.get("s1", "c1") is None
    assert sessions.find("s1") is None
    clock.advance(10)
    assert sessions.log_in(opening()).end_ms == int((clock.now + 20) * 1000)


def test_a_limit_that_has_passed_does_not_bind_the_next_opening(sessions: SessionStore, clock: SettableClock) -> None:
    sessions.log_in(opening())
    sessions.limit("s1", "c1", 30)
    clock.advance(31)
    assert sessions.log_in(opening()).end_ms == int((clock.now + TTL_SECONDS) * 1000)


def test_a_limit_revives_no_ended_session(sessions: SessionStore, clock: SettableClock) -> None:
    sessions.log_in(opening())
    sessions.limit("s1", "c1", 30)
    clock.advance(31)
    sessions.limit("s1", "c1", 30)
    assert sessions.get("s1", "c1") is None


def test_ending_twice_is_fine(sessions: SessionStore) -> None:
    sessions.log_in(opening())
    sessions.end("s1", "c1")
    sessions.end("s1", "c1")
    assert sessions.get("s1", "c1") is None


def test_the_newest_of_several_avatars_sessions_is_found(sessions: SessionStore, clock: SettableClock) -> None:
    for character in ("c1", "c2", "c3"):
        sessions.log_in(opening(character_id=character))
        clock.advance(1)
    sessions.end("s1", "c3")
    found = sessions.find("s1")
    assert found is not None
    assert found.character_id == "c2"


@pytest.mark.parametrize("session_id", ["a/b c", "ü%2F", "x" * 256, "\U0001f600" * 256, "{}", "\x00"])
def test_any_id_is_kept(sessions: SessionStore, session_id: str) -> None:
    sessions.log_in(opening(session_id=session_id))
    found = sessions.find(session_id)
    assert found is not None
    assert found.session_id == session_id


def test_an_outage_is_told_in_the_bundles_own_words(sessions: SessionStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def throttled(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "UpdateItem")

    monkeypatch.setattr(sessions._client, "update_item", throttled)
    with pytest.raises(UnavailableError, match="sessions does not answer"):
        sessions.next_turn("s1", "c1")


def test_a_row_that_keeps_changing_is_given_up(sessions: SessionStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def changed(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}}, "PutItem")

    monkeypatch.setattr(sessions._client, "put_item", changed)
    with pytest.raises(UnavailableError, match="several requests at once"):
        sessions.log_in(opening())
