"""The guarded network over a network that is made up: no sockets, no clock but the deadline's."""

import socket
import ssl
import time
from collections.abc import Callable

import httpcore
import pytest

from digital_twin.addresses import AddressRefused
from digital_twin.deadline import Deadline
from digital_twin.network import GuardedBackend, GuardedStream, bound_by, resolve


class Line(httpcore.NetworkStream):
    """A connection that writes down what is done to it, with the seconds each step was given."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, float | None]] = []
        self.written: list[int] = []
        self.closed = False
        self.server_hostname: str | None = None

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.steps.append(("read", timeout))
        return b"x"

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.steps.append(("write", timeout))
        self.written.append(len(buffer))

    def close(self) -> None:
        self.closed = True

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        self.steps.append(("start_tls", timeout))
        self.server_hostname = server_hostname
        return self

    def get_extra_info(self, info: str) -> str:
        return f"the {info}"


class Switchboard(httpcore.NetworkBackend):
    """Connects to any address but the dead ones, and writes down which."""

    def __init__(self, dead: tuple[str, ...] = (), on_dead: Callable[[], None] = lambda: None) -> None:
        self.dead = dead
        self.on_dead = on_dead
        self.dialled: list[tuple[str, int, float | None]] = []

    def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):
        self.dialled.append((host, port, timeout))
        if host in self.dead:
            self.on_dead()
            raise httpcore.ConnectError("refused")
        return Line()


def backend(*addresses: str, connector: Switchboard | None = None, **options: bool) -> GuardedBackend:
    return GuardedBackend(resolver=lambda host, port: list(addresses), connector=connector or Switchboard(), **options)


def test_connects_to_the_address_that_was_checked_not_to_the_name():
    switchboard = Switchboard()
    guarded = backend("93.184.216.34", connector=switchboard, public_only=True)
    guarded.connect_tcp("partner.example", 443, timeout=3)
    assert switchboard.dialled == [("93.184.216.34", 443, 3)]


@pytest.mark.parametrize(
    "addresses",
    [
        ("10.0.0.5",),
        ("127.0.0.1",),
        ("169.254.169.254",),
        ("::1",),
        ("::ffff:93.184.216.34",),
        ("64:ff9b::5db8:d822",),
        ("fe80::1%eth0",),
        ("93.184.216.34", "192.168.0.1"),
        ("not an address",),
    ],
)
def test_refuses_a_host_with_any_address_inside(addresses):
    switchboard = Switchboard()
    with pytest.raises(AddressRefused) as caught:
        backend(*addresses, connector=switchboard, public_only=True).connect_tcp("partner.example", 443)
    assert switchboard.dialled == []
    assert addresses[0] not in str(caught.value)  # Whoever named the host learns nothing about the network inside.


def test_admits_this_machine_where_that_is_wanted_and_no_further():
    assert backend("127.0.0.1", public_only=True, allow_loopback=True).connect_tcp("localhost", 80)
    with pytest.raises(AddressRefused):
        backend("10.0.0.1", public_only=True, allow_loopback=True).connect_tcp("inside", 80)


def test_does_not_check_addresses_unless_asked():
    assert backend("10.0.0.1").connect_tcp("inside", 80)


def test_tries_the_next_address_when_one_is_dead():
    switchboard = Switchboard(dead=("192.0.2.1",))
    backend("192.0.2.1", "192.0.2.2", connector=switchboard).connect_tcp("host", 80, timeout=1)
    assert [address for address, *_ in switchboard.dialled] == ["192.0.2.1", "192.0.2.2"]


def test_gives_the_last_failure_when_all_are_dead():
    with pytest.raises(httpcore.ConnectError, match="refused"):
        backend("192.0.2.1", connector=Switchboard(dead=("192.0.2.1",))).connect_tcp("host", 80)


def test_dead_addresses_cannot_use_up_more_than_the_deadline():
    switchboard = Switchboard(dead=("192.0.2.1", "192.0.2.2", "192.0.2.3"), on_dead=lambda: time.sleep(0.03))
    with bound_by(Deadline.after(0.05)), pytest.raises(httpcore.ConnectTimeout):
        backend("192.0.2.1", "192.0.2.2", "192.0.2.3", connector=switchboard).connect_tcp("host", 80, timeout=60)
    assert len(switchboard.dialled) == 2
    assert all(timeout <= 0.05 for *_, timeout in switchboard.dialled)


@pytest.mark.parametrize("error", [OSError("Name or service not known"), UnicodeError("label too long")])
def test_a_name_that_cannot_be_resolved_was_never_connected_to(error):
    def resolver(host: str, port: int) -> list[str]:
        raise error

    with pytest.raises(httpcore.ConnectError, match="cannot be resolved"):
        GuardedBackend(resolver=resolver, connector=Switchboard()).connect_tcp("x" * 70, 443)


def test_a_name_without_addresses_was_never_connected_to():
    with pytest.raises(httpcore.ConnectError, match="no address"):
        backend().connect_tcp("host", 443)


def test_each_step_gets_its_own_timeout_or_what_is_left_if_less():
    line = Line()
    stream = GuardedStream(line)
    with bound_by(Deadline.after(5)):
        stream.read(10, timeout=1)
        stream.read(10, timeout=60)
        stream.write(b"abc", timeout=None)
        stream.start_tls(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "api.example", 60)
    own, bounded, written, handshake = (seconds for _, seconds in line.steps)
    assert own == 1
    assert all(4.5 < seconds <= 5 for seconds in (bounded, written, handshake))
    assert line.server_hostname == "api.example"


def test_without_a_deadline_the_timeouts_count_alone():
    line = Line()
    GuardedStream(line).read(10, timeout=7)
    GuardedStream(line).read(10)
    assert line.steps == [("read", 7), ("read", None)]


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (lambda stream: stream.read(1, 60), httpcore.ReadTimeout),
        (lambda stream: stream.write(b"x", 60), httpcore.WriteTimeout),
        (lambda stream: stream.start_tls(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "h", 60), httpcore.ConnectTimeout),
    ],
)
def test_no_step_begins_after_the_deadline(step, error):
    line = Line()
    with bound_by(Deadline.after(0)), pytest.raises(error):
        step(GuardedStream(line))
    assert line.steps == []


def test_a_handshake_without_time_leaves_no_connection_open():
    line = Line()
    with bound_by(Deadline.after(0)), pytest.raises(httpcore.ConnectTimeout):
        GuardedStream(line).start_tls(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "h", 60)
    assert line.closed


def test_long_writes_go_out_in_slices_each_under_the_deadline():
    line = Line()
    GuardedStream(line).write(b"x" * 40_000, timeout=9)
    assert sum(line.written) == 40_000
    assert max(line.written) <= 16 * 1024


def test_the_rest_passes_through():
    line = Line()
    stream = GuardedStream(line)
    assert stream.get_extra_info("socket") == "the socket"
    stream.close()
    assert line.closed


def test_deadlines_do_not_leak_out_of_their_block():
    line = Line()
    with bound_by(Deadline.after(0)):
        pass
    GuardedStream(line).read(1, timeout=3)
    assert line.steps == [("read", 3)]


def test_resolves_names_once_each_and_addresses_not_at_all(monkeypatch):
    asked = []

    def getaddrinfo(host, port, **hints):
        asked.append(host)
        found = ("192.0.2.1", "192.0.2.2", "192.0.2.1")
        return [(socket.AF_INET, hints["type"], 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert resolve("api.example", 443) == ["192.0.2.1", "192.0.2.2"]
    assert resolve("192.0.2.9", 443) == ["192.0.2.9"]
    assert resolve("2001:db8::1", 443) == ["2001:db8::1"]
    assert asked == ["api.example"]
