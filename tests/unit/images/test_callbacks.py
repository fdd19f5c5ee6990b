"""Calling partners: where callbacks may lead, how they are signed, what counts as taken."""

import base64
import hashlib
import hmac
import socket
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import InvalidInputError
from digital_twin.addresses import AddressRefused
from images.callbacks import Delivery, callback_transport, check_callback_url, deliver, signature

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def public(host: str, port: int) -> list[str]:
    return ["93.184.216.34", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]


def test_the_published_vector_of_standard_webhooks() -> None:
    # From the scheme's own documentation of how to verify a message by hand.
    signed = signature(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.binary(min_size=24, max_size=64), st.text("abc_123", min_size=1), st.integers(0, 2**40), st.binary())
def test_any_message_is_signed_over_id_time_and_raw_body(key: bytes, message: str, now: int, body: bytes) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    expected = hmac.new(key, f"{message}.{now}.".encode() + body, hashlib.sha256).digest()
    assert signature(secret, message, now, body) == "v1," + base64.b64encode(expected).decode()


@pytest.mark.parametrize(
    "url", ["https://partner.example/hook?a=b", "https://partner.example:8443/", "https://93.184.216.34/"]
)
def test_public_https_addresses_may_be_called(url: str) -> None:
    check_callback_url(url, resolver=public)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://partner.example/", "https"),
        ("ftp://partner.example/", "https"),
        ("//partner.example/", "https"),
        ("partner.example", "not a URL"),
        ("https:///path", "not a URL"),
        ("https://partner.example/ü", "not a URL"),
        ("https://partner.example/a b", "not a URL"),
        ("https://partner.example:99999/", "not a URL"),
        ("https://user:word@partner.example/", "user name"),
        ("https://[::1", "not a URL"),
    ],
)
def test_anything_else_is_refused_with_a_reason(url: str, reason: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        check_callback_url(url, resolver=public)
    assert reason in refused.value.message
    assert refused.value.code == "invalid_callback_url"


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "127.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "::ffff:10.0.0.1",
        "::ffff:93.184.216.34",
        "64:ff9b::a00:1",
        "fe80::1%eth0",
        "fd00::1",
        "fd00:ec2::254",
        "nonsense",
    ],
)
def test_a_host_with_one_address_that_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(InvalidInputError, match="public"):
        check_callback_url("https://partner.example/", resolver=lambda host, port: ["93.184.216.34", address])


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest", "https://2130706433/"]
)
def test_addresses_written_out_are_refused_too(url: str) -> None:
    with pytest.raises(InvalidInputError):
        check_callback_url(url, resolver=lambda host, port: ["127.0.0.1" if host == "2130706433" else host.strip("[]")])


@pytest.mark.parametrize("error", [socket.gaierror(socket.EAI_NONAME, "unknown"), UnicodeError("label"), OSError("x")])
def test_a_host_that_is_not_there_is_refused(error: Exception) -> None:
    def fail(host: str, port: int) -> list[str]:
        raise error

    with pytest.raises(InvalidInputError, match="cannot be found"):
        check_callback_url("https://partner.example/", resolver=fail)


def test_a_name_service_in_trouble_refuses_nobody() -> None:
    def fail(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    check_callback_url("https://partner.example/", resolver=fail)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/x", "http://localhost/x", "https://[::1]:1/x"])
def test_loopback_is_for_the_embedded_stack_only(url: str) -> None:
    check_callback_url(url, allow_loopback=True)
    with pytest.raises(InvalidInputError):
        check_callback_url(url, resolver=lambda host, port: ["127.0.0.1"])


def send(answer: httpx.Response | Exception, seen: list[httpx.Request] | None = None) -> Delivery:
    def handle(request: httpx.Request) -> httpx.Response:
        (seen if seen is not None else []).append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    transport = httpx.MockTransport(handle)
    return deliver(
        "https://partner.example/hook",
        b'{"a":1}',
        message_id="msg_1",
        secret=SECRET,
        now=1_614_265_330,
        transport=transport,
    )


def test_a_delivery_is_signed_json() -> None:
    seen: list[httpx.Request] = []
    assert send(httpx.Response(204), seen).delivered
    request = seen[0]
    assert (request.method, request.content, request.headers["content-type"]) == (
        "POST",
        b'{"a":1}',
        "application/json",
    )
    assert (request.headers["webhook-id"], request.headers["webhook-timestamp"]) == ("msg_1", "1614265330")
    assert request.headers["webhook-signature"] == signature(SECRET, "msg_1", 1_614_265_330, b'{"a":1}')
    assert request.extensions["deadline"].remaining() <= 10


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 429, 500, 503])
def test_anything_but_success_is_a_failure(status: int) -> None:
    outcome = send(httpx.Response(status, headers={"location": "https://elsewhere.example/"}))
    assert outcome == Delivery(delivered=False, error=f"answered {status}")


def test_a_partner_can_say_that_it_wants_no_more() -> None:
    assert send(httpx.Response(410)).gone


class Endless(httpx.SyncByteStream):
    """A body that must not be read."""

    def __iter__(self) -> Any:
        raise AssertionError("read")


def test_the_answers_body_is_not_read() -> None:
    assert send(httpx.Response(200, stream=Endless())).delivered


@pytest.mark.parametrize("error", [httpx.ConnectError("x"), httpx.ReadTimeout("x"), AddressRefused("x")])
def test_no_answer_is_a_failure(error: Exception) -> None:
    outcome = send(error)
    assert not outcome.delivered
    assert outcome.error


def test_the_address_is_checked_when_it_is_called() -> None:
    # The transport of deployments refuses before it opens a socket, of which there are none in this test.
    outcome = deliver(
        "https://127.0.0.1:1/",
        b"{}",
        message_id="m",
        secret=SECRET,
        now=0,
        transport=callback_transport(allow_loopback=False),
    )
    assert "public" in outcome.error
