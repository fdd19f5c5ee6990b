"""AWS and the OH API as they would be if they took no time: canned answers to just what one CHAT needs."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from local.servers import LocalServer

BEARER = "bench-trulience-key"
_ROOM = "0f8fad5b-d9cb-469f-a165-70867728950e"
_SESSION = {
    "session_id": {"S": "bench"},
    "character_id": {"S": "7"},
    "user_id": {"S": "bench-user"},
    "room_id": {"S": _ROOM},
    "locale": {"S": "en-US"},
    "turn": {"N": "1"},
    "generation": {"S": "5c9f1d0e5c9f4d0e8c9f1d0e5c9f1d0e"},
    "created_at": {"S": "2026-11-22T09:00:00.000000+00:00"},
    "active_ms": {"N": "1795338000000"},
    "idle_end_ms": {"N": "99999999999999"},
    "expires_at": {"N": "99999999999"},
}
_SECRET = {"oh_api_key": "bench", "trulience_api_key": BEARER, "webhook_signing_secret": "whsec_YmVuY2g="}
_ANSWERS: dict[str, dict[str, Any]] = {
    "DynamoDB_20120810.UpdateItem": {"Attributes": _SESSION},
    "secretsmanager.GetSecretValue": {"Name": "bench", "SecretString": json.dumps(_SECRET)},
    "/api/v1/text": {"content": "A lighthouse, and the sea around it."},
}


class InstantWorld:
    """A server for all of it; counts what it is asked.

    Attributes:
        calls: How often each operation was called.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._server = LocalServer(self._answer)

    @property
    def url(self) -> str:
        """Where it serves."""
        return self._server.base_url

    def start(self) -> None:
        """Begins to serve."""
        self._server.start()

    def stop(self) -> None:
        """Ends."""
        self._server.stop()

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        operation = environ.get("HTTP_X_AMZ_TARGET") or environ["PATH_INFO"]
        self.calls[operation] += 1
        found = _ANSWERS.get(operation)
        body = json.dumps(found or {"message": f"{operation} is not part of a warm CHAT"}).encode()
        status = "200 OK" if found else "500 Internal Server Error"
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]
