import json
import logging
import time
import traceback

import httpx
import pytest
from pydantic import SecretStr

from digital_twin.deadline import Deadline
from digital_twin.trulience import CallbackClient, CallbackError, CallbackRefused, CallbackUnreachable

from .conftest import Provider, answer

URL = "https://trulience.com/tglisten"
TOKEN = "token-5c1e9d"
MESSAGE = "words of the avatar"


def client(provider: Provider) -> CallbackClient:
    return CallbackClient(transport=httpx.MockTransport(provider), sleep=provider.pauses.append)


def speak(provider: Provider, **options: object) -> None:
    client(provider).speak(URL, TOKEN, "s1", MESSAGE, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("token", [TOKEN, SecretStr(TOKEN)])
def test_says_the_message_in_the_sessions_name(provider: Provider, token):
    provider.will(answer({"ok": True}))
    client(provider).speak(URL, token, "s1", 'Grüße <trl-break duration="1.0" />')
    (request,) = provider.requests
    assert (request.method, str(request.url)) == ("POST", URL)
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.content) == {"sessionId": "s1", "message": 'Grüße <trl-break duration="1.0" />'}


@pytest.mark.parametrize(
    "given",
    [
        httpx.Response(200),
        httpx.Response(202, content=b"<html>"),
        httpx.Response(204),
        httpx.Response(299, content=b"x" * 1_000_000),
        httpx.Response(200, headers={"content-encoding": "gzip"}, content=b""),
    ],
)
def test_any_answer_of_success_is_success(provider: Provider, given):
    speak(provider.will(given))
    assert len(provider.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 403, 404, 410, 429])
def test_any_other_answer_is_a_refusal_and_final(provider: Provider, status):
    given = answer({"error": TOKEN}, status, location="https://elsewhere.example/")
    with pytest.raises(CallbackRefused) as caught:
        speak(provider.will(given), retries=2)
    assert caught.value.status == status
    assert str(caught.value) == f"the callback URL answered {status}"


def test_nothing_is_repeated_unless_asked(provider: Provider):
    with pytest.raises(CallbackRefused):
        speak(provider.will(answer(status=503)))
    with pytest.raises(CallbackUnreachable):
        speak(provider.will(httpx.ConnectError("refused")))
    assert provider.pauses == []


@pytest.mark.parametrize(
    "failure", [answer(status=500), answer(status=503), httpx.ConnectError("refused"), httpx.ReadTimeout("")]
)
def test_failures_that_may_heal_are_repeated_twice(provider: Provider, failure):
    speak(provider.will(failure, failure, answer()), retries=2)
    assert len(provider.pauses) == 2


def test_a_third_failure_is_the_end(provider: Provider):
    with pytest.raises(CallbackRefused):
        speak(provider.will(*(answer(status=502) for _ in range(3))), retries=5)


def test_repetitions_fit_into_the_deadline(provider: Provider):
    with pytest.raises(CallbackRefused):
        speak(provider.will(answer(status=502)), retries=2, deadline=Deadline.after(0.3))
    assert provider.pauses == []


def test_tells_whether_it_may_have_been_heard(provider: Provider):
    for error, sent in [
        (httpx.ConnectError("refused"), False),
        (httpx.ReadTimeout(""), True),
        (httpx.ReadError(""), True),
    ]:
        with pytest.raises(CallbackUnreachable) as caught:
            speak(provider.will(error))
        assert caught.value.sent is sent


def test_an_answer_that_drips_is_cut(provider: Provider):
    class Dripping(httpx.SyncByteStream):
        def __iter__(self):
            for _ in range(300):
                time.sleep(0.01)
                yield b" "

    began = time.monotonic()
    with pytest.raises(CallbackUnreachable):
        speak(provider.will(httpx.Response(200, stream=Dripping())), deadline=Deadline.after(0.1))
    assert time.monotonic() - began < 0.25


def test_a_passed_deadline_says_nothing(provider: Provider):
    with pytest.raises(CallbackUnreachable):
        speak(provider, deadline=Deadline.after(0))
    assert provider.requests == []


@pytest.mark.parametrize("token", ["", "line\nbreak", "tökén", "\ud800"])
def test_a_token_no_header_can_carry_is_not_sent(provider: Provider, token):
    with pytest.raises(CallbackUnreachable) as caught:
        client(provider).speak(URL, token, "s1", MESSAGE)
    assert provider.requests == []
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize("url", ["https://[::1", "https://host:port/", "\x00", "https://x/\ud800"])
def test_a_url_that_is_none_reaches_nobody(provider: Provider, url):
    with pytest.raises(CallbackUnreachable):
        client(provider).speak(url, TOKEN, "s1", MESSAGE)
    assert provider.requests == []


@pytest.mark.parametrize("message", ["", "half a \ud83d character", "\x00", "👋" * 1000])
def test_any_message_can_be_said(provider: Provider, message):
    provider.will(answer())
    client(provider).speak(URL, TOKEN, "s1", message)
    assert provider.bodies == [{"sessionId": "s1", "message": message}]


@pytest.mark.parametrize("given", [answer({"error": TOKEN}, 401), httpx.ConnectError("refused"), httpx.ReadTimeout("")])
def test_no_error_and_no_log_shows_token_or_message(provider: Provider, given, caplog):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(CallbackError) as caught:
        speak(provider.will(given))
    shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value)) + caplog.text
    assert TOKEN not in shown
    assert MESSAGE not in shown
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_a_client_without_a_transport_has_the_guarded_one():
    CallbackClient().close()
