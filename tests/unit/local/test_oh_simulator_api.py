"""The simulated OH API: every operation answers as the API's documentation says, in every dialect."""

import json
import re
import time
import wave
from io import BytesIO
from typing import Any

import httpx
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from local.oh_simulator import create_app, simulator_of

KEY = {"X-API-Key": "secret-key"}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Webhook:
    """Takes what the simulator sends to a registered webhook."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(200)


@pytest.fixture
def webhook() -> Webhook:
    return Webhook()


@pytest.fixture
def app(webhook: Webhook) -> Flask:
    return create_app(
        api_keys=["secret-key", "next-key"], webhook_token="bearer", webhook_transport=httpx.MockTransport(webhook)
    )


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def switch(client: FlaskClient, **switches: Any) -> None:
    assert client.patch("/_simulator/switches", json=switches).status_code == 200


def new_room(client: FlaskClient, character_id: str = "1021", user_id: str = "ann", **more: str) -> str:
    answer = client.post("/api/v1/rooms", json={"character_id": character_id, "user_id": user_id, **more}, headers=KEY)
    assert answer.status_code == 201
    return str(answer.get_json()["room_id"])


def say(client: FlaskClient, room_id: str, message: str) -> str:
    answer = client.post("/api/v1/text", json={"room_id": room_id, "message": message}, headers=KEY)
    assert answer.status_code == 200
    return str(answer.get_json()["content"])


# Keys and paths


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "wrong"}, {"X-API-Key": ""}])
def test_without_a_known_key_every_call_is_401(client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.get("/api/v1/customer-library", headers=headers)

    assert answer.status_code == 401
    assert set(answer.get_json()) == {"error"}


def test_a_second_key_is_accepted_while_one_is_rotated(client: FlaskClient) -> None:
    assert client.get("/api/v1/customer-library", headers={"X-API-Key": "next-key"}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/v1/characters"), ("GET", "/api/v1/rooms"), ("POST", "/api/v2/rooms"), ("GET", "/")],
)
def test_an_unknown_path_or_method_is_an_unknown_endpoint(client: FlaskClient, method: str, path: str) -> None:
    answer = client.open(path, method=method, headers=KEY)

    assert (answer.status_code, answer.get_json()) == (403, {"message": "Unknown endpoint"})


# Rooms and text


def test_a_room_has_a_uuid_and_the_legacy_field_opens_one_too(client: FlaskClient) -> None:
    legacy = client.post("/api/v1/rooms", json={"character_id": "7", "user_gender": "female"}, headers=KEY)

    assert UUID.fullmatch(new_room(client))
    assert legacy.status_code == 201


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"user_id": "ann"}, "character_id"),
        ({"character_id": 1021, "user_id": "ann"}, "character_id"),
        ({"character_id": "", "user_id": "ann"}, "character_id"),
        ({"character_id": "1021"}, "user_id"),
        ({"character_id": "1021", "user_gender": "other"}, "user_gender"),
        ({"character_id": "1021", "user_id": "ann", "texting_style": "loud"}, "texting_style"),
        ([], "JSON object"),
    ],
)
def test_an_invalid_room_is_refused_with_a_sentence(client: FlaskClient, body: Any, names: str) -> None:
    answer = client.post("/api/v1/rooms", json=body, headers=KEY)

    assert answer.status_code == 400
    assert names in answer.get_json()["error"]


def test_a_body_that_is_not_json_is_refused(client: FlaskClient) -> None:
    broken = client.post("/api/v1/rooms", data="{", headers=KEY | {"Content-Type": "application/json"})
    untyped = client.post("/api/v1/rooms", data="{}", headers=KEY)

    assert (broken.status_code, untyped.status_code) == (400, 400)


def test_a_room_remembers_the_conversation_and_another_does_not(client: FlaskClient) -> None:
    room = new_room(client)
    say(client, room, "Hello, my name is Ann.")
    say(client, room, "I saw a heron today")

    assert "Ann" in say(client, room, "What is my name?")
    assert "What is my name?" in say(client, room, "What did I say?")
    assert "not told me" in say(client, new_room(client), "What is my name?")


def test_replies_depend_on_the_message_and_on_the_character(client: FlaskClient) -> None:
    about_herons = say(client, new_room(client), "I like herons")

    assert "I like herons" in about_herons
    assert about_herons != say(client, new_room(client), "I like storks")
    assert say(client, new_room(client, "1021"), "Who are you?") != say(
        client, new_room(client, "1022"), "Who are you?"
    )


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_the_texting_style_changes_how_long_replies_are(client: FlaskClient, method: str) -> None:
    room = new_room(client)
    path = f"/api/v1/rooms/{room}/texting-style"
    long = client.open(path, method=method, json={"texting_style": "long-form"}, headers=KEY)
    long_reply = say(client, room, "A walk by the sea")
    client.open(path, method=method, json={"texting_style": "short-form"}, headers=KEY)

    assert (long.status_code, long.get_json()) == (200, {"room_id": room, "texting_style": "long-form"})
    assert len(say(client, room, "A walk by the sea")) < len(long_reply)


def test_texting_style_of_nobody_is_404_and_of_no_kind_400(client: FlaskClient) -> None:
    unknown = client.put("/api/v1/rooms/nobody/texting-style", json={"texting_style": "default"}, headers=KEY)
    invalid = client.put(f"/api/v1/rooms/{new_room(client)}/texting-style", json={}, headers=KEY)

    assert (unknown.status_code, invalid.status_code) == (404, 400)


def test_text_takes_the_documented_and_the_live_field(client: FlaskClient) -> None:
    room = new_room(client)
    documented = client.post("/api/v1/text", json={"room_id": room, "prompt": "Hi there, you"}, headers=KEY)

    assert "Hi there, you" in documented.get_json()["content"]
    assert set(documented.get_json()) == {"content", "job_id", "message_id", "tool_call"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"room_id": "0b6e0f0e-0000-4000-8000-000000000000", "message": "Hi"}, 404),
        ({"message": "Hi"}, 400),
        ({"room_id": "ROOM"}, 400),
        ({"room_id": "ROOM", "message": "   "}, 400),
        ({"room_id": "ROOM", "message": 7}, 400),
        ({"room_id": "ROOM", "message": "x" * 10_001}, 400),
        ({"room_id": "ROOM", "message": "Hi", "character_id": 7}, 400),
    ],
)
def test_invalid_texts_are_refused(client: FlaskClient, body: dict[str, Any], status: int) -> None:
    if body.get("room_id") == "ROOM":
        body = body | {"room_id": new_room(client)}

    assert client.post("/api/v1/text", json=body, headers=KEY).status_code == status


def test_a_forgotten_room_is_404_from_then_on(client: FlaskClient) -> None:
    room = new_room(client)

    assert client.delete(f"/_simulator/rooms/{room}").status_code == 200
    assert client.post("/api/v1/text", json={"room_id": room, "message": "Hi"}, headers=KEY).status_code == 404


@settings(max_examples=30, deadline=None)
@given(messages=st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=5))
def test_any_conversation_is_answered_in_utf8_json(messages: list[str]) -> None:
    client = create_app(api_keys=["secret-key"]).test_client()
    room = new_room(client)

    assert all(say(client, room, message[:2000]) for message in messages)


def test_half_a_surrogate_pair_does_not_break_an_answer(client: FlaskClient) -> None:
    room = new_room(client)
    body = json.dumps({"room_id": room, "message": "a \ud800 b"})
    answer = client.post("/api/v1/text", data=body, headers=KEY | {"Content-Type": "application/json"})

    assert answer.status_code == 200
    assert client.get("/_simulator/requests").status_code == 200


FIELD_NAMES = st.sampled_from(
    [
        "character_id",
        "user_id",
        "user_gender",
        "room_id",
        "prompt",
        "message",
        "texting_style",
        "resolution",
        "prompt_enhancement",
        "character_uid",
        "webhook_url",
    ]
)
FIELD_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=150, deadline=None)
@given(
    path=st.sampled_from(["rooms", "rooms/x/texting-style", "text", "images", "audio/notes", "cam/create"]),
    body=st.dictionaries(FIELD_NAMES, FIELD_VALUES, max_size=6) | FIELD_VALUES,
)
def test_no_body_breaks_the_simulator(path: str, body: Any) -> None:
    client = create_app(api_keys=["secret-key"]).test_client()
    method = "PUT" if path.endswith("texting-style") else "POST"
    answer = client.open(f"/api/v1/{path}", method=method, json=body, headers=KEY)

    assert answer.status_code in {200, 201, 202, 400, 404}
    assert answer.is_json


# Moderation


@pytest.mark.parametrize("path", ["/api/v1/text", "/api/v1/images", "/api/v1/audio/notes"])
def test_a_trigger_word_fails_moderation_everywhere(client: FlaskClient, path: str) -> None:
    body = {"room_id": new_room(client), "character_id": "1021", "prompt": "something FORBIDDEN here"}
    answer = client.post(path, json=body, headers=KEY)

    assert answer.status_code == 400
    assert "moderation" in answer.get_json()["error"]


def test_the_triggers_are_a_switch(client: FlaskClient) -> None:
    room = new_room(client)
    switch(client, moderation={"triggers": ["heron"], "message": "Moderation said no"})
    refused = client.post("/api/v1/text", json={"room_id": room, "message": "a heron"}, headers=KEY)

    assert refused.get_json() == {"error": "Moderation said no"}
    assert say(client, room, "forbidden")


# Library, audio, characters


def test_the_library_lists_numbers_in_both_spellings_and_twins(client: FlaskClient) -> None:
    body = client.get("/api/v1/customer-library", headers=KEY).get_json()
    ids = [character.get("characterId", character.get("cid")) for character in body["characters"]]

    assert body["success"] is True
    assert all(isinstance(number, int) for number in ids)
    assert {"characterId", "sfwImage"} <= set(body["characters"][0])
    assert {"cid", "image_url"} <= set(body["characters"][1])
    assert {"id", "characterId", "name", "alias", "status", "profilePhotoUrl"} == set(body["digitalTwins"][0])


def test_a_listed_portrait_is_a_picture(client: FlaskClient) -> None:
    link = client.get("/api/v1/customer-library", headers=KEY).get_json()["characters"][0]["sfwImage"]

    assert client.get(link).data.startswith(b"\x89PNG")


def test_an_audio_note_is_a_wav_file_with_sound(client: FlaskClient) -> None:
    body = {"room_id": new_room(client), "prompt": "good morning to you"}
    answer = client.post("/api/v1/audio/notes", json=body, headers=KEY)
    file = client.get(answer.get_json()["url"])

    assert (answer.status_code, set(answer.get_json()), file.mimetype) == (200, {"url"}, "audio/wav")
    with wave.open(BytesIO(file.data)) as sound:
        assert sound.getnframes() > 4000
        assert len(set(sound.readframes(4000))) > 20


def test_strict_characters_know_only_the_library(client: FlaskClient) -> None:
    switch(client, strict_characters=True)
    unknown = client.post("/api/v1/rooms", json={"character_id": "9999", "user_id": "ann"}, headers=KEY)

    assert unknown.status_code == 404
    assert new_room(client, "1023")


# Cam sessions


def test_a_cam_session_is_created_listed_ended_and_its_webhook_told(app: Flask, webhook: Webhook) -> None:
    client = app.test_client()
    body = {"character_uid": "1021", "webhook_url": "https://partner.example/webhook"}
    created = client.post("/api/v1/cam/create", json=body, headers=KEY)
    session_id = created.get_json()["session_id"]
    listed = client.get("/api/v1/cam/sessions", headers=KEY).get_json()
    ended = client.delete(f"/api/v1/cam/sessions/{session_id}", headers=KEY)
    again = client.delete(f"/api/v1/cam/sessions/{session_id}", headers=KEY)
    wait_until(lambda: simulator_of(app).cams.read()[0]["logout_status"] == 200)

    assert (created.status_code, set(created.get_json())) == (201, {"session_id", "callback_url", "status"})
    assert (listed["total"], listed["page"], listed["limit"]) == (1, 1, 10)
    assert set(listed["sessions"][0]) == {"session_id", "character_uid", "status", "created_at"}
    assert (ended.status_code, set(ended.get_json()), again.status_code) == (200, {"message", "session_id"}, 404)
    (told,) = webhook.requests
    assert json.loads(told.content) == {"action": "LOGOUT", "sessionId": session_id}
    assert told.headers["Authorization"] == "Bearer bearer"


def wait_until(condition: Any, seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def test_cam_sessions_come_in_pages_newest_first(client: FlaskClient) -> None:
    for number in range(5):
        body = {"character_uid": str(number), "webhook_url": "https://partner.example/"}
        client.post("/api/v1/cam/create", json=body, headers=KEY)
    page = client.get("/api/v1/cam/sessions?page=2&limit=2", headers=KEY).get_json()

    assert [session["character_uid"] for session in page["sessions"]] == ["2", "1"]
    assert page["total"] == 5


@pytest.mark.parametrize("query", ["page=0", "page=x", "limit=101", "limit=-1", "page=²"])
def test_pages_that_cannot_be_are_refused(client: FlaskClient, query: str) -> None:
    assert client.get(f"/api/v1/cam/sessions?{query}", headers=KEY).status_code == 400


@pytest.mark.parametrize("url", [None, 7, "ftp://x/", "https://", "http://[broken"])
def test_a_cam_webhook_must_be_a_web_address(client: FlaskClient, url: Any) -> None:
    answer = client.post("/api/v1/cam/create", json={"character_uid": "1", "webhook_url": url}, headers=KEY)

    assert answer.status_code == 400


def test_an_account_without_cam_has_unknown_endpoints(client: FlaskClient) -> None:
    switch(client, cam_enabled=False)
    answer = client.get("/api/v1/cam/sessions", headers=KEY)

    assert (answer.status_code, answer.get_json()) == (403, {"message": "Unknown endpoint"})


# Dialects


@pytest.mark.parametrize("envelope", ["data", "result", "response"])
def test_answers_can_be_wrapped(client: FlaskClient, envelope: str) -> None:
    switch(client, dialect={"envelope": envelope})
    body = client.post("/api/v1/rooms", json={"character_id": "1", "user_id": "ann"}, headers=KEY).get_json()

    assert list(body) == [envelope]
    assert UUID.fullmatch(body[envelope]["room_id"])


def test_answers_can_be_in_camel_case_at_every_depth(client: FlaskClient) -> None:
    room = new_room(client)
    switch(client, dialect={"camel_case": True}, jobs={"seconds_to_complete": 0})
    body = {"character_id": "1", "prompt": "a heron", "room_id": room, "resolution": [64, 64]}
    job = client.post("/api/v1/images", json=body, headers=KEY).get_json()
    status = client.get(f"/api/v1/jobs/{job['jobId']}/status", headers=KEY).get_json()

    assert set(job) == {"message", "jobId", "status", "presignedUrl"}
    assert set(status["results"]) == {"imagePrompt", "detectedLevel", "followupText"}


def test_text_can_be_answered_as_documented(client: FlaskClient) -> None:
    room = new_room(client)
    switch(client, dialect={"text_answer": "documented"})
    answer = client.post("/api/v1/text", json={"room_id": room, "prompt": "Hi"}, headers=KEY)

    assert list(answer.get_json()) == ["content"]


@pytest.mark.parametrize(
    ("dialect", "content_type", "holds"),
    [
        ("error", "application/json", '"error"'),
        ("message", "application/json", '"message"'),
        ("html", "text/html", "<h1>401 Unauthorized</h1>"),
        ("empty", None, ""),
    ],
)
def test_errors_come_in_four_shapes(client: FlaskClient, dialect: str, content_type: str | None, holds: str) -> None:
    switch(client, dialect={"error": dialect})
    answer = client.get("/api/v1/customer-library")

    assert answer.status_code == 401
    assert answer.mimetype == content_type
    assert holds in answer.text
    assert bool(answer.text) == bool(holds)


def test_a_room_may_want_one_field_for_its_owner(client: FlaskClient) -> None:
    by_id, by_gender = {"character_id": "1", "user_id": "ann"}, {"character_id": "1", "user_gender": "female"}
    seen = []
    for wanted in ("user_id", "user_gender"):
        switch(client, dialect={"room_owner": wanted})
        seen += [client.post("/api/v1/rooms", json=body, headers=KEY).status_code for body in (by_id, by_gender)]

    assert seen == [201, 400, 400, 201]


def test_a_text_may_have_to_come_in_one_field(client: FlaskClient) -> None:
    room, seen = new_room(client), []
    for wanted in ("prompt", "message"):
        switch(client, dialect={"text_field": wanted})
        for key in ("prompt", "message"):
            answer = client.post("/api/v1/text", json={"room_id": room, key: "Hi"}, headers=KEY)
            seen.append((answer.status_code, answer.get_json().get("error")))

    assert seen == [(200, None), (400, "prompt is required"), (400, "message is required"), (200, None)]


def test_invalid_input_may_be_422_and_moderation_stays_400(client: FlaskClient) -> None:
    switch(client, dialect={"invalid_status": 422})
    invalid = client.post("/api/v1/images", json={"character_id": "1"}, headers=KEY)
    moderated = client.post("/api/v1/images", json={"character_id": "1", "prompt": "forbidden"}, headers=KEY)
    unknown = client.get("/api/v1/jobs/nothing/status", headers=KEY)

    assert (invalid.status_code, moderated.status_code, unknown.status_code) == (422, 400, 404)


def test_errors_may_carry_a_suggestion(client: FlaskClient) -> None:
    switch(client, dialect={"suggestion": True})

    assert set(client.get("/api/v1/customer-library").get_json()) == {"error", "suggestion"}
