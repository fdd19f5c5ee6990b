"""Cam sessions: the simulated provider's registrations of avatar webhooks."""

from __future__ import annotations

import threading
import uuid
from dataclasses import asdict, dataclass
from typing import Any

import httpx

from local.clock import Clock

_WEBHOOK_SECONDS = 10.0


@dataclass
class CamSession:
    """One registered webhook."""

    session_id: str
    character_uid: str
    webhook_url: str
    created_at: str
    status: str = "active"
    logout_status: int | None = None
    """What the webhook answered to LOGOUT; None when it was not asked or could not be reached."""


class CamSessions:
    """All cam sessions of the simulated account.

    Args:
        clock: gives the times of creation.
        webhook_token: the bearer token sent with LOGOUT; without one no `Authorization` header is sent.
        transport: how LOGOUT is sent; tests give their own.

    """

    def __init__(
        self, clock: Clock, *, webhook_token: str | None = None, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._clock = clock
        self._token = webhook_token
        self._transport = transport
        self._sessions: dict[str, CamSession] = {}
        self._lock = threading.Lock()

    def create(self, character_uid: str, webhook_url: str) -> CamSession:
        """Register a webhook."""
        session = CamSession(str(uuid.uuid4()), character_uid, webhook_url, self._clock.iso())
        with self._lock:
            self._sessions[session.session_id] = session
        return session

    def page(self, page: int, limit: int) -> tuple[list[CamSession], int]:
        """Give the sessions of a page (from 1), newest first, and how many there are in all."""
        with self._lock:
            sessions = list(reversed(self._sessions.values()))
        return sessions[(page - 1) * limit : page * limit], len(sessions)

    def find(self, session_id: str) -> CamSession | None:
        """Give a session that has not ended, or None."""
        with self._lock:
            session = self._sessions.get(session_id)
        return session if session is not None and session.status == "active" else None

    def end(self, session: CamSession) -> threading.Thread:
        """End a session and tell its webhook; gives the thread that does the telling, already running."""
        with self._lock:
            session.status = "ended"
        thread = threading.Thread(target=self._send_logout, args=(session,), name="cam-logout", daemon=True)
        thread.start()
        return thread

    def read(self) -> list[dict[str, Any]]:
        """Give all sessions as plain data, oldest first."""
        with self._lock:
            return [asdict(session) for session in self._sessions.values()]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._sessions.clear()

    def _send_logout(self, session: CamSession) -> None:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        event = {"action": "LOGOUT", "sessionId": session.session_id}
        try:
            with httpx.Client(transport=self._transport, timeout=_WEBHOOK_SECONDS, trust_env=False) as client:
                session.logout_status = client.post(session.webhook_url, json=event, headers=headers).status_code
        except (httpx.HTTPError, httpx.InvalidURL):
            session.logout_status = None
