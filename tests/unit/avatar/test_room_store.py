"""Rooms: one for each character and user, whoever comes first."""

import json
from typing import Any

import httpx
import pytest
from botocore.exceptions import EndpointConnectionError

from avatar.room_store import RoomStore
from avatar.rooms import Rooms
from common.errors import UnavailableError
from digital_twin.deadline import Deadline
from digital_twin.oh import OhClient, OhUpstreamError
from tests.unit.avatar.doubles import OhDouble


def _soon() -> dict[str, Deadline]:
    return {"deadline": Deadline.after(60), "retry_by": Deadline.after(60)}


def test_the_first_room_stays(room_store: RoomStore) -> None:
    assert room_store.find("c1", "u1") is None
    assert room_store.keep("c1", "u1", "room-1", instead_of=None) == "room-1"
    assert room_store.keep("c1", "u1", "room-2", instead_of=None) == "room-1"
    assert room_store.find("c1", "u1") == "room-1"


def test_each_pair_has_its_own(room_store: RoomStore) -> None:
    room_store.keep("c1", "u1", "room-1", instead_of=None)
    room_store.keep("c1", "u2", "room-2", instead_of=None)
    room_store.keep("c2", "u1", "room-3", instead_of=None)
    assert [room_store.find(*pair) for pair in (("c1", "u1"), ("c1", "u2"), ("c2", "u1"))] == [
        "room-1",
        "room-2",
        "room-3",
    ]


def test_only_the_stale_room_is_replaced(room_store: RoomStore) -> None:
    room_store.keep("c1", "u1", "room-1", instead_of=None)
    assert room_store.keep("c1", "u1", "room-2", instead_of="room-1") == "room-2"
    assert room_store.keep("c1", "u1", "room-3", instead_of="room-1") == "room-2"
    assert room_store.find("c1", "u1") == "room-2"


def test_a_room_deleted_meanwhile_is_replaced_unstored(room_store: RoomStore) -> None:
    assert room_store.keep("c1", "u1", "room-2", instead_of="room-1") == "room-2"


def test_an_outage_is_told_in_the_bundles_own_words(room_store: RoomStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(**_: Any) -> Any:
        raise EndpointConnectionError(endpoint_url="https://dynamodb")

    monkeypatch.setattr(room_store._client, "get_item", unreachable)
    with pytest.raises(UnavailableError, match="rooms does not answer"):
        room_store.find("c1", "u1")


def test_the_loser_of_a_race_uses_the_winners_room(room_store: RoomStore) -> None:
    oh = OhDouble()
    rooms = Rooms(room_store, oh.client())
    room_store.keep("c1", "u1", "winner", instead_of=None)
    assert rooms.create("c1", "u1", **_soon()) == "winner"


def test_a_room_that_is_gone_is_replaced_by_a_new_one(room_store: RoomStore) -> None:
    rooms = Rooms(room_store, OhDouble().client())
    room_store.keep("c1", "u1", "gone", instead_of=None)
    assert rooms.replace("c1", "u1", "gone", **_soon()) == "room-1"
    assert rooms.find("c1", "u1") == "room-1"


def test_a_room_that_another_request_replaced_is_taken_from_there(room_store: RoomStore) -> None:
    oh = OhDouble()
    room_store.keep("c1", "u1", "newer", instead_of=None)
    assert Rooms(room_store, oh.client()).replace("c1", "u1", "gone", **_soon()) == "newer"
    assert oh.created == []


def test_a_stale_room_of_a_pair_without_one_is_replaced(room_store: RoomStore) -> None:
    rooms = Rooms(room_store, OhDouble().client())
    assert rooms.replace("c1", "u1", "gone", **_soon()) == "room-1"
    assert rooms.find("c1", "u1") == "room-1"


def test_without_the_oh_api_nothing_is_stored(room_store: RoomStore) -> None:
    rooms = Rooms(room_store, OhDouble(refuse_rooms=True).client())
    with pytest.raises(OhUpstreamError):
        rooms.create("c1", "u1", **_soon())
    assert rooms.find("c1", "u1") is None


def test_an_older_provider_that_knows_no_users_gives_a_room_all_the_same(room_store: RoomStore) -> None:
    bodies: list[dict[str, str]] = []

    def older(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        if "user_gender" not in bodies[-1]:
            return httpx.Response(400, json={"error": "user_gender is required"})
        return httpx.Response(201, json={"room_id": "room-1"})

    oh = OhClient("https://oh.test", lambda: "key", transport=httpx.MockTransport(older))
    assert Rooms(room_store, oh).create("c1", "u1", **_soon()) == "room-1"
    assert bodies[0] == {"character_id": "c1", "user_id": "u1"}
