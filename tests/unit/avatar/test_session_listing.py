"""Listing an avatar's sessions: newest first, live ones only, page by page."""

from typing import Any

import pytest

from avatar.session_listing import Place, SessionListing
from avatar.session_store import SessionStore
from common.errors import UnavailableError
from tests.unit.avatar.doubles import TTL_SECONDS, SettableClock, opening


def _open(sessions: SessionStore, clock: SettableClock, count: int, character: str = "c1") -> list[str]:
    ids = [f"{character}-{number}" for number in range(count)]
    for session_id in ids:
        clock.advance(1)
        sessions.log_in(opening(session_id=session_id, character_id=character))
    return ids


def _walk(listing: SessionListing, character: str, limit: int) -> list[list[str]]:
    pages: list[list[str]] = []
    after: Place | None = None
    for _ in range(50):
        found, after = listing.page(character, limit, after)
        pages.append([session.session_id for session in found])
        if after is None:
            return pages
    raise AssertionError("the listing does not end")


def test_newest_first_and_of_this_avatar_only(
    sessions: SessionStore, listing: SessionListing, clock: SettableClock
) -> None:
    ids = _open(sessions, clock, 3)
    _open(sessions, clock, 2, "c2")
    assert _walk(listing, "c1", 10) == [ids[::-1]]


def test_no_sessions(listing: SessionListing) -> None:
    assert listing.page("c1", 10, None) == ([], None)


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 7])
def test_pages_hold_each_session_once(
    sessions: SessionStore, listing: SessionListing, clock: SettableClock, limit: int
) -> None:
    ids = _open(sessions, clock, 5)
    pages = _walk(listing, "c1", limit)
    assert [session_id for page in pages for session_id in page] == ids[::-1]
    assert all(len(page) == limit for page in pages[:-1])


def test_expired_sessions_are_left_out_and_pages_still_filled(
    sessions: SessionStore, listing: SessionListing, clock: SettableClock
) -> None:
    _open(sessions, clock, 3)
    clock.advance(TTL_SECONDS - 5)
    late = [f"late-{number}" for number in range(2)]
    for session_id in late:
        sessions.log_in(opening(session_id=session_id))
    sessions.next_turn("c1-0", "c1")
    clock.advance(10)
    found, following = listing.page("c1", 3, None)
    assert {session.session_id for session in found} == {"c1-0", *late}
    assert found[-1].session_id == "c1-0"
    assert following is None


def test_a_session_that_was_opened_anew_is_listed_once(
    sessions: SessionStore, listing: SessionListing, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    _open(sessions, clock, 2)
    query = listing._client.query

    def lagging(**request: Any) -> Any:
        answer = query(**request)
        old = {**answer["Items"][0], "created_at": {"S": "2020-01-01T00:00:00.000000+00:00"}}
        return {**answer, "Items": [*answer["Items"], old]}

    monkeypatch.setattr(listing._client, "query", lagging)
    found, _ = listing.page("c1", 10, None)
    assert [session.session_id for session in found] == ["c1-1", "c1-0"]


def test_a_sea_of_ended_sessions_ends_the_page_not_the_listing(
    sessions: SessionStore, listing: SessionListing, clock: SettableClock
) -> None:
    sessions.log_in(opening(session_id="oldest"))
    _open(sessions, clock, 12)
    clock.advance(TTL_SECONDS - 20)
    sessions.next_turn("oldest", "c1")
    clock.advance(50)
    first, following = listing.page("c1", 1, None)
    assert first == []
    assert following is not None
    second, following = listing.page("c1", 1, following)
    assert [session.session_id for session in second] == ["oldest"]
    assert following is None


def test_keys_left_unprocessed_are_asked_for_again(
    sessions: SessionStore, listing: SessionListing, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = _open(sessions, clock, 2)
    batch, calls = listing._client.batch_get_item, []

    def partial(RequestItems: Any) -> Any:  # noqa: N803 - boto3's name
        calls.append(RequestItems)
        keys = RequestItems["sessions"]["Keys"]
        answer = batch(RequestItems={"sessions": {"Keys": keys[:1]}})
        rest = {"sessions": {"Keys": keys[1:]}} if keys[1:] else {}
        return {**answer, "UnprocessedKeys": rest}

    monkeypatch.setattr(listing._client, "batch_get_item", partial)
    assert _walk(listing, "c1", 10) == [ids[::-1]]
    assert len(calls) == 2


def test_a_table_that_stays_too_busy_is_said_so(
    sessions: SessionStore, listing: SessionListing, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    _open(sessions, clock, 1)
    calls = []

    def nothing(RequestItems: Any) -> Any:  # noqa: N803 - boto3's name
        calls.append(RequestItems)
        return {"Responses": {}, "UnprocessedKeys": RequestItems}

    monkeypatch.setattr(listing._client, "batch_get_item", nothing)
    with pytest.raises(UnavailableError, match="too busy"):
        listing.page("c1", 10, None)
    assert len(calls) == 4
