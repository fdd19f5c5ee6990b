"""The webhook over API Gateway events: who may call, what is understood, and how trouble is told."""

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from avatar import services, sessions_handler, webhook_handler
from common import aws, upstream
from common.phrases import Phrase
from common.settings import SettingsError
from tests.unit.avatar.doubles import CallbackDouble, OhDouble

EVENTS = Path(__file__).parents[3] / "events" / "avatar"
BEARER = "example-rest-agent-key"


def load(name: str, **changes: Any) -> dict[str, Any]:
    """A real proxy event, received now; `body` is merged into the event's own, other changes replace members."""
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    event["requestContext"]["requestTimeEpoch"] = int(time.time() * 1000)
    body = changes.pop("body", None)
    if isinstance(body, dict):
        event["body"] = json.dumps(json.loads(event["body"] or "{}") | body)
    elif body is not None:
        event["body"] = body
    return event | changes


@pytest.fixture
def oh() -> OhDouble:
    return OhDouble()


@pytest.fixture
def callback() -> CallbackDouble:
    return CallbackDouble()


@pytest.fixture(autouse=True)
def _deployment(
    dynamodb: Any, oh: OhDouble, callback: CallbackDouble, monkeypatch: pytest.MonkeyPatch, deployment: Any
) -> Iterator[None]:
    monkeypatch.setattr(aws, "dynamodb", lambda: dynamodb)
    monkeypatch.setattr(upstream, "oh_client", oh.client)
    monkeypatch.setattr(services, "speaker", callback.speaker)
    yield
    assert services.late_work().wait(10)


def send(event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    answer = webhook_handler.lambda_handler(event, SimpleNamespace(aws_request_id="lambda-1"))
    return answer["statusCode"], json.loads(answer["body"])


def ask(event: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    answer = sessions_handler.lambda_handler(event, SimpleNamespace(aws_request_id="lambda-1"))
    return answer["statusCode"], json.loads(answer["body"] or "{}")


def test_a_conversation() -> None:
    status, answer = send(load("webhook_login"))
    session_id = json.loads(load("webhook_login")["body"])["sessionId"]
    assert (status, answer) == (200, {"sessionId": session_id, "status": "OK", "statusMessage": "Hello."})
    status, answer = send(load("webhook_chat"))
    assert status == 200
    assert answer == {
        "sessionId": session_id,
        "reply": "You said What did you do today?",
        "status": "OK",
        "statusMessage": "OK",
    }
    for _ in range(2):
        status, answer = send(load("webhook_logout"))
        assert (status, answer["status"], answer["sessionId"]) == (200, "OK", session_id)
    assert ask(load("read_session"))[0] == 404


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": BEARER},
        {"Authorization": f"Basic {BEARER}"},
        {"Authorization": "Bearer "},
        {"X-API-Key": BEARER},
        None,
    ],
)
@pytest.mark.parametrize("name", ["webhook_login", "session_disconnect"])
def test_without_the_right_bearer_nothing_is_read(name: str, headers: Any, oh: OhDouble) -> None:
    status, answer = send(load(name, headers=headers, body="not even json"))
    assert status == 401
    assert answer["status"] == "ERROR"
    assert "bearer token" in answer["error"]
    assert "sessionId" not in answer
    assert oh.created == []


@pytest.mark.parametrize("headers", [{"authorization": f"bearer {BEARER}"}, {"AUTHORIZATION": f"Bearer  {BEARER} "}])
def test_header_names_and_the_scheme_may_be_written_in_any_case(headers: dict[str, str]) -> None:
    assert send(load("webhook_login", headers=headers))[0] == 200


def test_while_a_key_is_rotated_both_are_good() -> None:
    assert send(load("webhook_login", headers={"Authorization": "Bearer next-rest-agent-key"}))[0] == 200


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "JSON object"),
        ("null", "JSON object"),
        ("{}", "action is missing"),
        ('{"action": "DANCE", "sessionId": "s"}', "action"),
        ('{"action": "CHAT", "message": "hi"}', "sessionId is missing"),
        ('{"action": "CHAT", "sessionId": "s"}', "message is missing"),
        ('{"action": "CHAT", "sessionId": "s", "message": 5}', "message"),
        ('{"action": "CHAT", "sessionId": "s", "message": "  "}', "message"),
        ('{"action": "CHAT", "sessionId": "", "message": "hi"}', "sessionId"),
        ('{"action": "CHAT", "sessionId": "%s", "message": "hi"}' % ("x" * 257), "sessionId"),
        ('{"action": "LOGIN", "sessionId": "s"}', "missing"),
    ],
)
def test_bad_input_is_told_in_trulience_shape(body: str, says: str) -> None:
    status, answer = send(load("webhook_chat", body=body))
    assert status == 400
    assert answer["status"] == "ERROR"
    assert says in answer["error"]
    assert answer["statusMessage"] == answer["error"]


def test_an_error_names_the_session_where_it_could_be_read() -> None:
    _, answer = send(load("webhook_chat", body='{"action": "CHAT", "sessionId": "s-7"}'))
    assert answer["sessionId"] == "s-7"


def test_a_body_in_base64_is_read() -> None:
    event = load("webhook_login")
    encoded = base64.b64encode(event["body"].encode()).decode()
    assert send({**event, "body": encoded, "isBase64Encoded": True})[0] == 200
    assert send({**event, "body": "%%%", "isBase64Encoded": True})[0] == 400
    assert send({**event, "body": base64.b64encode(b"\xff\xfe").decode(), "isBase64Encoded": True})[0] == 400


@pytest.mark.parametrize("character_id", ["a b", "ä", "x" * 129, "a/b", "a.b", "1\n"])
def test_a_character_id_of_other_characters_is_refused(character_id: str) -> None:
    status, answer = send(load("webhook_login", pathParameters={"character_id": character_id}))
    assert status == 400
    assert "character id" in answer["error"]


@pytest.mark.parametrize("character_id", ["1042", "A-b_9", "x" * 128])
def test_a_character_id_may_be(character_id: str) -> None:
    assert send(load("webhook_login", pathParameters={"character_id": character_id}))[0] == 200


def test_a_forbidden_callback_is_told_and_nothing_stored(oh: OhDouble) -> None:
    status, answer = send(load("webhook_login", body={"callbackUrl": "https://evil.example/x"}))
    assert status == 400
    assert "callbackUrl" in answer["error"]
    assert "evil" not in json.dumps(answer)
    assert oh.created == []
    assert ask(load("read_session"))[0] == 404


def test_a_disconnect_ends_the_session() -> None:
    send(load("webhook_login"))
    assert ask(load("read_session"))[0] == 200
    status, answer = send(load("session_disconnect"))
    assert (status, answer["status"]) == (200, "OK")
    assert ask(load("read_session"))[0] == 404


def test_a_connect_limits_the_session() -> None:
    send(load("webhook_login"))
    _, before = ask(load("read_session"))
    status, answer = send(load("session_connect", body={"max_session_duration": 60}))
    assert (status, answer["status"]) == (200, "OK")
    _, after = ask(load("read_session"))
    assert after["expires_at"] < before["expires_at"]


def test_a_platform_event_that_is_none_is_refused() -> None:
    status, answer = send(load("session_connect", body={"event_type": "session.nap"}))
    assert status == 400
    assert "event_type" in answer["error"]


def test_a_storage_outage_is_told(dynamodb: Any) -> None:
    dynamodb.delete_table(TableName="sessions")
    status, answer = send(load("webhook_login"))
    assert (status, answer["status"]) == (503, "ERROR")


def test_an_answer_is_not_later_than_the_deadline_counted_from_the_gateway(oh: OhDouble) -> None:
    send(load("webhook_login"))
    event = load("webhook_chat")
    event["requestContext"]["requestTimeEpoch"] -= 10_000
    began = time.monotonic()
    assert send(event)[0] == 200
    assert time.monotonic() - began < 1


def test_the_extension_learns_of_every_end(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []
    monkeypatch.setattr(webhook_handler, "_answered", ended.append)
    send(load("webhook_login"))
    monkeypatch.setattr(webhook_handler.app, "resolve", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        webhook_handler.lambda_handler({}, SimpleNamespace(aws_request_id="lambda-2"))
    assert ended == ["lambda-1", "lambda-2"]


def test_outside_lambda_there_is_no_extension(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_LAMBDA_RUNTIME_API", raising=False)
    assert services.start_environment()("any request") is None


def test_where_lambda_is_stood_in_for_the_start_does_what_the_first_request_would(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_LAMBDA_RUNTIME_API", raising=False)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "webhook")
    services.start_environment()
    assert services.turns.cache_info().currsize == 1
    assert services.conversation.cache_info().currsize == 1


def test_in_lambda_a_broken_phrase_ends_the_start_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9")
    monkeypatch.setenv("GREETING", '{"de": "Hallo"}')
    with pytest.raises(SettingsError, match=r'parameter Greeting.*lacks the key "default"'):
        services.start_environment()


def test_partners_see_the_session_without_its_secrets() -> None:
    send(load("webhook_login"))
    status, session = ask(load("read_session"))
    login = json.loads(load("webhook_login")["body"])
    assert status == 200
    assert (session["user_id"], session["character_id"], session["turn"]) == (login["userId"], "1042", 0)
    assert session["can_receive_messages"] is True
    shown = json.dumps([session, ask(load("list_sessions"))[1]])
    assert login["authToken"] not in shown
    assert login["callbackUrl"] not in shown


def test_partners_list_sessions_in_pages() -> None:
    for number in range(3):
        send(load("webhook_login", body={"sessionId": f"s{number}"}))
    listed: list[str] = []
    cursor = None
    for _ in range(3):
        query = {"limit": "1"} | ({"cursor": cursor} if cursor else {})
        status, page = ask(load("list_sessions", queryStringParameters=query))
        assert status == 200
        listed += [session["session_id"] for session in page["sessions"]]
        cursor = page["next_cursor"]
    assert cursor is None
    assert sorted(listed) == ["s0", "s1", "s2"]


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "x"},
        {"limit": "-1"},
        {"limit": "1" * 5000},
        {"limit": "²"},
        {"cursor": "nonsense"},
        {"cursor": "eyJzZXNzaW9uX2lkIjoicyJ9"},
    ],
)
def test_a_listing_that_cannot_be_is_refused(query: dict[str, str]) -> None:
    status, answer = ask(load("list_sessions", queryStringParameters=query))
    assert status == 400
    assert answer["code"] == "invalid_request"


def test_partners_end_a_session_once() -> None:
    send(load("webhook_login"))
    assert ask(load("end_session"))[0] == 204
    status, answer = ask(load("end_session"))
    assert (status, answer["code"]) == (404, "not_found")


def test_partners_have_the_avatar_speak(callback: CallbackDouble) -> None:
    send(load("webhook_login"))
    status, answer = ask(load("send_message"))
    session_id = load("send_message")["pathParameters"]["session_id"]
    assert (status, answer) == (200, {"session_id": session_id, "delivered": True})
    assert callback.spoken == [(session_id, 'Your picture is ready. <trl-break duration="1.0" />')]


@pytest.mark.parametrize(
    "body",
    ['{"message": ""}', '{"message": " "}', "{}", "[]", "", '{"message": 1}', json.dumps({"message": "x" * 4001})],
)
def test_a_message_that_is_none_is_refused(body: str, callback: CallbackDouble) -> None:
    send(load("webhook_login"))
    status, answer = ask(load("send_message", body=body))
    assert (status, answer["code"]) == (400, "invalid_request")
    assert callback.calls == 0


def test_partners_learn_why_the_avatar_did_not_speak(callback: CallbackDouble) -> None:
    assert ask(load("send_message"))[1]["code"] == "not_found"
    send(load("webhook_chat"))
    status, answer = ask(load("send_message"))
    assert (status, answer["code"]) == (409, "no_callback")
    send(load("webhook_login"))
    callback.statuses = [403]
    status, answer = ask(load("send_message"))
    assert (status, answer["code"]) == (502, "trulience_refused")


@pytest.mark.parametrize("session_id", ["a/b", "ü ñ", "50%", "%2F", "?x=1&y#z", "\U0001f600", "{session_id}", "a+b"])
def test_any_session_id_can_be_named_in_a_path(session_id: str) -> None:
    send(load("webhook_login", body={"sessionId": session_id}))
    status, session = ask(load("read_session", pathParameters={"session_id": session_id}))
    assert (status, session.get("session_id")) == (200, session_id)


def test_an_id_nobody_can_have_is_not_found() -> None:
    assert ask(load("read_session", pathParameters={"session_id": "x" * 3000}))[0] == 404


def test_the_phrases_are_the_deployments() -> None:
    greeting = services.conversation()._phrases.greeting
    assert isinstance(greeting, Phrase)
    assert greeting.for_locale("fr") == "Hello."
