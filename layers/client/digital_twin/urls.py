"""Which URLs we may call, where somebody else names them."""

import re
from collections.abc import Sequence

import httpx

from digital_twin.addresses import parse_address

MAX_CHARACTERS = 8192
"""Presigned links run to about 2,000 characters; nothing near this is a link."""

# Only what RFC 3986 lets a URL hold: parsers disagree about backslashes, blanks, control characters and letters
# outside ASCII.
_PLAIN = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+", re.ASCII)
_HOST_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*", re.ASCII)


def is_allowed_url(url: str, hosts: Sequence[str], *, allow_loopback: bool = False) -> bool:
    """Tell whether `url` is https, at the default port, on one of `hosts` or a subdomain of one, and names no user.

    `allow_loopback` also admits http and https at any port of this machine (`localhost`, 127.0.0.0/8, ::1), for local
    work.
    """
    if len(url) > MAX_CHARACTERS or not _PLAIN.fullmatch(url):
        return False
    try:
        parsed = httpx.URL(url)  # The parser the call itself will use: what is checked is what is called.
    except httpx.InvalidURL:
        return False
    if parsed.scheme not in ("https", "http") or parsed.userinfo or "@" in url.partition("://")[2].split("/")[0]:
        return False
    host = parsed.host.lower().removesuffix(".")
    if allow_loopback and _is_this_machine(host):
        return True
    default_port = parsed.scheme == "https" and parsed.port in (None, 443)
    return default_port and bool(_HOST_NAME.fullmatch(host)) and any(_covers(allowed, host) for allowed in hosts)


def _covers(allowed: str, host: str) -> bool:
    domain = allowed.strip().lower().strip(".")
    return bool(domain) and (host == domain or host.endswith("." + domain))


def _is_this_machine(host: str) -> bool:
    address = parse_address(host)
    return host == "localhost" or (address is not None and address.is_loopback)
