"""The switches of the simulated OH API: what they take, what they refuse, and that each fault happens as set."""

import json
import threading
import time
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import create_environ

from local.clock import Clock, Pauses
from local.oh_simulator import Switches, create_app, simulator_of
from local.oh_simulator.faults import operation_of
from local.oh_simulator.switches import Fault, SwitchBoard, SwitchError, merge
from local.servers import DRIP_HEADERS_KEY, AbortConnection

KEY = {"X-API-Key": "secret-key"}
ROOM = {"character_id": "1021", "user_id": "ann"}


@pytest.fixture
def app() -> Flask:
    return create_app(api_keys=["secret-key"])


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def set_faults(client: FlaskClient, operation: str, *faults: dict[str, Any]) -> None:
    answer = client.patch("/_simulator/switches", json={"operations": {operation: {"faults": list(faults)}}})
    assert answer.status_code == 200


def create_room(client: FlaskClient) -> Any:
    return client.post("/api/v1/rooms", json=ROOM, headers=KEY)


# Which operation, which fault, how long


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        ("/api/v1/rooms", "rooms"),
        ("/api/v1/rooms/x/texting-style", "rooms"),
        ("/api/v1/text", "text"),
        ("/api/v1/images", "images"),
        ("/api/v1/jobs/x/status", "status"),
        ("/api/v1/audio/notes", "audio"),
        ("/api/v1/customer-library", "library"),
        ("/api/v1/cam/create", "cam"),
        ("/api/v1/cam/sessions/x", "cam"),
        ("/results/x.png", "results"),
        ("/api/v1/characters", None),
        ("/", None),
    ],
)
def test_a_path_belongs_to_an_operation(path: str, operation: str | None) -> None:
    assert operation_of(path) == operation


def test_an_operations_own_faults_come_before_those_of_all() -> None:
    board = SwitchBoard(
        Switches.model_validate(
            {"operations": {"text": {"faults": [{"status": 503}]}, "*": {"faults": [{"status": 500, "times": 2}]}}}
        )
    )
    met = [board.take_fault("text"), board.take_fault("rooms"), board.take_fault("text"), board.take_fault("text")]

    assert [fault.status if fault else None for fault in met] == [503, 500, 500, None]


def test_a_fault_without_a_number_stays() -> None:
    board = SwitchBoard(Switches.model_validate({"operations": {"text": {"faults": [{"times": None}]}}}))

    assert all(board.take_fault("text") for _ in range(50))


def test_a_fault_is_met_exactly_as_often_as_set_by_racing_calls() -> None:
    board = SwitchBoard(Switches.model_validate({"operations": {"*": {"faults": [{"times": 100}]}}}))
    met: list[Fault | None] = []

    def take() -> None:
        met.extend(board.take_fault("text") for _ in range(30))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(fault is not None for fault in met) == 100


def test_latency_is_the_operations_own_or_that_of_all() -> None:
    board = SwitchBoard()
    board.change({"operations": {"*": {"latency_seconds": 2}, "text": {"latency_seconds": 0}}})

    assert (board.latency("text"), board.latency("images")) == (0, 2)


# What switches may be


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ([], "object"),
        ({"colour": 1}, "colour"),
        ({"operations": {"songs": {}}}, "operations.songs"),
        ({"operations": {"text": {"latency_seconds": -1}}}, "operations.text.latency_seconds"),
        ({"operations": {"text": {"faults": [{"status": 200}]}}}, "operations.text.faults.0.status"),
        ({"operations": {"text": {"faults": [{"times": 0}]}}}, "times"),
        ({"operations": {"text": {"faults": [{"kind": "drip", "after_processing": True}]}}}, "after_processing"),
        ({"operations": {"text": {"faults": [{"kind": "reset", "retry_after": 1}]}}}, "retry_after"),
        ({"operations": {"text": {"faults": [{"retry_after": "1\r\nX: y"}]}}}, "retry_after"),
        ({"jobs": {"outcome": "maybe"}}, "jobs.outcome"),
        ({"results": {"dead_status": 200}}, "results.dead_status"),
        ({"dialect": {"envelope": "box"}}, "dialect.envelope"),
        ({"moderation": {"triggers": [""]}}, "moderation.triggers.0"),
    ],
)
def test_switches_that_cannot_be_are_refused_with_the_place(client: FlaskClient, change: Any, names: str) -> None:
    before = client.get("/_simulator/switches").get_json()
    answer = client.patch("/_simulator/switches", json=change)

    assert answer.status_code == 400
    assert names in answer.get_json()["error"]
    assert client.get("/_simulator/switches").get_json() == before


def test_put_sets_all_switches_and_patch_only_the_named(client: FlaskClient) -> None:
    client.patch("/_simulator/switches", json={"jobs": {"outcome": "never"}})
    patched = client.patch("/_simulator/switches", json={"jobs": {"early_link": False}}).get_json()
    put = client.put("/_simulator/switches", json={"jobs": {"early_link": False}}).get_json()

    assert (patched["jobs"]["outcome"], patched["jobs"]["early_link"]) == ("never", False)
    assert (put["jobs"]["outcome"], put["jobs"]["early_link"]) == ("completed", False)


def test_null_in_a_patch_goes_back_to_the_default(client: FlaskClient) -> None:
    client.patch("/_simulator/switches", json={"jobs": {"outcome": "never"}, "cam_enabled": False})
    answer = client.patch("/_simulator/switches", json={"jobs": None, "cam_enabled": None}).get_json()

    assert (answer["jobs"]["outcome"], answer["cam_enabled"]) == ("completed", True)


NAMES = st.sampled_from(["a", "b", "text", "times"])
JSON_OBJECTS = st.dictionaries(
    NAMES,
    st.recursive(
        st.integers() | st.text(max_size=3), lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=4
    ),
    max_size=3,
)


@settings(max_examples=60, deadline=None)
@given(current=JSON_OBJECTS, change=JSON_OBJECTS)
def test_merging_twice_is_merging_once_and_keeps_the_rest(current: dict[str, Any], change: dict[str, Any]) -> None:
    once = merge(current, change)

    assert merge(once, change) == once
    assert all(once[key] == value for key, value in current.items() if key not in change)


@settings(max_examples=60, deadline=None)
@given(data=st.dictionaries(st.sampled_from(sorted(Switches.model_fields)), JSON_OBJECTS))
def test_any_data_is_taken_or_refused_with_a_sentence(data: dict[str, Any]) -> None:
    board = SwitchBoard()
    refusal = ""
    try:
        board.change(data)
    except SwitchError as error:
        refusal = str(error)

    assert refusal.startswith("These switches cannot be set: ") or not refusal
    assert not refusal or board.read() == Switches()


# What faults do


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_an_error_status_with_retry_after_happens_the_set_number_of_times(client: FlaskClient, status: int) -> None:
    set_faults(client, "rooms", {"status": status, "times": 2, "retry_after": 3, "message": "Not now"})
    answers = [create_room(client) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [status, status, 201]
    assert [answer.headers.get("Retry-After") for answer in answers] == ["3", "3", None]
    assert answers[0].get_json() == {"error": "Not now"}


@pytest.mark.parametrize(
    ("body", "mimetype"),
    [("error", "application/json"), ("message", "application/json"), ("html", "text/html"), ("empty", None)],
)
def test_the_body_of_an_error_can_be_chosen(client: FlaskClient, body: str, mimetype: str | None) -> None:
    set_faults(client, "rooms", {"status": 502, "body": body})

    assert create_room(client).mimetype == mimetype


def test_a_fault_of_one_operation_leaves_the_others(client: FlaskClient) -> None:
    set_faults(client, "images", {"times": None})

    assert create_room(client).status_code == 201


@pytest.mark.parametrize("fault", [{"kind": "reset"}, {"kind": "hang", "seconds": 0.01}])
def test_a_broken_connection_is_asked_of_the_server(client: FlaskClient, fault: dict[str, Any]) -> None:
    set_faults(client, "rooms", fault)

    with pytest.raises(AbortConnection) as broken:
        create_room(client)
    assert broken.value.reset
    assert create_room(client).status_code == 201


@pytest.mark.parametrize(("after_processing", "rooms"), [(False, 0), (True, 1)])
def test_a_call_may_take_effect_although_its_answer_is_lost(
    client: FlaskClient, after_processing: bool, rooms: int
) -> None:
    set_faults(client, "rooms", {"status": 504, "after_processing": after_processing})

    assert create_room(client).status_code == 504
    assert len(client.get("/_simulator/rooms").get_json()["rooms"]) == rooms


def test_a_dripped_body_comes_in_single_bytes(client: FlaskClient) -> None:
    set_faults(client, "rooms", {"kind": "drip", "byte_seconds": 0.0001})
    pieces = list(create_room(client).iter_encoded())

    assert {len(piece) for piece in pieces} == {1}
    assert "room_id" in json.loads(b"".join(pieces))


def test_dripped_headers_are_asked_of_the_server(app: Flask) -> None:
    client = app.test_client()
    set_faults(client, "library", {"kind": "drip", "part": "headers", "byte_seconds": 0.2})
    environ = create_environ("/api/v1/customer-library", headers=KEY)
    status: list[str] = []
    body = b"".join(app.wsgi_app(environ, lambda line, *_: status.append(line)))

    assert (status, json.loads(body)["success"]) == (["200 OK"], True)
    assert environ[DRIP_HEADERS_KEY] == 0.2


def test_latency_delays_an_answer(client: FlaskClient) -> None:
    client.patch("/_simulator/switches", json={"operations": {"rooms": {"latency_seconds": 0.15}}})
    begin = time.monotonic()

    assert create_room(client).status_code == 201
    assert time.monotonic() - begin >= 0.15


def test_a_hanging_call_can_be_released(app: Flask) -> None:
    client = app.test_client()
    set_faults(client, "rooms", {"kind": "hang"})
    ended = threading.Event()

    def hang() -> None:
        with pytest.raises(AbortConnection):
            create_room(app.test_client())
        ended.set()

    thread = threading.Thread(target=hang)
    thread.start()
    end = time.monotonic() + 5
    while simulator_of(app).pauses.waiting == 0 and time.monotonic() < end:
        time.sleep(0.005)

    assert client.post("/_simulator/release").get_json() == {"released": 1}
    thread.join(5)
    assert ended.is_set()


def test_a_release_leaves_plain_latency_alone() -> None:
    pauses = Pauses()
    timer = threading.Timer(0.03, pauses.release)
    timer.start()
    begin = time.monotonic()

    assert pauses.wait(0.15, {})
    assert time.monotonic() - begin >= 0.15


# The console


def test_requests_are_recorded_without_their_keys(app: Flask) -> None:
    client = app.test_client()
    set_faults(client, "library", {"status": 503})
    create_room(client)
    client.get("/api/v1/customer-library", headers=KEY)
    client.get("/nothing", headers=KEY)
    answer = client.get("/_simulator/requests")
    recorded = answer.get_json()["requests"]

    assert [(entry["operation"], entry["method"], entry["path"], entry["status"]) for entry in recorded] == [
        ("rooms", "POST", "/api/v1/rooms", 201),
        ("library", "GET", "/api/v1/customer-library", 503),
        ("unknown", "GET", "/nothing", 403),
    ]
    assert recorded[0]["body"] == ROOM
    assert recorded[1]["fault"] == "status 503"
    assert recorded[0]["monotonic"] <= recorded[1]["monotonic"]
    assert "secret-key" not in answer.text


def test_recorded_requests_can_be_narrowed(client: FlaskClient) -> None:
    for _ in range(3):
        create_room(client)
    client.get("/api/v1/customer-library", headers=KEY)
    rooms = client.get("/_simulator/requests?operation=rooms&limit=2").get_json()["requests"]

    assert [entry["operation"] for entry in rooms] == ["rooms", "rooms"]
    assert client.get("/_simulator/requests?limit=0").get_json()["requests"] == []


def test_reset_goes_back_to_the_switches_of_the_start() -> None:
    start = Switches.model_validate({"jobs": {"seconds_to_complete": 0}})
    client = create_app(api_keys=["secret-key"], switches=start).test_client()
    create_room(client)
    client.post("/api/v1/images", json={"character_id": "1", "prompt": "x"}, headers=KEY)
    client.put("/_simulator/switches", json={"jobs": {"outcome": "never"}})

    assert client.post("/_simulator/reset").status_code == 200
    assert client.get("/_simulator/switches").get_json() == start.model_dump(mode="json")
    assert [client.get(f"/_simulator/{part}").get_json()[part] for part in ("rooms", "jobs", "requests")] == [[]] * 3


def test_keys_can_be_rotated_and_are_not_shown(client: FlaskClient) -> None:
    answer = client.put("/_simulator/api-keys", json={"api_keys": ["fresh"]})

    assert (answer.status_code, answer.get_json()) == (200, {"accepted": 1})
    assert create_room(client).status_code == 401
    assert client.get("/api/v1/customer-library", headers={"X-API-Key": "fresh"}).status_code == 200
    assert client.put("/_simulator/api-keys", json={"api_keys": [7]}).status_code == 400


def test_the_page_is_self_contained(client: FlaskClient) -> None:
    page = client.get("/_simulator")

    assert (page.status_code, page.mimetype) == (200, "text/html")
    assert not any(outside in page.text for outside in ("http://", "https://", "src=", "@import"))


def test_the_page_offers_every_switch(client: FlaskClient) -> None:
    page = client.get("/_simulator").text
    groups = {name: field for name, field in Switches().model_dump().items() if isinstance(field, dict) and field}
    names = [name for group in groups.values() for name in group] + list(Switches.model_fields)

    assert [name for name in (*names, *Fault.model_fields) if name not in page and name != "message"] == []


def test_the_clock_of_records_is_utc() -> None:
    assert Clock(wall=lambda: 0.0).iso() == "1970-01-01T00:00:00.000Z"
