"""The project's own client against the simulated OH API: every operation, in every dialect."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from flask import Flask

from digital_twin.oh import (
    JobState,
    OhApiError,
    OhCamUnavailableError,
    OhClient,
    OhCredentialsError,
    OhForbiddenError,
    OhInvalidInputError,
    OhModerationError,
    OhNotFoundError,
    OhProtocolError,
    OhThrottledError,
    OhUpstreamError,
)
from local.oh_simulator import Switches, create_app, simulator_of

DIALECTS: list[dict[str, Any]] = [
    {},
    {"envelope": "data"},
    {"envelope": "result", "camel_case": True},
    {"envelope": "response", "link_key": "presigned_url"},
    {"camel_case": True, "link_key": "presigned_url"},
    {"text_answer": "documented", "text_field": "prompt"},
    {"text_field": "message"},
    {"room_owner": "user_gender"},
]


def client_of(app: Flask, key: str = "secret-key") -> OhClient:
    return OhClient("http://127.0.0.1:9", lambda: key, transport=httpx.WSGITransport(app=app), sleep=lambda _: None)


def simulator(**switches: Any) -> Flask:
    switches = {"jobs": {"seconds_to_complete": 0}} | switches
    return create_app(api_keys=["secret-key"], switches=Switches.model_validate(switches))


@pytest.mark.parametrize("dialect", DIALECTS, ids=str)
def test_a_conversation_and_a_picture_work_in_every_dialect(dialect: dict[str, Any]) -> None:
    app = simulator(dialect=dialect)
    oh = client_of(app)
    room = oh.create_room("1021", "ann", user_gender="female")
    style = oh.set_texting_style(room.room_id, "short-form")
    reply = oh.send_text(room.room_id, "A heron stood by the river", character_id="1021")
    submission = oh.submit_image("1021", "a heron", room_id=room.room_id, resolution=(64, 96))
    status = oh.job_status(submission.job_id)
    assert status.url is not None
    picture = app.test_client().get(status.url)

    assert style.texting_style == "short-form"
    assert "A heron stood by the river" in reply.content
    assert status.status is JobState.COMPLETED
    assert status.results is not None
    assert status.results.image_prompt == "a heron"
    assert "a heron" in (status.results.followup_text or "")
    assert picture.data.startswith(b"\x89PNG")


@pytest.mark.parametrize("dialect", DIALECTS, ids=str)
def test_the_library_audio_and_cam_work_in_every_dialect(dialect: dict[str, Any]) -> None:
    app = simulator(dialect=dialect)
    oh = client_of(app)
    library = oh.customer_library()
    note = oh.create_audio_note(oh.create_room("1021", "ann", user_gender="male").room_id, "good morning")
    cam = oh.create_cam_session("1021", "https://partner.example/webhook")
    listed = oh.list_cam_sessions()

    assert len(library.characters) == 6
    assert len(library.digital_twins) == 3
    assert note.url is not None
    assert app.test_client().get(note.url).mimetype == "audio/wav"
    assert [session.session_id for session in listed.sessions] == [cam.session_id]


@pytest.mark.parametrize("body", ["error", "message", "html", "empty"])
@pytest.mark.parametrize(
    ("switches", "call", "error"),
    [
        ({}, lambda oh: oh.send_text("nobody", "Hi"), OhNotFoundError),
        ({}, lambda oh: oh.submit_image("1", "x", resolution=(1, 1)), OhInvalidInputError),
        ({"invalid_status": 422}, lambda oh: oh.submit_image("1", ""), OhInvalidInputError),
    ],
)
def test_refusals_are_told_apart_whatever_their_body(
    body: str, switches: dict[str, Any], call: Callable[[OhClient], Any], error: type[OhApiError]
) -> None:
    with pytest.raises(error):
        call(client_of(simulator(dialect={"error": body} | switches)))


@pytest.mark.parametrize("body", ["error", "message"])
def test_moderation_is_told_from_other_invalid_input(body: str) -> None:
    with pytest.raises(OhModerationError):
        client_of(simulator(dialect={"error": body})).submit_image("1", "something forbidden")


@pytest.mark.parametrize(
    ("status", "error"),
    [(403, OhForbiddenError), (429, OhThrottledError), (500, OhUpstreamError), (503, OhUpstreamError)],
)
def test_faults_arrive_as_their_errors(status: int, error: type[OhApiError]) -> None:
    app = simulator(operations={"library": {"faults": [{"status": status, "times": None}]}})

    with pytest.raises(error) as raised:
        client_of(app).customer_library()
    assert raised.value.status == status


def test_a_fault_that_passes_is_not_noticed() -> None:
    app = simulator(operations={"text": {"faults": [{"status": 503, "times": 2}]}})
    oh = client_of(app)

    assert oh.send_text(oh.create_room("1", "ann").room_id, "Hi there, you").content
    assert [entry["status"] for entry in simulator_of(app).requests.read("text")] == [503, 503, 200]


def test_a_wrong_key_and_missing_cam_endpoints_are_named() -> None:
    with pytest.raises(OhCredentialsError):
        client_of(simulator(), "wrong").customer_library()
    with pytest.raises(OhCamUnavailableError):
        client_of(simulator(cam_enabled=False)).list_cam_sessions()


def test_a_status_word_nobody_knows_is_a_protocol_error() -> None:
    app = simulator(jobs={"seconds_to_complete": 0, "outcome": "unknown_status", "status_word": "on_hold"})
    oh = client_of(app)
    job_id = oh.submit_image("1", "a heron").job_id

    with pytest.raises(OhProtocolError):
        oh.job_status(job_id)


def test_a_failed_job_tells_why() -> None:
    oh = client_of(simulator(jobs={"seconds_to_complete": 0, "outcome": "failed", "reason": "No canvas left"}))
    status = oh.job_status(oh.submit_image("1", "a heron").job_id)

    assert (status.status, status.error) == (JobState.FAILED, "No canvas left")
