"""An httpx transport that keeps two promises plain httpx does not: a total deadline, and public addresses only.

httpx's timeouts bound one read each: a peer that sends a byte per second holds a call for as long as it likes. Here
every connect, read and write gets no more than what is left until `request.extensions["deadline"]` (a `Deadline`;
without one only httpx's own timeouts count). Resolving a name is the one step that cannot be interrupted.
"""

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import cast

import certifi
import httpcore
import httpx

from digital_twin.addresses import AddressRefused
from digital_twin.deadline import Deadline
from digital_twin.network import GuardedBackend, bound_by

__all__ = ["AddressRefused", "GuardedTransport", "tls_context"]

CA_DIRECTORY = Path(__file__).parent / "ca_certificates"
"""Where a build may put the trusted roots in OpenSSL's hashed layout: only the needed root is then read, instead of
all."""

KEEPALIVE_SECONDS = 55.0
"""How long an idle connection is kept: below the 60 s after which load balancers commonly close theirs, so that ours
is seldom the one that finds it closed."""

MAX_CONNECTIONS = 20


@cache
def tls_context() -> ssl.SSLContext:
    """Give the one TLS context of this process. Built at first use: without the folder it takes 15 to 35 ms."""
    if CA_DIRECTORY.is_dir():
        return ssl.create_default_context(capath=str(CA_DIRECTORY))
    return ssl.create_default_context(cafile=certifi.where())


class GuardedTransport(httpx.BaseTransport):
    """A pooling transport with a total deadline for each request and, on demand, no way into private networks.

    With `public_only` a host that resolves to any address outside the public internet is refused (`AddressRefused`),
    and the connection goes to exactly the address that was checked, so that a name cannot change its mind in between;
    the certificate is still checked against the name. `allow_loopback` additionally admits this machine's own
    addresses. Ignores proxies of the environment: the deadline and the address check hold for the peer itself, not
    for a proxy before it.
    """

    def __init__(
        self,
        *,
        public_only: bool = False,
        allow_loopback: bool = False,
        keepalive_expiry: float = KEEPALIVE_SECONDS,
        ssl_context: Callable[[], ssl.SSLContext] = tls_context,
        network_backend: httpcore.NetworkBackend | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._backend = network_backend or GuardedBackend(public_only=public_only, allow_loopback=allow_loopback)
        self._keepalive_expiry = keepalive_expiry
        self._ssl_context = ssl_context
        self._clock = clock
        self._used_at = clock()
        self._pools: dict[str, _Pool] = {}
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the response's body is held to the same deadline when it is read later."""
        deadline: Deadline | None = request.extensions.get("deadline")
        if deadline is not None:
            timeouts = request.extensions.get("timeout", {})
            bounded = {name: deadline.bound(timeouts.get(name)) for name in ("connect", "read", "write", "pool")}
            request.extensions = {**request.extensions, "timeout": bounded}
        with bound_by(deadline):
            response = self._pool(request.url.scheme).handle_request(request)
        response.stream = _BoundStream(cast("httpx.SyncByteStream", response.stream), deadline)
        return response

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for pool in self._pools.values():
                pool.close()
            self._pools.clear()

    def _pool(self, scheme: str) -> "_Pool":
        """Give the pool of a scheme. Without https no certificates are read."""
        with self._lock:
            now = self._clock()
            if now - self._used_at > self._keepalive_expiry:
                # The pool counts on a clock that may stand still while Lambda freezes the environment, and would send
                # into a connection that the peer has closed long ago. Requests under way keep the old pool.
                self._pools = {}
            self._used_at = now
            if scheme not in self._pools:
                context = self._ssl_context() if scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                self._pools[scheme] = _Pool(context, self._backend, self._keepalive_expiry)
            return self._pools[scheme]


class _Pool(httpx.HTTPTransport):
    """httpx's own transport over a connection pool that opens its connections through our backend."""

    def __init__(self, context: ssl.SSLContext, backend: httpcore.NetworkBackend, keepalive_expiry: float) -> None:
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_CONNECTIONS,
            keepalive_expiry=keepalive_expiry,
            network_backend=backend,
        )


class _BoundStream(httpx.SyncByteStream):
    """A response's body, each piece of which is read under the deadline."""

    def __init__(self, stream: httpx.SyncByteStream, deadline: Deadline | None) -> None:
        self._stream = stream
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        parts = iter(self._stream)
        while True:
            # Not around the `yield`: whoever takes the piece may make other calls meanwhile.
            with bound_by(self._deadline):
                part = next(parts, None)
            if part is None:
                return
            yield part

    def close(self) -> None:
        self._stream.close()
