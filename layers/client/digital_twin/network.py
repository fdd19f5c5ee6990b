"""The network below httpx's connection pool: steps bounded by a deadline, addresses checked before use."""

import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpcore

from digital_twin.addresses import AddressRefused, is_public, parse_address
from digital_twin.deadline import Deadline

Resolver = Callable[[str, int], list[str]]

# Connections outlive requests, so the deadline cannot be theirs. One request runs in one thread from its first byte
# to its last (this is the synchronous side of httpx), which makes a context variable the deadline of exactly the
# request being served.
_deadline: ContextVar[Deadline | None] = ContextVar("deadline", default=None)

_WRITE_SLICE = 16 * 1024
"""Bytes written at a time: the socket's buffer takes this much at once, so one slow write cannot restart its own
timeout."""


@contextmanager
def bound_by(deadline: Deadline | None) -> Iterator[None]:
    """Hold everything the guarded network does inside this block to `deadline`."""
    token = _deadline.set(deadline)
    try:
        yield
    finally:
        _deadline.reset(token)


def _left(timeout: float | None, expired: type[Exception]) -> float | None:
    """Give the seconds a step may take; raise `expired` where there are none (to a socket, 0 means not to wait)."""
    deadline = _deadline.get()
    if deadline is None:
        return timeout
    seconds = deadline.bound(timeout)
    if seconds <= 0:
        raise expired("the deadline has passed")
    return seconds


def resolve(host: str, port: int) -> list[str]:
    """Give the addresses of a host, in the order the system prefers, each once."""
    if parse_address(host) is not None:
        return [host]
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class GuardedBackend(httpcore.NetworkBackend):
    """Opens connections for the pool: resolves the name itself, checks what it found, connects to just that.

    `resolver` and `connector` are there for tests: what resolves a name and what opens a connection to an address.
    """

    def __init__(
        self,
        *,
        public_only: bool = False,
        allow_loopback: bool = False,
        resolver: Resolver = resolve,
        connector: httpcore.NetworkBackend | None = None,
    ) -> None:
        self._public_only = public_only
        self._allow_loopback = allow_loopback
        self._resolver = resolver
        self._connector = connector or httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of `host` that answers.

        Raises `AddressRefused` where one of them is not public and must be, `httpcore.ConnectError` or
        `ConnectTimeout` where none answers.
        """
        failure: Exception = httpcore.ConnectError("the host has no address")
        for address in self._addresses(host, port):
            seconds = _left(timeout, httpcore.ConnectTimeout)
            try:
                stream = self._connector.connect_tcp(address, port, seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return GuardedStream(stream)
        raise failure

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            addresses = self._resolver(host, port)
        except (OSError, UnicodeError) as error:
            # UnicodeError: a label too long for a name. Neither text holds more than the host.
            raise httpcore.ConnectError(f"the host name cannot be resolved: {error}") from error
        if self._public_only and not all(self._may_call(address) for address in addresses):
            # All or nothing: a name that mixes public and private addresses is no partner's web server.
            raise AddressRefused("the host does not resolve to public addresses only")
        return addresses

    def _may_call(self, text: str) -> bool:
        address = parse_address(text)
        if address is None:
            return False
        return is_public(address) or (self._allow_loopback and address.is_loopback)


class GuardedStream(httpcore.NetworkStream):
    """A connection whose reads and writes end by the deadline of the request being served."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what is there, at most `max_bytes`; raise `httpcore.ReadTimeout` when the time is over."""
        return self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write all of `buffer`; raise `httpcore.WriteTimeout` when the time is over."""
        view = memoryview(buffer)
        for start in range(0, len(view), _WRITE_SLICE):
            self._stream.write(bytes(view[start : start + _WRITE_SLICE]), _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Do the TLS handshake, checking the certificate against `server_hostname`."""
        try:
            seconds = _left(timeout, httpcore.ConnectTimeout)
        except httpcore.ConnectTimeout:
            self.close()
            raise
        return GuardedStream(self._stream.start_tls(ssl_context, server_hostname, seconds))

    def get_extra_info(self, info: str) -> Any:
        """Give a detail of the connection, such as its `socket`."""
        return self._stream.get_extra_info(info)
