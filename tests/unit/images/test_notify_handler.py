"""The workflow's tasks of telling, and the partner's way to have it done again."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from avatar.session import Opening
from avatar.session_store import SessionStore
from digital_twin.trulience import CallbackClient
from images import notify_handler
from images.job import StoredImage

JOB = "0b7e4a52-1d0c-4a6e-8f0b-2f6a3c1d9e77"
IMAGE = StoredImage(key=f"results/{JOB}.png", content_type="image/png", bytes=12, sha256="0" * 64)
BOTH = {"session_id": "s", "callback_url": "https://partner.example/hook"}


@pytest.fixture
def outside(world: Any, monkeypatch: pytest.MonkeyPatch) -> list[httpx.Request]:
    """The partner and Trulience: take everything, and what they took."""
    taken: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        request.read()
        taken.append(request)
        return httpx.Response(200)

    transport = httpx.MockTransport(handle)
    monkeypatch.setattr(notify_handler, "callback_transport", lambda *, allow_loopback: transport)
    monkeypatch.setattr(notify_handler, "callback_client", lambda: CallbackClient(transport=transport))
    return taken


@pytest.fixture
def session(world: Any) -> None:
    """An open session with a callback."""
    opening = Opening("s", "1234", "user", callback_url="https://trulience.com/x", auth_token=SecretStr("token"))
    SessionStore(world.dynamodb, "sessions").log_in(opening)


@pytest.fixture
def call(world: Any, event: Callable[..., dict[str, Any]], context: Any) -> Callable[..., Any]:
    def run(name: str, **changes: Any) -> Any:
        return notify_handler.lambda_handler(event(name, **changes), context)

    return run


def test_a_session_is_told(call: Any, world: Any, outside: Any, session: None, make_job: Any) -> None:
    world.put(make_job(JOB, request=BOTH, status="completed", image=IMAGE))
    assert call("tell_session")["decision"] == "done"
    assert outside[0].headers["authorization"] == "Bearer token"
    message = json.loads(outside[0].content)
    assert message["sessionId"] == "s"
    assert message["message"].startswith("Your picture is ready: https://results-bucket.s3")


def test_a_callback_is_told_signed(call: Any, world: Any, outside: Any, make_job: Any) -> None:
    world.put(make_job(JOB, request=BOTH, status="completed", image=IMAGE))
    assert call("tell_callback") == {"decision": "done", "wait_seconds": 0, "attempt": 1}
    assert outside[0].headers["webhook-signature"].startswith("v1,")


@pytest.mark.parametrize("status", ["queued", None])
def test_nobody_is_told_of_a_job_that_has_not_ended(
    call: Any, world: Any, outside: Any, make_job: Any, status: str | None
) -> None:
    if status:
        world.put(make_job(JOB, request=BOTH, status=status))
    assert call("tell_callback")["decision"] == "done"
    assert outside == []


def test_a_partner_can_have_everybody_told_again(
    call: Any, world: Any, outside: Any, session: None, make_job: Any
) -> None:
    world.put(make_job(JOB, request=BOTH, status="completed", image=IMAGE))
    answer = call("notifications")
    body = json.loads(answer["body"])
    assert answer["statusCode"] == 202
    assert {told["target"]: told["status"] for told in body["notifications"]} == {
        "callback": "delivered",
        "session": "delivered",
    }
    assert [str(request.url.host) for request in outside] == ["trulience.com", "partner.example"]


@pytest.mark.parametrize(
    ("job", "status", "code"),
    [
        (None, 404, "not_found"),
        ({"partner_id": "partner-2", "status": "completed"}, 404, "not_found"),
        ({"status": "completed", "image": IMAGE, "expires_at": 1}, 404, "not_found"),
        ({"status": "processing"}, 409, "not_ready"),
        ({"status": "completed", "image": IMAGE}, 409, "nobody_to_notify"),
    ],
)
def test_where_there_is_nothing_to_tell_it_says_so(
    call: Any, world: Any, outside: Any, make_job: Any, job: Any, status: int, code: str
) -> None:
    if job:
        world.put(make_job(JOB, **job))
    answer = call("notifications")
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (status, code)
    assert outside == []
