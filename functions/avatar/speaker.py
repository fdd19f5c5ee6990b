"""Having an avatar speak unasked, through the callback of its session."""

from collections.abc import Sequence
from typing import Protocol

from pydantic import SecretStr

from avatar.session import Session
from common.errors import BadGatewayError, ConflictError, InvalidInputError
from digital_twin.deadline import Deadline
from digital_twin.trulience import CallbackRefused, CallbackUnreachable
from digital_twin.urls import is_allowed_url

SECONDS = 10.0
"""How long Trulience may take to accept a message, repetitions included."""
RETRIES = 2


class Callback(Protocol):
    """What carries a message to Trulience; `digital_twin.trulience.CallbackClient` is one."""

    def speak(
        self,
        callback_url: str,
        auth_token: str | SecretStr,
        session_id: str,
        message: str,
        *,
        deadline: Deadline | None = None,
        retries: int = 0,
    ) -> None:
        """Has the avatar of a session say something."""


class Speaker:
    """Speaks into sessions.

    Args:
        callback: What carries the messages.
        hosts: Hosts, with their subdomains, that a callback may name.
        allow_loopback: Whether addresses of this machine are fine too, as in the embedded stack.
    """

    def __init__(self, callback: Callback, hosts: Sequence[str], *, allow_loopback: bool = False) -> None:
        self._callback = callback
        self._hosts = hosts
        self._allow_loopback = allow_loopback

    def require_allowed(self, callback_url: str) -> None:
        """Checks the callback a LOGIN names.

        Raises:
            InvalidInputError: It is not https on one of the hosts.
        """
        if not self._allowed(callback_url):
            raise InvalidInputError(
                f"The field callbackUrl is not acceptable: it must be https on {' or '.join(self._hosts)}."
            )

    def say(self, session: Session, message: str) -> None:
        """Has the avatar of a session say `message`; returns once Trulience took it.

        Transport failures and 5xx are repeated twice within 10 s.

        Raises:
            ConflictError: The session gave no callback, or one that is no longer allowed (code ``no_callback``).
            BadGatewayError: Trulience refused it (code ``trulience_refused``) or was not reached
                (``trulience_unreachable``).
        """
        if session.callback_url is None or session.auth_token is None or not self._allowed(session.callback_url):
            raise ConflictError(
                "This session gave no callback, so its avatar cannot be made to speak.", code="no_callback"
            )
        try:
            self._callback.speak(
                session.callback_url,
                session.auth_token,
                session.session_id,
                message,
                deadline=Deadline.after(SECONDS),
                retries=RETRIES,
            )
        except CallbackRefused as refusal:
            raise BadGatewayError(
                f"Trulience did not take the message: it answered {refusal.status}.", code="trulience_refused"
            ) from refusal
        except CallbackUnreachable as failure:
            raise BadGatewayError(
                "Trulience was not reached, or did not say whether it took the message.", code="trulience_unreachable"
            ) from failure

    def _allowed(self, callback_url: str) -> bool:
        return is_allowed_url(callback_url, self._hosts, allow_loopback=self._allow_loopback)
