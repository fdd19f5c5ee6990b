"""Each operation of the API: what is sent, and what is made of each dialect of the answer."""

import time

import httpx
import pytest

from digital_twin.deadline import Deadline
from digital_twin.oh import (
    JobState,
    OhApiError,
    OhCamUnavailableError,
    OhClient,
    OhForbiddenError,
    OhInvalidInputError,
    OhModerationError,
    OhProtocolError,
)
from digital_twin.oh.client import LIBRARY_MAX_BYTES

from .conftest import KEY, Provider, answer

ROOM = "3f0e6b0a-54a8-4b7e-9f0e-0d2a5f3a7c11"

SUBMITTED = {"message": "Job accepted", "job_id": "j1", "status": "queued", "presigned_url": "https://s3/x"}
CHARACTERS = [
    {"characterId": 101, "firstName": "Ada", "lastName": "L", "sfwImage": "https://cdn/a.png"},
    {"cid": 102, "first_name": "Bo", "image_url": "https://cdn/b.png"},
    {"character_id": "103", "sfwImage": None},
]
TWINS = [{"id": 7, "characterId": 101, "name": "Ada", "alias": "a", "status": "ready", "profilePhotoUrl": "https://p"}]


def wrapped(fields: dict) -> list[dict]:
    """The same answer in each envelope the service is known to use."""
    return [
        fields,
        {"success": True, "data": fields},
        {"result": fields},
        {"response": fields},
        {"status": "ok", "data": {"result": fields}},
        {"data": None, "response": fields},
    ]


class TestRequests:
    def test_every_request_carries_the_key_and_goes_to_the_base_url(self, provider: Provider):
        provider.will(answer({"room_id": ROOM})).client().create_room("42", "u1")
        (request,) = provider.requests
        assert str(request.url) == "https://api.oh.example/api/v1/rooms"
        assert request.headers["x-api-key"] == KEY
        assert request.headers["content-type"] == "application/json"

    def test_the_key_is_read_for_every_call(self, provider: Provider):
        keys = iter(["first", "second"])
        client = provider.will(answer({"content": "a"}), answer({"content": "b"})).client(api_key=lambda: next(keys))
        client.send_text(ROOM, "hi")
        client.send_text(ROOM, "hi")
        assert [request.headers["x-api-key"] for request in provider.requests] == ["first", "second"]

    def test_each_step_has_a_timeout_within_the_deadline(self, provider: Provider):
        deadline = Deadline.after(2)
        provider.will(answer({"content": "a"})).client().send_text(ROOM, "hi", deadline=deadline)
        (request,) = provider.requests
        assert set(request.extensions["timeout"]) == {"connect", "read", "write", "pool"}
        assert all(0 < seconds <= 2 for seconds in request.extensions["timeout"].values())
        assert request.extensions["deadline"] is deadline

    def test_cookies_are_not_kept(self, provider: Provider):
        client = provider.will(answer({"content": "a"}, set_cookie="who=u1"), answer({"content": "b"})).client()
        client.send_text(ROOM, "hi")
        client.send_text(ROOM, "hi")
        assert "cookie" not in provider.requests[1].headers

    @pytest.mark.parametrize("url", ["", "api.oh.xyz", "ftp://api.oh.xyz", "https://", "https://[::1"])
    def test_a_base_url_must_be_one(self, url):
        with pytest.raises(ValueError, match="base URL"):
            OhClient(url, lambda: KEY, transport=httpx.MockTransport(lambda request: answer()))

    def test_a_client_without_a_transport_has_the_guarded_one(self):
        client = OhClient("https://api.oh.xyz", lambda: KEY)
        assert repr(client) == "OhClient('https://api.oh.xyz')"
        client.close()


class TestRooms:
    @pytest.mark.parametrize("body", [*wrapped({"room_id": ROOM}), *wrapped({"roomId": ROOM})])
    def test_creates_one(self, provider: Provider, body):
        room = provider.will(answer(body, status=201)).client().create_room("42", "u1")
        assert room.room_id == ROOM
        assert provider.bodies == [{"character_id": "42", "user_id": "u1"}]

    def test_sends_ids_as_strings_and_the_style_when_given(self, provider: Provider):
        provider.will(answer({"room_id": ROOM})).client().create_room(42, "u1", texting_style="short-form")  # type: ignore[arg-type]
        assert provider.bodies == [{"character_id": "42", "user_id": "u1", "texting_style": "short-form"}]

    @pytest.mark.parametrize(
        "refusal",
        [
            answer({"error": "user_gender is required"}, 400),
            answer({"detail": [{"loc": ["body", "user_gender"], "msg": "Field required"}]}, 422),
        ],
    )
    def test_sends_the_gender_where_the_provider_asks_for_it(self, provider: Provider, refusal):
        client = provider.will(refusal, answer({"room_id": ROOM}, 201)).client()
        assert client.create_room("42", "u1", user_gender="female").room_id == ROOM
        assert provider.bodies == [
            {"character_id": "42", "user_id": "u1"},
            {"character_id": "42", "user_gender": "female"},
        ]

    def test_does_not_make_a_gender_up(self, provider: Provider):
        client = provider.will(answer({"error": "user_gender is required"}, 400)).client()
        with pytest.raises(OhInvalidInputError) as caught:
            client.create_room("42", "u1")
        assert caught.value.missing_field == "user_gender"

    def test_other_refusals_stand(self, provider: Provider):
        client = provider.will(answer({"error": "character_id must be known"}, 400)).client()
        with pytest.raises(OhInvalidInputError):
            client.create_room("42", "u1", user_gender="male")

    @pytest.mark.parametrize("body", [*wrapped({"room_id": ROOM, "texting_style": "long-form"}), {}])
    def test_sets_the_texting_style(self, provider: Provider, body):
        room = provider.will(answer(body)).client().set_texting_style(ROOM, "long-form")
        assert (room.room_id, room.texting_style) == (ROOM, "long-form")
        assert provider.calls == [f"PUT /api/v1/rooms/{ROOM}/texting-style"]
        assert provider.bodies == [{"texting_style": "long-form"}]

    def test_patches_where_put_is_not_taken(self, provider: Provider):
        client = provider.will(answer(status=405), answer({"roomId": ROOM, "textingStyle": "default"})).client()
        assert client.set_texting_style(ROOM, "default").texting_style == "default"
        assert [call.split()[0] for call in provider.calls] == ["PUT", "PATCH"]

    def test_other_refusals_of_put_stand(self, provider: Provider):
        with pytest.raises(OhInvalidInputError):
            provider.will(answer({"error": "no such style"}, 400)).client().set_texting_style(ROOM, "default")

    def test_a_value_in_one_spelling_wins_over_a_null_in_the_other(self, provider: Provider):
        client = provider.will(
            answer({"roomId": None, "room_id": ROOM}), answer({"room_id": ROOM, "roomId": ""})
        ).client()
        assert client.create_room("42", "u1").room_id == ROOM
        assert client.create_room("42", "u1").room_id == ROOM

    def test_errors_of_the_second_way_name_it(self, provider: Provider):
        client = provider.will(answer(status=405), answer({"error": "no such room"}, 404)).client()
        with pytest.raises(OhApiError) as caught:
            client.set_texting_style(ROOM, "default")
        assert caught.value.operation == "PATCH /api/v1/rooms/{room_id}/texting-style"

    def test_a_second_way_needs_time(self, provider: Provider):
        def slowly(request: httpx.Request) -> httpx.Response:
            time.sleep(0.03)
            return answer(status=405)

        with pytest.raises(OhApiError) as caught:
            provider.will(slowly).client().set_texting_style(ROOM, "default", retry_by=Deadline.after(0.02))
        assert caught.value.status == 405

    def test_ids_cannot_leave_their_place_in_the_path(self, provider: Provider):
        provider.will(answer({"room_id": "x"})).client().set_texting_style("../cam?x=1#y", "default")
        assert provider.calls == ["PUT /api/v1/rooms/%2E%2E%2Fcam%3Fx%3D1%23y/texting-style"]

    def test_an_empty_id_is_a_mistake_of_ours(self, provider: Provider):
        with pytest.raises(ValueError, match="empty id"):
            provider.client().job_status("")


class TestText:
    @pytest.mark.parametrize("body", wrapped({"content": "Hello you."}))
    def test_gives_the_answer(self, provider: Provider, body):
        reply = provider.will(answer(body)).client().send_text(ROOM, "Hello")
        assert reply.content == "Hello you."
        assert provider.bodies == [{"room_id": ROOM, "prompt": "Hello"}]

    def test_gives_what_the_live_service_adds(self, provider: Provider):
        body = {"content": "See?", "jobId": 17, "messageId": "m1", "toolCall": {"name": "image"}, "mood": "happy"}
        reply = provider.will(answer(body)).client().send_text(ROOM, "Show me", character_id="42")
        assert (reply.job_id, reply.message_id, reply.tool_call) == ("17", "m1", {"name": "image"})
        assert provider.bodies[0]["character_id"] == "42"

    def test_an_answer_may_be_a_tool_call_alone(self, provider: Provider):
        reply = provider.will(answer({"content": None, "tool_call": {"name": "image"}})).client().send_text(ROOM, "x")
        assert reply.content == ""

    @pytest.mark.parametrize("text", ["", "Grüß dich 👋", "half a \ud83d character", "\u0000", 'a "quoted" \\ line\n'])
    def test_any_text_can_be_sent(self, provider: Provider, text):
        provider.will(answer({"content": "ok"})).client().send_text(ROOM, text)
        assert provider.bodies[0]["prompt"] == text

    def test_halves_of_characters_do_not_get_in(self, provider: Provider):
        half = httpx.Response(200, content=b'{"content": "cut \\ud83d"}')
        assert provider.will(half).client().send_text(ROOM, "x").content == "cut \N{REPLACEMENT CHARACTER}"

    def test_uses_the_other_key_once_the_provider_asks_for_it(self, provider: Provider):
        client = provider.will(
            answer({"error": "message is required"}, 400), answer({"content": "a"}), answer({"content": "b"})
        ).client()
        assert client.send_text(ROOM, "one").content == "a"
        assert client.send_text(ROOM, "two").content == "b"
        assert [body.get("prompt", body.get("message")) for body in provider.bodies] == ["one", "one", "two"]
        assert ["message" in body for body in provider.bodies] == [False, True, True]

    def test_goes_back_to_the_documented_key_when_asked(self, provider: Provider):
        client = provider.will(
            answer({"error": "Missing required field: message"}, 422),
            answer({"content": "a"}),
            answer({"error": "Missing required field: prompt"}, 422),
            answer({"content": "b"}),
        ).client()
        client.send_text(ROOM, "one")
        assert client.send_text(ROOM, "two").content == "b"
        assert ["prompt" in body for body in provider.bodies] == [True, False, False, True]

    def test_a_second_complaint_stands(self, provider: Provider):
        client = provider.will(
            answer({"error": "message is required"}, 400), answer({"error": "prompt is required"}, 400)
        ).client()
        with pytest.raises(OhInvalidInputError):
            client.send_text(ROOM, "one")

    def test_moderation_is_not_taken_for_a_missing_field(self, provider: Provider):
        client = provider.will(answer({"error": "message is required to pass moderation"}, 400)).client()
        with pytest.raises(OhModerationError):
            client.send_text(ROOM, "one")


class TestImages:
    @pytest.mark.parametrize("body", wrapped(SUBMITTED))
    def test_submits(self, provider: Provider, body):
        submission = provider.will(answer(body, status=202)).client().submit_image("42", "a red kite")
        assert (submission.job_id, submission.status, submission.presigned_url) == ("j1", "queued", "https://s3/x")
        assert submission.message == "Job accepted"
        assert provider.bodies == [{"character_id": "42", "prompt": "a red kite", "prompt_enhancement": False}]

    def test_sends_the_options(self, provider: Provider):
        client = provider.will(answer({"jobId": 5}, 202), answer({"job_id": "6"}, 202)).client()
        client.submit_image("42", "kite", room_id=ROOM, prompt_enhancement=True, resolution="16:9")
        client.submit_image("42", "kite", resolution=(640, 480), user_gender="male")
        assert provider.bodies[0] == {
            "character_id": "42",
            "prompt": "kite",
            "room_id": ROOM,
            "prompt_enhancement": True,
            "resolution": "16:9",
        }
        assert provider.bodies[1]["resolution"] == [640, 480]
        assert provider.bodies[1]["user_gender"] == "male"

    @pytest.mark.parametrize(
        "body", [{"job_id": "j"}, {"job_id": "j", "presigned_url": None, "status": 3, "message": {}}]
    )
    def test_a_paid_job_is_not_lost_for_details(self, provider: Provider, body):
        submission = provider.will(answer(body, 202)).client().submit_image("42", "kite")
        assert (submission.job_id, submission.status, submission.presigned_url) == ("j", "queued", None)


class TestJobs:
    @pytest.mark.parametrize("word", ["queued", "processing", "Processing", " QUEUED "])
    @pytest.mark.parametrize("envelope", ["data", "result", "response", None])
    def test_gives_the_state(self, provider: Provider, word, envelope):
        fields = {"job_id": "j1", "status": word, "url": None, "results": None, "error": None}
        job = provider.will(answer({envelope: fields} if envelope else fields)).client().job_status("j1")
        assert job.status == word.strip().lower()
        assert (job.url, job.error) == (None, None)
        assert provider.calls == ["GET /api/v1/jobs/j1/status"]

    @pytest.mark.parametrize(
        "link",
        [
            {"url": "https://s3/k"},
            {"presigned_url": "https://s3/k"},
            {"presignedUrl": "https://s3/k"},
            {"url": None, "presigned_url": "https://s3/k"},
            {"url": "", "presignedUrl": "https://s3/k"},
            {"results": {"url": "https://s3/k"}},
            {"result": {"presignedUrl": "https://s3/k"}},
        ],
    )
    def test_finds_the_link_of_a_completed_job(self, provider: Provider, link):
        job = provider.will(answer({"job_id": "j1", "status": "COMPLETED", **link})).client().job_status("j1")
        assert (job.status, job.url) == (JobState.COMPLETED, "https://s3/k")

    def test_a_link_before_completion_is_no_link(self, provider: Provider):
        body = {"jobId": "j1", "status": "processing", "presignedUrl": "https://s3/early"}
        assert provider.will(answer(body)).client().job_status("j1").url is None

    def test_a_completed_job_must_have_one(self, provider: Provider):
        with pytest.raises(OhProtocolError, match="without a link"):
            provider.will(answer({"job_id": "j1", "status": "completed", "url": 7})).client().job_status("j1")

    def test_gives_what_is_told_about_the_picture(self, provider: Provider):
        results = {"imagePrompt": "a kite, red", "followup_text": "Here it is!", "detectedLevel": 2}
        body = {"job_id": "j1", "status": "completed", "url": "https://s3/k", "results": results}
        job = provider.will(answer(body)).client().job_status("j1")
        assert job.results.image_prompt == "a kite, red"
        assert job.results.followup_text == "Here it is!"
        assert job.results.detected_level == 2

    @pytest.mark.parametrize("results", [[], "text", {"imagePrompt": {"x": 1}}])
    def test_strange_details_do_not_spoil_the_job(self, provider: Provider, results):
        body = {"job_id": "j1", "status": "completed", "url": "https://s3/k", "results": results}
        job = provider.will(answer(body)).client().job_status("j1")
        assert job.results.image_prompt is None

    @pytest.mark.parametrize(
        ("error", "said"), [("out of memory", "out of memory"), ({"message": "boom"}, "boom"), (None, None), (3, None)]
    )
    def test_gives_the_reason_of_a_failure(self, provider: Provider, error, said):
        job = provider.will(answer({"job_id": "j1", "status": "failed", "error": error})).client().job_status("j1")
        assert (job.status, job.error) == (JobState.FAILED, said)

    @pytest.mark.parametrize(("word", "told"), [("canceled", "canceled"), (None, None), (7, "7"), ("", "")])
    def test_an_unknown_status_is_a_clear_failure(self, provider: Provider, word, told):
        with pytest.raises(OhProtocolError) as caught:
            provider.will(answer({"job_id": "j1", "status": word})).client().job_status("j1")
        assert caught.value.unknown_status == told

    def test_the_outer_status_of_an_envelope_is_not_the_jobs(self, provider: Provider):
        body = {"status": "success", "data": {"status": "failed", "error": "boom"}}
        assert provider.will(answer(body)).client().job_status("j1").status is JobState.FAILED

    def test_an_id_beside_the_envelope_belongs_to_the_answer(self, provider: Provider):
        body = {"job_id": "j9", "data": {"status": "queued"}}
        job = provider.will(answer(body)).client().job_status("j1")
        assert (job.job_id, job.status) == ("j9", JobState.QUEUED)

    def test_attempts_can_be_limited(self, provider: Provider):
        with pytest.raises(OhApiError):
            provider.will(answer(status=503)).client().job_status("j1", max_attempts=1)


class TestLibrary:
    @pytest.mark.parametrize("body", wrapped({"success": True, "characters": CHARACTERS, "digitalTwins": TWINS}))
    def test_lists_characters_and_twins(self, provider: Provider, body):
        library = provider.will(answer(body)).client().customer_library()
        assert [character.character_id for character in library.characters] == ["101", "102", "103"]
        assert [character.image_url for character in library.characters] == [
            "https://cdn/a.png",
            "https://cdn/b.png",
            None,
        ]
        assert library.characters[0].first_name == "Ada"
        (twin,) = library.digital_twins
        assert (twin.id, twin.character_id, twin.profile_photo_url) == ("7", "101", "https://p")
        assert provider.calls == ["GET /api/v1/customer-library"]

    def test_an_empty_one_is_fine(self, provider: Provider):
        library = provider.will(answer({"characters": None, "digital_twins": []})).client().customer_library()
        assert (library.characters, library.digital_twins) == ([], [])

    @pytest.mark.parametrize("body", [{"success": True}, {"characters": [{"firstName": "?"}]}, {"characters": "none"}])
    def test_something_else_is_not_taken_for_an_empty_one(self, provider: Provider, body):
        with pytest.raises(OhProtocolError):
            provider.will(answer(body)).client().customer_library()

    def test_may_be_larger_than_other_answers_but_not_endless(self, provider: Provider):
        big = [{"cid": 1, "bio": "x" * 2_000_000}]
        endless = [{"cid": 1, "bio": "x" * LIBRARY_MAX_BYTES}]
        client = provider.will(answer({"characters": big}), answer({"characters": endless})).client()
        assert client.customer_library().characters[0].character_id == "1"
        with pytest.raises(OhProtocolError, match="larger"):
            client.customer_library()


class TestAudio:
    @pytest.mark.parametrize("body", [*wrapped({"url": "https://a/n.mp3"}), {"presignedUrl": "https://a/n.mp3"}])
    def test_gives_the_link(self, provider: Provider, body):
        note = provider.will(answer(body)).client().create_audio_note(ROOM, "say hello")
        assert note.url == "https://a/n.mp3"
        assert provider.calls == ["POST /api/v1/audio/notes"]
        assert provider.bodies == [{"room_id": ROOM, "prompt": "say hello"}]


class TestCam:
    def test_registers_a_webhook(self, provider: Provider):
        body = {"session_id": "s1", "callback_url": "https://oh/cb", "status": "active"}
        session = provider.will(answer(body, 201)).client().create_cam_session("42", "https://us/webhook")
        assert (session.session_id, session.callback_url, session.status) == ("s1", "https://oh/cb", "active")
        assert provider.calls == ["POST /api/v1/cam/create"]
        assert provider.bodies == [{"character_uid": "42", "webhook_url": "https://us/webhook"}]

    @pytest.mark.parametrize("envelope", ["data", None])
    def test_lists_sessions(self, provider: Provider, envelope):
        row = {"session_id": "s1", "character_uid": 42, "status": "active", "created_at": "2026-08-14T09:00:00Z"}
        fields = {"sessions": [row], "total": 11, "page": 2, "limit": 10}
        page = provider.will(answer({envelope: fields} if envelope else fields)).client().list_cam_sessions(page=2)
        assert (page.sessions[0].character_uid, page.total) == ("42", 11)
        assert provider.calls == ["GET /api/v1/cam/sessions?page=2&limit=10"]

    @pytest.mark.parametrize(
        "given", [answer({"message": "ended", "session_id": "s1"}), answer({"message": "ended"}), httpx.Response(204)]
    )
    def test_ends_a_session(self, provider: Provider, given):
        assert provider.will(given).client().end_cam_session("s1").session_id == "s1"
        assert provider.calls == ["DELETE /api/v1/cam/sessions/s1"]

    @pytest.mark.parametrize(
        "call",
        [
            lambda client: client.create_cam_session("42", "https://us/w"),
            lambda client: client.list_cam_sessions(),
            lambda client: client.end_cam_session("s1"),
        ],
    )
    def test_says_plainly_when_the_account_has_none(self, provider: Provider, call):
        with pytest.raises(OhCamUnavailableError, match="enabled per account") as caught:
            call(provider.will(answer({"message": "Unknown endpoint"}, 403)).client())
        assert caught.value.status == 403

    def test_other_refusals_are_not_taken_for_that(self, provider: Provider):
        with pytest.raises(OhForbiddenError) as caught:
            provider.will(answer({"error": "no credit"}, 403)).client().list_cam_sessions()
        assert not isinstance(caught.value, OhCamUnavailableError)
