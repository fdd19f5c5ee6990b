"""What the person who starts the stack may choose through environment variables."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from local.stack.errors import ConfigurationError

PARTNERS = ("partner-1", "partner-2")
"""Ids of the API keys, one for each made-up partner."""


@dataclass(frozen=True)
class Options:
    """The choices, and the secrets of this start.

    Attributes:
        port: Where the API is served; 0 takes any free port.
        concurrency: Most environments of each function.
        warm: Environments of the webhook function that are started before they are needed.
        quiet: Drop what the functions print.
        upstream: The OH API to use instead of the simulator.
        oh_api_key: The key for it.
        trulience_api_key: The bearer key that events must carry.
        webhook_signing_secret: Signs callbacks to partners.
        partner_keys: API key values, by the id of the key.

    """

    port: int = 8080
    concurrency: int = 16
    warm: int = 8
    quiet: bool = False
    upstream: str | None = None
    oh_api_key: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    trulience_api_key: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    webhook_signing_secret: str = field(
        default_factory=lambda: "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(), repr=False
    )
    partner_keys: Mapping[str, str] = field(
        default_factory=lambda: {partner: secrets.token_urlsafe(30) for partner in PARTNERS}, repr=False
    )

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Options:
        """The choices made in an environment.

        Raises:
            ConfigurationError: A variable cannot be used; the message names it.
        """
        chosen: dict[str, object] = {
            "port": _number(environ, "LOCAL_PORT", cls.port, 0, 65535),
            "concurrency": _number(environ, "LOCAL_CONCURRENCY", cls.concurrency, 1, 64),
            "warm": _number(environ, "LOCAL_WARM", cls.warm, 1, 64),
            "quiet": _log_mode(environ) == "quiet",
            "upstream": environ.get("OH_API_BASE_URL") or None,
        }
        for name in ("oh_api_key", "trulience_api_key", "webhook_signing_secret"):
            if environ.get(name.upper()):
                chosen[name] = environ[name.upper()]
        return cls(**chosen)  # type: ignore[arg-type]


def _number(environ: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = environ.get(name, "").strip() or str(default)
    if not text.isdecimal() or not least <= int(text) <= most:
        raise ConfigurationError(f"{name}={text} cannot be used: it must be a whole number from {least} to {most}.")
    return int(text)


def _log_mode(environ: Mapping[str, str]) -> str:
    mode = environ.get("LOCAL_LOG") or "full"
    if mode not in ("full", "quiet"):
        raise ConfigurationError(f"LOCAL_LOG={mode} cannot be used: it must be full or quiet.")
    return mode
