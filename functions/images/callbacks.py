"""Calling a partner's callback_url: where it may lead, how it is signed, and one delivery.

The signature is that of Standard Webhooks: HMAC-SHA256 over the id, the time and the raw body.
"""

import base64
import hashlib
import hmac
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import httpx

from common.errors import InvalidInputError
from digital_twin.addresses import AddressRefused, is_public, parse_address
from digital_twin.deadline import Deadline
from digital_twin.network import resolve
from digital_twin.transport import GuardedTransport

DELIVERY_SECONDS = 10.0
"""How long a partner may take to answer."""
SECRET_PREFIX = "whsec_"  # noqa: S105 - what every secret begins with, and none itself
_TIMEOUTS = {"connect": 5.0, "read": DELIVERY_SECONDS, "write": 5.0, "pool": 1.0}


def check_callback_url(
    url: str, *, allow_loopback: bool = False, resolver: Callable[[str, int], list[str]] = resolve
) -> None:
    """Checks a callback_url as far as it can be before it is called; the address is checked again when it is.

    Args:
        url: What the partner sent.
        allow_loopback: Whether this machine's addresses, over http too, are fine: in the embedded stack.
        resolver: Gives the addresses of a host.

    Raises:
        InvalidInputError: It may not be called; the message says why.
    """
    try:
        parsed = httpx.URL(url)
        plain = url.isascii() and url.isprintable() and " " not in url
        readable = plain and bool(parsed.host) and 0 < (parsed.port or 443) < 65_536
    except httpx.InvalidURL:
        readable = False
    if not readable:
        raise _refused("is not a URL")
    local = allow_loopback and _is_loopback(parsed.host)
    if parsed.scheme != "https" and not (local and parsed.scheme == "http"):
        raise _refused("must begin with https://")
    if parsed.userinfo:
        raise _refused("must not hold a user name or password")
    if local:
        return
    try:
        addresses = [parse_address(text) for text in resolver(parsed.host, parsed.port or 443)]
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            # The name service is in trouble, not the name; the address is checked when it is called.
            return
        raise _refused("names a host that cannot be found") from None
    except (OSError, UnicodeError):
        raise _refused("names a host that cannot be found") from None
    if not addresses or not all(address and is_public(address) for address in addresses):
        raise _refused("must lead to public internet addresses only")


def _refused(reason: str) -> InvalidInputError:
    return InvalidInputError(f"The field callback_url {reason}.", code="invalid_callback_url")


def _is_loopback(host: str) -> bool:
    address = parse_address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of the header webhook-signature.

    Args:
        secret: ``whsec_`` and the key in base64.
        message_id: The header webhook-id.
        timestamp: The header webhook-timestamp, epoch seconds.
        body: The body as it is sent.
    """
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = b".".join([message_id.encode(), str(timestamp).encode(), body])
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


@dataclass(frozen=True)
class Delivery:
    """How one delivery went.

    Attributes:
        delivered: Whether the partner took it (2xx).
        gone: Whether the partner wants no more of them (410).
        error: What was wrong, empty if it was taken.
    """

    delivered: bool
    gone: bool = False
    error: str = ""


def deliver(
    url: str, body: bytes, *, message_id: str, secret: str, now: int, transport: httpx.BaseTransport
) -> Delivery:
    """Makes one delivery. Redirects are not followed and the answer's body is not read.

    Args:
        url: Where to.
        body: JSON.
        message_id: Stays the same when the same message is delivered again.
        secret: Signs it.
        now: Epoch seconds; signed anew each time, so that an old delivery cannot be replayed.
        transport: Reaches public addresses only.
    """
    try:
        request = httpx.Request(
            "POST",
            url,
            content=body,
            headers={
                "Content-Type": "application/json",
                "User-Agent": "digital-twin-bundle",
                "webhook-id": message_id,
                "webhook-timestamp": str(now),
                "webhook-signature": signature(secret, message_id, now, body),
            },
            extensions={"deadline": Deadline.after(DELIVERY_SECONDS), "timeout": _TIMEOUTS},
        )
        response = transport.handle_request(request)
    except AddressRefused:
        return Delivery(delivered=False, error="callback_url does not lead to public internet addresses only")
    except (httpx.TransportError, httpx.InvalidURL) as error:
        return Delivery(delivered=False, error=f"no answer ({type(error).__name__})")
    response.close()
    if response.is_success:
        return Delivery(delivered=True)
    return Delivery(
        delivered=False, gone=response.status_code == httpx.codes.GONE, error=f"answered {response.status_code}"
    )


@cache
def callback_transport(*, allow_loopback: bool) -> httpx.BaseTransport:
    """What reaches partners: public addresses only, checked on the address connected to."""
    return GuardedTransport(public_only=True, allow_loopback=allow_loopback)
