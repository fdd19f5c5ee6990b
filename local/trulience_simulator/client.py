"""The simulated platform as a sender: it posts the events of a conversation to a webhook, and measures the answers."""

from __future__ import annotations

import secrets
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import httpx

from local.trulience_simulator.receiver import CALLBACK_PATH
from local.trulience_simulator.sessions import SpokenMessage, SpokenSessions

ANSWER_SECONDS = 30.0
"""How long an answer is waited for; the platform recommends answers within 2 seconds."""


@dataclass(frozen=True)
class WebhookAnswer:
    """What a webhook answered to one event."""

    session_id: str
    status: int | None
    """The HTTP status; None when no answer came."""
    body: dict[str, Any]
    """The decoded body; empty when it was not a JSON object."""
    latency: float
    """Seconds from sending the event to having read the answer."""
    problem: str | None = None
    """Why no answer came."""

    @property
    def ok(self) -> bool:
        """Whether the event was answered as the platform wants it: 200 and status OK."""
        return self.status == 200 and self.body.get("status", "OK") == "OK"

    @property
    def spoken(self) -> str:
        """What the avatar says: the reply, or the greeting of a login."""
        return str(self.body.get("reply") or self.body.get("statusMessage") or "")


class TrulienceClient:
    """Sends events as Trulience does; safe to use from many threads.

    Args:
        webhook_url: where events go ("REST Endpoint URL" of the avatar's dashboard).
        api_key: the bearer token ("REST Agent API Key" of the dashboard).
        callback_base_url: scheme, host and port of the callback endpoint; a LOGIN names it with the path `/tglisten`.
            Without one no `callbackUrl` is sent.
        sessions: where a LOGIN's token is registered; shared with the receiver.
        session_events_url: where session.connect and session.disconnect go; by default beside the webhook.
        transport: how requests are sent; over the network by default.
        timeout: seconds to wait for an answer.

    """

    def __init__(
        self,
        webhook_url: str,
        api_key: str,
        callback_base_url: str | None = None,
        *,
        sessions: SpokenSessions | None = None,
        session_events_url: str | None = None,
        transport: httpx.BaseTransport | None = None,
        timeout: float = ANSWER_SECONDS,
    ) -> None:
        self.sessions = sessions if sessions is not None else SpokenSessions()
        self._webhook_url = webhook_url
        self._session_events_url = session_events_url or webhook_url.removesuffix("/webhook") + "/session-events"
        self._callback_url = callback_base_url.rstrip("/") + CALLBACK_PATH if callback_base_url else None
        self._http = httpx.Client(
            transport=transport,
            timeout=timeout,
            headers={"Authorization": f"Bearer {api_key}"},
            trust_env=False,
        )

    def login(
        self,
        session_id: str | None = None,
        *,
        user_id: str = "local-user",
        locale: str = "en-US",
        last_seen: str = "",
        auth_token: str | None = None,
        **more: object,
    ) -> WebhookAnswer:
        """Open a session and register its token; both are made up when left out. `more` adds or replaces fields."""
        session_id = session_id or str(uuid.uuid4())
        auth_token = auth_token or secrets.token_urlsafe(24)
        self.sessions.register(session_id, auth_token)
        event: dict[str, object] = {
            "action": "LOGIN",
            "sessionId": session_id,
            "userId": user_id,
            "locale": locale,
            "lastSeen": last_seen,
            "authToken": auth_token,
        }
        if self._callback_url is not None:
            event["callbackUrl"] = self._callback_url
        return self.send(event | more)

    def chat(self, session_id: str, message: str, **more: object) -> WebhookAnswer:
        """Say something in a session. `more` adds or replaces fields."""
        return self.send({"action": "CHAT", "sessionId": session_id, "message": message} | more)

    def logout(self, session_id: str, **more: object) -> WebhookAnswer:
        """Close a session. `more` adds or replaces fields."""
        return self.send({"action": "LOGOUT", "sessionId": session_id} | more)

    def session_connect(
        self, session_id: str, *, avatar_id: str = "local-avatar", max_session_duration: int | None = None
    ) -> WebhookAnswer:
        """Send the platform's session.connect; the duration is in seconds."""
        more = {} if max_session_duration is None else {"max_session_duration": max_session_duration}
        return self._post(self._session_events_url, self._session_event("connect", session_id, avatar_id) | more)

    def session_disconnect(self, session_id: str, *, avatar_id: str = "local-avatar") -> WebhookAnswer:
        """Send the platform's session.disconnect."""
        return self._post(self._session_events_url, self._session_event("disconnect", session_id, avatar_id))

    def send(self, event: dict[str, object]) -> WebhookAnswer:
        """Post any event to the webhook."""
        return self._post(self._webhook_url, event)

    def wait_for_message(self, session_id: str, timeout: float, *, after: int = 0) -> SpokenMessage | None:
        """Wait for a message through the callback endpoint; see `SpokenSessions.wait_for_message`."""
        return self.sessions.wait_for_message(session_id, timeout, after=after)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> TrulienceClient:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    @staticmethod
    def _session_event(kind: str, session_id: str, avatar_id: str) -> dict[str, object]:
        return {
            "event_type": f"session.{kind}",
            "customer_id": "local-customer",
            "avatar_id": avatar_id,
            "session_id": session_id,
            "timestamp": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        }

    def _post(self, url: str, event: dict[str, object]) -> WebhookAnswer:
        session_id = str(event.get("sessionId") or event.get("session_id") or "")
        begin = time.monotonic()
        try:
            response = self._http.post(url, json=event)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            problem = str(error) or type(error).__name__
            return WebhookAnswer(session_id, None, {}, time.monotonic() - begin, problem)
        latency = time.monotonic() - begin
        try:
            body = response.json()
        except ValueError:
            body = None
        return WebhookAnswer(session_id, response.status_code, body if isinstance(body, dict) else {}, latency)
