"""POST /images as API Gateway sends it."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from images import submission_handler


@pytest.fixture
def post(
    world: Any, event: Callable[..., dict[str, Any]], context: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, Any]]:
    """Sends the submission of events/images; `body` and `key` replace its own."""
    monkeypatch.setattr(submission_handler, "oh_client", world.provider.client)

    def send(body: Any = None, *, key: str | None = None, **changes: Any) -> dict[str, Any]:
        payload = event("submit", **changes)
        if body is not None:
            payload["body"] = body if isinstance(body, str) else json.dumps(body)
        for headers, value in (("headers", key), ("multiValueHeaders", [key])):
            payload[headers].pop("Idempotency-Key")
            if key is not None:
                payload[headers]["Idempotency-Key"] = value
        return submission_handler.lambda_handler(payload, context)

    return send


def header(answer: dict[str, Any], name: str) -> str:
    return str(answer["multiValueHeaders"][name][0])


def test_an_accepted_job_is_answered_202_with_where_and_when_to_look(post: Any, world: Any) -> None:
    world.provider.accepts("job-1")
    answer = post()
    body = json.loads(answer["body"])
    assert answer["statusCode"] == 202
    assert (body["job_id"], body["status"], body["metadata"]) == ("job-1", "queued", {"order": "A-17"})
    assert (header(answer, "Location"), header(answer, "Retry-After")) == ("/prod/images/job-1", "2")
    assert "prompt" not in body


def test_a_job_id_of_any_form_is_led_to(post: Any, world: Any) -> None:
    world.provider.accepts("a b/ü")
    assert header(post(), "Location") == "/prod/images/a%20b%2F%C3%BC"


def test_a_repeat_gets_the_same_answer_to_the_byte(post: Any, world: Any) -> None:
    world.provider.accepts("job-1")
    assert post(key="k") == post(key="k")
    assert len(world.provider.requests) == 1


def test_a_repeat_that_differs_only_in_blanks_is_the_same(post: Any, world: Any) -> None:
    world.provider.accepts("job-1")
    first = post({"character_id": "1", "prompt": "x"}, key="k")
    assert post('{ "prompt": " x ", "character_id": "1" }', key="k") == first


@pytest.mark.parametrize(
    ("body", "key", "status", "code"),
    [
        ("{", None, 400, "invalid_request"),
        ({"character_id": "1"}, None, 400, "invalid_request"),
        ({"character_id": "1", "prompt": "x"}, "not visible", 400, "invalid_idempotency_key"),
        (
            {"character_id": "1", "prompt": "x", "callback_url": "http://partner.example/"},
            None,
            400,
            "invalid_callback_url",
        ),
    ],
)
def test_bad_requests_are_told_why(post: Any, body: Any, key: str | None, status: int, code: str) -> None:
    answer = post(body, key=key)
    problem = json.loads(answer["body"])
    assert (answer["statusCode"], problem["code"]) == (status, code)
    assert problem["error"].endswith(".")
    assert problem["request_id"]


def test_moderation_is_a_400_in_the_providers_words(post: Any, world: Any) -> None:
    world.provider.says(400, {"error": "Prompt failed moderation"})
    answer = post()
    problem = json.loads(answer["body"])
    assert (answer["statusCode"], problem["code"]) == (400, "moderation_failed")
    assert problem["error"] == "Prompt failed moderation"


def test_silence_of_the_provider_is_a_504(post: Any, world: Any) -> None:
    world.provider.breaks(httpx.ReadTimeout("silence"))
    answer = post()
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (504, "submission_unknown")


def test_other_body_same_key_is_a_422(post: Any, world: Any) -> None:
    world.provider.accepts()
    post({"character_id": "1", "prompt": "x"}, key="k")
    answer = post({"character_id": "1", "prompt": "y"}, key="k")
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (422, "idempotency_key_reused")


def test_a_workflow_that_cannot_start_is_a_503_that_names_the_job(post: Any, world: Any) -> None:
    world.provider.accepts("job-1")
    world.states.delete_state_machine(stateMachineArn=world.state_machine_arn)
    answer = post(key="k")
    problem = json.loads(answer["body"])
    assert (answer["statusCode"], problem["code"], problem["job_id"]) == (503, "workflow_not_started", "job-1")
    assert header(answer, "Retry-After")


def test_nothing_of_a_prompt_is_logged(post: Any, world: Any, capsys: pytest.CaptureFixture[str]) -> None:
    world.provider.accepts()
    post({"character_id": "1", "prompt": "very private"})
    world.provider.says(500, {"error": "boom"})
    world.provider.says(500, {"error": "boom"})
    post({"character_id": "1", "prompt": "very private"})
    assert "very private" not in "".join(capsys.readouterr())
