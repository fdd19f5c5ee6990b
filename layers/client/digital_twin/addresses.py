"""Which network addresses are public, for calls to places that strangers name."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import httpx

# All of IPv6 that is handed out for public use (RFC 4291, IANA's registry of global unicast addresses) ...
_GLOBAL_UNICAST = IPv6Network("2000::/3")
# ... less the ranges in it that only wrap an IPv4 address, which could be a private one: Teredo and 6to4. Mapped
# addresses (::ffff:0:0/96) and NAT64 (64:ff9b::/96) lie outside of 2000::/3 anyway.
_WRAPPERS = (IPv6Network("2001::/32"), IPv6Network("2002::/16"))
# The relays of 6to4 (RFC 7526): deprecated, and not marked as special by every version of the standard library.
_RELAYS = IPv4Network("192.88.99.0/24")


class AddressRefused(httpx.ConnectError):
    """The host resolves to an address that must not be called. Nothing was sent."""


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Give the IP address written in `text` (an IPv6 zone is dropped), `None` where it is something else."""
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether an address is one of the public internet's.

    Private, loopback, link-local (with the metadata service, 169.254.169.254), shared, multicast, reserved and
    documentation addresses are not; nor are IPv6 addresses that stand for an IPv4 one.
    """
    if isinstance(address, IPv4Address):
        special = address.is_multicast or address.is_reserved or address in _RELAYS
    else:
        special = address not in _GLOBAL_UNICAST or any(address in wrapper for wrapper in _WRAPPERS)
    return address.is_global and not special
