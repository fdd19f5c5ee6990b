"""The simulated Trulience: what it sends, what it takes, and the conversation from a keyboard."""

import argparse
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from flask.testing import FlaskClient

from local.servers import AbortConnection
from local.trulience_simulator import SpokenSessions, TrulienceClient, add_arguments, create_app, run
from local.trulience_simulator.command import Talk

WEBHOOK = "https://partner.example/avatars/1021/webhook"


class Webhook:
    """A partner's webhook that answers well, and remembers what it was sent."""

    def __init__(self, answer: Callable[[dict[str, Any]], httpx.Response] | None = None) -> None:
        self.requests: list[httpx.Request] = []
        self._answer = answer

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.requests]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        event = json.loads(request.content)
        if self._answer is not None:
            return self._answer(event)
        body = {"sessionId": event.get("sessionId"), "status": "OK", "statusMessage": "Welcome"}
        if event.get("action") == "CHAT":
            body["reply"] = "I heard " + event["message"]
        return httpx.Response(200, json=body)


def sender(webhook: Webhook, **more: Any) -> TrulienceClient:
    return TrulienceClient(WEBHOOK, "agent-key", "http://127.0.0.1:9/", transport=httpx.MockTransport(webhook), **more)


# Sending


def test_a_login_carries_every_documented_field_and_the_bearer() -> None:
    webhook = Webhook()
    answer = sender(webhook).login("s-1", user_id="ann", locale="de-AT", last_seen="2026-08-01 10:00:00")

    (event,) = webhook.events
    assert webhook.requests[0].headers["Authorization"] == "Bearer agent-key"
    assert event.pop("authToken")
    assert event == {
        "action": "LOGIN",
        "sessionId": "s-1",
        "userId": "ann",
        "locale": "de-AT",
        "lastSeen": "2026-08-01 10:00:00",
        "callbackUrl": "http://127.0.0.1:9/tglisten",
    }
    assert (answer.ok, answer.spoken, answer.session_id) == (True, "Welcome", "s-1")
    assert answer.latency >= 0


def test_chat_and_logout_name_their_session() -> None:
    webhook = Webhook()
    client = sender(webhook)
    reply = client.chat("s-1", "hello", userId="ann")
    client.logout("s-1")

    assert webhook.events == [
        {"action": "CHAT", "sessionId": "s-1", "message": "hello", "userId": "ann"},
        {"action": "LOGOUT", "sessionId": "s-1"},
    ]
    assert reply.spoken == "I heard hello"


def test_each_login_gets_its_own_session_and_token() -> None:
    webhook = Webhook()
    client = sender(webhook)
    first, second = client.login(), client.login()

    assert first.session_id != second.session_id
    assert len({event["authToken"] for event in webhook.events}) == 2


def test_platform_events_go_beside_the_webhook() -> None:
    webhook = Webhook()
    client = sender(webhook)
    client.session_connect("s-1", avatar_id="a-1", max_session_duration=600)
    client.session_disconnect("s-1", avatar_id="a-1")

    connect, disconnect = webhook.events
    assert {str(request.url) for request in webhook.requests} == {"https://partner.example/avatars/1021/session-events"}
    assert connect["event_type"] == "session.connect"
    assert connect["max_session_duration"] == 600
    assert disconnect["event_type"] == "session.disconnect"
    assert set(disconnect) == {"event_type", "customer_id", "avatar_id", "session_id", "timestamp"}


def test_an_answer_that_is_not_json_or_never_comes_is_told_apart() -> None:
    def refuse(_: dict[str, Any]) -> httpx.Response:
        raise httpx.ConnectError("nobody there")

    page = sender(Webhook(lambda _: httpx.Response(502, html="<h1>Bad</h1>"))).chat("s-1", "hello")
    nothing = sender(Webhook(refuse)).chat("s-1", "hello")

    assert (page.status, page.body, page.ok, page.problem) == (502, {}, False, None)
    assert (nothing.status, nothing.ok, nothing.problem) == (None, False, "nobody there")


# Receiving


@pytest.fixture
def sessions() -> SpokenSessions:
    sessions = SpokenSessions()
    sessions.register("s-1", "token-1")
    sessions.register("s-2", "token-2")
    return sessions


@pytest.fixture
def endpoint(sessions: SpokenSessions) -> FlaskClient:
    return create_app(sessions=sessions).test_client()


def speak(endpoint: FlaskClient, message: Any = "hello", *, session_id: Any = "s-1", token: str = "token-1") -> int:
    body = {"sessionId": session_id, "message": message}
    return endpoint.post("/tglisten", json=body, headers={"Authorization": f"Bearer {token}"}).status_code


def set_switches(endpoint: FlaskClient, **switches: Any) -> None:
    assert endpoint.put("/_simulator/switches", json=switches).status_code == 200


def spoken(endpoint: FlaskClient, session_id: str = "s-1") -> list[str]:
    found = endpoint.get(f"/_simulator/messages?session_id={session_id}").get_json()["messages"]
    return [message["message"] for message in found]


def test_a_message_with_the_sessions_token_is_spoken_there_and_nowhere_else(endpoint: FlaskClient) -> None:
    assert [speak(endpoint, "one"), speak(endpoint, "two", session_id="s-2", token="token-2")] == [200, 200]

    (message,) = endpoint.get("/_simulator/messages?session_id=s-1").get_json()["messages"]
    assert (message["session_id"], message["message"]) == ("s-1", "one")
    assert message["time"].endswith("Z")
    assert spoken(endpoint, "s-2") == ["two"]


@pytest.mark.parametrize(
    ("session_id", "token"), [("s-1", "token-2"), ("s-1", ""), ("unknown", "token-1"), ("s-1", "tökén")]
)
def test_a_wrong_token_is_refused(endpoint: FlaskClient, session_id: str, token: str) -> None:
    assert speak(endpoint, session_id=session_id, token=token) == 401
    assert spoken(endpoint) == []


def test_no_token_at_all_is_refused(endpoint: FlaskClient) -> None:
    assert endpoint.post("/tglisten", json={"sessionId": "s-1", "message": "x"}).status_code == 401


@pytest.mark.parametrize(("session_id", "message"), [(None, "x"), ("s-1", None), (7, "x"), ("s-1", ["x"])])
def test_a_message_that_is_none_is_refused(endpoint: FlaskClient, session_id: Any, message: Any) -> None:
    assert speak(endpoint, message, session_id=session_id) == 400


def test_an_unknown_path_is_an_error_in_json(endpoint: FlaskClient) -> None:
    answer = endpoint.get("/tglisten")

    assert (answer.status_code, answer.get_json()["status"]) == (405, "ERROR")


def test_a_message_can_be_waited_for(sessions: SpokenSessions, endpoint: FlaskClient) -> None:
    speak(endpoint, "early")
    timer = threading.Timer(0.05, lambda: sessions.record("s-1", "late"))
    timer.start()
    early, late = sessions.wait_for_message("s-1", 5), sessions.wait_for_message("s-1", 5, after=1)

    assert (early and early.message, late and late.message) == ("early", "late")
    assert sessions.wait_for_message("s-1", 0.02, after=2) is None
    assert sessions.wait_for_message("nobody", 0.02) is None


def test_a_message_can_be_waited_for_over_http(sessions: SpokenSessions, endpoint: FlaskClient) -> None:
    threading.Timer(0.05, lambda: sessions.record("s-1", "late")).start()
    found = endpoint.get("/_simulator/messages?session_id=s-1&wait=5").get_json()["messages"]

    assert [message["message"] for message in found] == ["late"]


def test_a_session_of_another_sender_can_be_registered(endpoint: FlaskClient) -> None:
    made = endpoint.post("/_simulator/sessions", json={"session_id": "s-9", "auth_token": "token-9"})
    bad = endpoint.post("/_simulator/sessions", json={"session_id": "s-9"})

    assert (made.status_code, bad.status_code) == (201, 400)
    assert speak(endpoint, session_id="s-9", token="token-9") == 200


def test_callbacks_can_fail_the_set_number_of_times(endpoint: FlaskClient) -> None:
    set_switches(endpoint, faults=[{"status": 503, "times": 2}])

    assert [speak(endpoint) for _ in range(3)] == [503, 503, 200]
    assert spoken(endpoint) == ["hello"]


def test_a_callback_may_be_spoken_although_its_answer_is_an_error(endpoint: FlaskClient) -> None:
    set_switches(endpoint, faults=[{"status": 500, "after_recording": True}])

    assert speak(endpoint) == 500
    assert spoken(endpoint) == ["hello"]


@pytest.mark.parametrize("fault", [{"kind": "reset"}, {"kind": "hang", "seconds": 0.01}])
def test_a_callback_can_be_broken_off(endpoint: FlaskClient, fault: dict[str, Any]) -> None:
    set_switches(endpoint, faults=[fault])

    with pytest.raises(AbortConnection):
        speak(endpoint)
    assert spoken(endpoint) == []


def test_a_redirect_shows_who_follows_with_the_token(endpoint: FlaskClient) -> None:
    set_switches(endpoint, faults=[{"kind": "redirect", "status": 302}])
    headers = {"Authorization": "Bearer token-1"}
    answer = endpoint.post("/tglisten", json={"sessionId": "s-1", "message": "x"}, headers=headers)
    endpoint.get(answer.headers["Location"])
    endpoint.get(answer.headers["Location"], headers=headers)
    followed = endpoint.get("/_simulator/requests").get_json()["requests"][1:]

    assert answer.status_code == 302
    assert [entry["operation"] for entry in followed] == ["redirect followed"] * 2
    assert [entry["fault"] for entry in followed] == [None, "token leaked"]


def test_callbacks_can_be_slow(endpoint: FlaskClient) -> None:
    set_switches(endpoint, latency_seconds=0.1)
    begin = time.monotonic()

    assert speak(endpoint) == 200
    assert time.monotonic() - begin >= 0.1


@pytest.mark.parametrize("switches", [[], {"colour": 1}, {"latency_seconds": -1}, {"faults": [{"status": 200}]}])
def test_callback_switches_that_cannot_be_are_refused(endpoint: FlaskClient, switches: Any) -> None:
    answer = endpoint.put("/_simulator/switches", json=switches)

    assert answer.status_code == 400
    assert answer.get_json()["error"].startswith("These switches cannot be set: ")


def test_reset_forgets_messages_and_faults_but_not_sessions(endpoint: FlaskClient) -> None:
    speak(endpoint)
    set_switches(endpoint, faults=[{"times": None}])
    endpoint.post("/_simulator/reset")

    assert spoken(endpoint) == []
    assert speak(endpoint) == 200


def test_records_hold_no_token(endpoint: FlaskClient) -> None:
    speak(endpoint)

    assert "token-1" not in endpoint.get("/_simulator/requests").text


# The conversation from a keyboard


def test_a_script_is_played_from_login_to_logout() -> None:
    webhook, lines = Webhook(), list[str]()
    status = Talk(sender(webhook), user_id="ann", write=lines.append).run(["Good morning\n", "\n", "Bye\n"])

    assert status == 0
    assert [event["action"] for event in webhook.events] == ["LOGIN", "CHAT", "CHAT", "LOGOUT"]
    assert next(line for line in lines if line.startswith("avatar")).startswith("avatar  > I heard Good morning  [0.0")


def test_a_late_message_is_printed_as_it_comes() -> None:
    client, lines = sender(Webhook()), list[str]()
    talk = Talk(client, write=lines.append)
    client.sessions.register("s-1", "t")
    client.sessions.record("s-1", "By the way")

    assert talk.run([]) == 0
    assert "late    > By the way" in lines


def test_an_empty_reply_says_that_more_may_follow() -> None:
    webhook = Webhook(lambda event: httpx.Response(200, json={"status": "OK", "reply": ""}))
    lines: list[str] = []
    Talk(sender(webhook), write=lines.append).run(["Hello"])

    assert any("a late message may follow" in line for line in lines)


def test_a_failed_event_is_shown_and_makes_the_status_one() -> None:
    def answer(event: dict[str, Any]) -> httpx.Response:
        if event["action"] == "CHAT":
            return httpx.Response(400, json={"status": "ERROR", "error": "message is required"})
        return httpx.Response(200, json={"status": "OK"})

    lines: list[str] = []
    status = Talk(sender(Webhook(answer)), write=lines.append).run(["Hello"])

    assert status == 1
    assert any("FAILED, status 400: message is required" in line for line in lines)


def test_commands_open_close_and_announce_sessions() -> None:
    webhook, lines = Webhook(), list[str]()
    script = ["/connect", "/logout", "anyone?", "/logout", "/login", "/disconnect", "/wait 0", "/help"]
    Talk(sender(webhook), write=lines.append).run(script)
    sent = [event.get("action") or event["event_type"] for event in webhook.events]

    assert sent == ["LOGIN", "session.connect", "LOGOUT", "LOGIN", "session.disconnect", "LOGOUT"]
    assert "No session is open: /login opens one." in lines
    assert "No session is open." in lines


def test_an_interrupt_still_logs_out() -> None:
    webhook = Webhook()

    def interrupted() -> Any:
        yield "Hello"
        raise KeyboardInterrupt

    assert Talk(sender(webhook), write=lambda _: None).run(interrupted()) == 0
    assert webhook.events[-1]["action"] == "LOGOUT"


def test_the_command_needs_a_key(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("TRULIENCE_API_KEY", raising=False)
    parser = argparse.ArgumentParser()
    add_arguments(parser)

    assert run(parser.parse_args(["--webhook-url", WEBHOOK])) == 2
    assert "TRULIENCE_API_KEY" in capsys.readouterr().err
