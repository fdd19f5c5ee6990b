"""The guarded transport over made-up connections: httpcore's real pool and HTTP, no sockets."""

import ssl
import time
from collections.abc import Iterator

import httpcore
import httpx
import pytest

from digital_twin import transport as transport_module
from digital_twin.addresses import AddressRefused
from digital_twin.deadline import Deadline
from digital_twin.network import GuardedBackend
from digital_twin.transport import GuardedTransport, tls_context


class Peer(httpcore.NetworkStream):
    """A peer that sends an answer in the pieces it was given, `every` seconds apart, once for each request."""

    def __init__(self, pieces: list[bytes], every: float = 0.0) -> None:
        self.given = pieces
        self.every = every
        self.pieces: Iterator[bytes] = iter(())
        self.closed = False

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if b"HTTP/1.1" in buffer:
            self.pieces = iter(self.given)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if timeout is not None and timeout < self.every:
            time.sleep(timeout)
            raise httpcore.ReadTimeout("timed out")
        time.sleep(self.every)
        return next(self.pieces, b"")

    def close(self) -> None:
        self.closed = True

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return self


class Peers(httpcore.NetworkBackend):
    def __init__(self, pieces: list[bytes], every: float = 0.0) -> None:
        self.pieces = pieces
        self.every = every
        self.opened: list[Peer] = []

    def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        self.opened.append(Peer(self.pieces, self.every))
        return self.opened[-1]


def over(peers: Peers, **options: bool) -> GuardedTransport:
    address = "127.0.0.1" if options.get("public_only") else "192.0.2.1"
    return GuardedTransport(
        network_backend=GuardedBackend(resolver=lambda host, port: [address], connector=peers, **options)
    )


def request(seconds: float | None, url: str = "http://api.example/x", **timeouts: float) -> httpx.Request:
    extensions: dict[str, object] = {"timeout": timeouts} if timeouts else {}
    if seconds is not None:
        extensions["deadline"] = Deadline.after(seconds)
    return httpx.Request("GET", url, extensions=extensions)


ANSWER = [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"hel", b"lo"]


def test_gives_the_answer_and_keeps_the_connection_for_the_next():
    peers = Peers(ANSWER)
    transport = over(peers)
    for _ in range(2):
        response = transport.handle_request(request(5))
        assert response.status_code == 200
        assert response.read() == b"hello"
    assert len(peers.opened) == 1
    transport.close()
    assert peers.opened[0].closed


@pytest.mark.parametrize(("idle", "connections"), [(50, 1), (60, 2), (-3600, 1)])
def test_a_connection_that_idled_through_a_freeze_is_not_used_again(idle, connections):
    peers, now = Peers(ANSWER), [1_800_000_000.0]
    backend = GuardedBackend(resolver=lambda host, port: ["192.0.2.1"], connector=peers)
    transport = GuardedTransport(network_backend=backend, clock=lambda: now[0])
    assert transport.handle_request(request(5)).read() == b"hello"
    now[0] += idle
    assert transport.handle_request(request(5)).read() == b"hello"
    assert len(peers.opened) == connections


def test_a_request_under_way_outlives_the_change_of_connections():
    peers, now = Peers(ANSWER), [1_800_000_000.0]
    backend = GuardedBackend(resolver=lambda host, port: ["192.0.2.1"], connector=peers)
    transport = GuardedTransport(network_backend=backend, clock=lambda: now[0])
    under_way = transport.handle_request(request(5))
    now[0] += 60
    assert transport.handle_request(request(5)).read() == b"hello"
    assert under_way.read() == b"hello"


def test_without_a_deadline_it_is_an_ordinary_transport():
    assert over(Peers(ANSWER)).handle_request(request(None)).read() == b"hello"


def test_cuts_headers_that_drip():
    dripping = [bytes([byte]) for byte in b"HTTP/1.1 200 OK\r\n" + b"X-Slow: " + b"y" * 500]
    began = time.monotonic()
    with pytest.raises(httpx.ReadTimeout):
        over(Peers(dripping, every=0.01)).handle_request(request(0.1, read=60.0))
    assert time.monotonic() - began < 0.2


def test_cuts_a_body_that_drips():
    dripping = [b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", *([b"z"] * 500)]
    peers = Peers(dripping, every=0.01)
    began = time.monotonic()
    response = over(peers).handle_request(request(0.1, read=60.0))
    with pytest.raises(httpx.ReadTimeout):
        response.read()
    assert time.monotonic() - began < 0.2
    response.close()
    assert peers.opened[0].closed  # A connection with half an answer in it serves nobody else.


def test_a_passed_deadline_opens_nothing():
    peers = Peers(ANSWER)
    with pytest.raises(httpx.ConnectTimeout):
        over(peers).handle_request(request(0))
    assert peers.opened == []


def test_one_requests_deadline_is_not_the_nexts():
    dripping = Peers(ANSWER, every=0.2)
    transport = over(dripping)
    with pytest.raises(httpx.ReadTimeout):
        transport.handle_request(request(0.1)).read()
    assert transport.handle_request(request(15)).read() == b"hello"


def test_refusals_arrive_as_httpx_knows_connection_errors():
    peers = Peers(ANSWER)
    with pytest.raises(AddressRefused) as caught:
        over(peers, public_only=True).handle_request(request(5))
    assert isinstance(caught.value, httpx.ConnectError)
    assert peers.opened == []


def test_no_certificates_are_read_for_plain_http():
    def forbidden() -> ssl.SSLContext:
        raise AssertionError("certificates were read")

    backend = GuardedBackend(resolver=lambda host, port: ["192.0.2.1"], connector=Peers(ANSWER))
    transport = GuardedTransport(network_backend=backend, ssl_context=forbidden)
    assert transport.handle_request(request(5)).read() == b"hello"
    with pytest.raises(AssertionError, match="certificates"):
        transport.handle_request(request(5, "https://api.example/"))


def test_https_verifies_with_the_one_shared_context():
    assert over(Peers(ANSWER)).handle_request(request(5, "https://api.example/")).read() == b"hello"
    assert tls_context() is tls_context()
    assert tls_context().verify_mode is ssl.CERT_REQUIRED
    assert tls_context().check_hostname


def test_a_directory_of_hashed_roots_is_used_where_the_build_left_one(tmp_path, monkeypatch):
    monkeypatch.setattr(transport_module, "CA_DIRECTORY", tmp_path)
    context = tls_context.__wrapped__()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.cert_store_stats()["x509_ca"] == 0  # Read from the directory when they are needed.


def test_an_own_backend_is_built_by_default():
    with pytest.raises(AddressRefused):
        GuardedTransport(public_only=True).handle_request(request(5, "http://127.0.0.1:9/"))
