"""The project's own Trulience models and callback client against the simulated platform."""

from collections.abc import Callable

import httpx
import pytest

from digital_twin.trulience import (
    CallbackClient,
    CallbackRefused,
    ChatEvent,
    LoginEvent,
    LogoutEvent,
    parse_event,
    parse_session_event,
)
from local.trulience_simulator import CALLBACK_PATH, SpokenSessions, TrulienceClient, WebhookAnswer, create_app

CALLBACK_URL = "http://127.0.0.1:9" + CALLBACK_PATH


def sent(send: Callable[[TrulienceClient], WebhookAnswer]) -> bytes:
    """The body that the simulated platform sends."""
    bodies: list[bytes] = []

    def webhook(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content)
        return httpx.Response(200, json={"status": "OK"})

    send(TrulienceClient("http://x/webhook", "k", "http://127.0.0.1:9", transport=httpx.MockTransport(webhook)))
    return bodies[0]


@pytest.mark.parametrize(
    ("send", "kind"),
    [
        (lambda platform: platform.login("s-1"), LoginEvent),
        (lambda platform: platform.chat("s-1", "hello"), ChatEvent),
        (lambda platform: platform.logout("s-1"), LogoutEvent),
    ],
)
def test_events_are_understood(send: Callable[[TrulienceClient], WebhookAnswer], kind: type) -> None:
    event = parse_event(sent(send))

    assert isinstance(event, kind)
    assert event.session_id == "s-1"


def test_platform_events_are_understood() -> None:
    connect = parse_session_event(sent(lambda platform: platform.session_connect("s-1", max_session_duration=60)))
    disconnect = parse_session_event(sent(lambda platform: platform.session_disconnect("s-1")))

    assert (connect.event_type, connect.max_session_duration) == ("session.connect", 60)
    assert (disconnect.event_type, disconnect.session_id) == ("session.disconnect", "s-1")


def test_the_callback_client_is_heard() -> None:
    sessions = SpokenSessions()
    sessions.register("s-1", "token")
    client = CallbackClient(transport=httpx.WSGITransport(app=create_app(sessions=sessions)))
    client.speak(CALLBACK_URL, "token", "s-1", 'One <trl-break duration="1.0" /> two')

    assert [spoken.message for spoken in sessions.messages("s-1")] == ['One <trl-break duration="1.0" /> two']


def test_the_callback_client_repeats_what_failed_and_says_what_was_refused() -> None:
    sessions = SpokenSessions()
    sessions.register("s-1", "token")
    app = create_app(sessions=sessions)
    client = CallbackClient(transport=httpx.WSGITransport(app=app), sleep=lambda _: None)
    app.test_client().put("/_simulator/switches", json={"faults": [{"status": 503, "times": 2}]})
    client.speak(CALLBACK_URL, "token", "s-1", "hello", retries=2)

    assert [spoken.message for spoken in sessions.messages("s-1")] == ["hello"]
    with pytest.raises(CallbackRefused) as refused:
        client.speak(CALLBACK_URL, "wrong", "s-1", "hello")
    assert refused.value.status == 401
