"""The sessions of simulated avatars: their tokens, and what the avatars were told to speak."""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from local.clock import Clock


@dataclass(frozen=True)
class SpokenMessage:
    """One message that came through the callback endpoint."""

    session_id: str
    message: str
    time: str
    """Arrival, ISO 8601 in UTC."""
    monotonic: float
    """Arrival, in seconds of a clock that never goes back."""


@dataclass
class _Session:
    token: str = field(repr=False)
    messages: list[SpokenMessage] = field(default_factory=list)


class SpokenSessions:
    """Who may speak into which session, and what was spoken; safe to use from many threads."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._sessions: dict[str, _Session] = {}
        self._changed = threading.Condition()
        self._listeners: list[Callable[[SpokenMessage], None]] = []

    def register(self, session_id: str, auth_token: str) -> None:
        """Accept messages for a session under a token; a new token replaces the old one."""
        with self._changed:
            self._sessions.setdefault(session_id, _Session(auth_token)).token = auth_token

    def authorised(self, session_id: str, auth_token: str) -> bool:
        """Tell whether a token is the one of a session."""
        with self._changed:
            session = self._sessions.get(session_id)
        return session is not None and hmac.compare_digest(session.token.encode(), auth_token.encode())

    def record(self, session_id: str, message: str) -> SpokenMessage:
        """Let the avatar of a known session speak, and tell whoever waits or listens."""
        spoken = SpokenMessage(session_id, message, self._clock.iso(), self._clock.monotonic())
        with self._changed:
            self._sessions[session_id].messages.append(spoken)
            listeners = list(self._listeners)
            self._changed.notify_all()
        for listener in listeners:
            listener(spoken)
        return spoken

    def listen(self, listener: Callable[[SpokenMessage], None]) -> None:
        """Call a function with every message from now on, in the thread that received it."""
        with self._changed:
            self._listeners.append(listener)

    def messages(self, session_id: str | None = None) -> list[SpokenMessage]:
        """Give what was spoken in a session, or in all of them, in the order of arrival."""
        with self._changed:
            if session_id is not None:
                session = self._sessions.get(session_id)
                return list(session.messages) if session is not None else []
            found = [message for session in self._sessions.values() for message in session.messages]
        return sorted(found, key=lambda message: message.monotonic)

    def wait_for_message(self, session_id: str, timeout: float, *, after: int = 0) -> SpokenMessage | None:
        """Wait until a session has more than `after` messages.

        Args:
            session_id: the session; one that is not known yet is waited for as well.
            timeout: seconds, the longest wait.
            after: how many messages the caller knows already.

        Returns:
            The first message the caller does not know, or None when the time has passed.

        """
        end = time.monotonic() + timeout
        with self._changed:
            while True:
                session = self._sessions.get(session_id)
                if session is not None and len(session.messages) > after:
                    return session.messages[after]
                left = end - time.monotonic()
                if left <= 0:
                    return None
                self._changed.wait(left)

    def clear(self) -> None:
        """Forget what was spoken; the sessions and their tokens stay."""
        with self._changed:
            for session in self._sessions.values():
                session.messages.clear()

    def read(self, session_id: str | None = None) -> list[dict[str, Any]]:
        """Give `messages` as plain data."""
        return [asdict(message) for message in self.messages(session_id)]
