"""A short walk through a deployment, calling each function at least once.

All goes over HTTP but the image routes: the emulator's gateway does not tell a function whose key a call came with, so
those functions are handed the gateway's events directly.
"""

import hashlib
import json
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

CHARACTER = "1"
JOB_SECONDS = 120


class CheckFailed(Exception):  # noqa: N818 - it is the check's outcome
    """Something did not happen; the message says what."""


@dataclass(frozen=True)
class Deployment:
    """Where a deployment is, and the keys to it.

    Args:
        api_url: Its address.
        trulience_api_key: What Trulience sends.
        partner_api_key: What a partner sends.
        invoke: Calls a function, by its logical id, with an event; gives its answer.
    """

    api_url: str
    trulience_api_key: str = field(repr=False)
    partner_api_key: str = field(repr=False)
    invoke: Callable[[str, dict[str, Any]], dict[str, Any]]


class _Walk:
    def __init__(self, deployment: Deployment) -> None:
        self._http = httpx.Client(base_url=deployment.api_url, timeout=60)
        self._bearer = {"Authorization": f"Bearer {deployment.trulience_api_key}"}
        self._key = {"X-API-Key": deployment.partner_api_key}
        self._invoke = deployment.invoke
        self.session_id = str(uuid.uuid4())

    def expect(
        self, status: int, method: str, path: str, *, headers: dict[str, str] | None = None, body: Any = None
    ) -> Any:
        """One request as a partner (or with other headers); gives the decoded body."""
        started = time.monotonic()
        answer = self._http.request(method, path, headers=self._key if headers is None else headers, json=body)
        print(f"{method} {path}: {answer.status_code} in {time.monotonic() - started:.2f} s", file=sys.stderr)
        if answer.status_code != status:
            raise CheckFailed(
                f"{method} {path} answered {answer.status_code} in place of {status}: {answer.text[:500]}"
            )
        return answer.json() if answer.content and "json" in answer.headers.get("content-type", "") else answer

    def event(self, action: str, **members: str) -> Any:
        """One event of Trulience's."""
        body = {"action": action, "sessionId": self.session_id, "userId": "ada", **members}
        return self.expect(200, "POST", f"/avatars/{CHARACTER}/webhook", headers=self._bearer, body=body)

    def image_route(
        self, status: int, function: str, method: str, resource: str, job_id: str = "", body: Any = None
    ) -> Any:
        """One request to an image route; gives the function's answer, its body decoded."""
        path = resource.replace("{job_id}", job_id)
        event = {
            "resource": resource,
            "path": path,
            "httpMethod": method,
            "headers": {"Content-Type": "application/json"},
            "multiValueHeaders": {"Content-Type": ["application/json"]},
            "pathParameters": {"job_id": job_id} if job_id else None,
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "requestTimeEpoch": int(time.time() * 1000),
                "resourcePath": resource,
                "path": f"/prod{path}",
                "stage": "prod",
                "httpMethod": method,
                "identity": {"apiKeyId": "partner-1", "sourceIp": "127.0.0.1"},
            },
            "body": None if body is None else json.dumps(body),
            "isBase64Encoded": False,
        }
        started = time.monotonic()
        answer = self._invoke(function, event)
        print(f"{method} {path}: {answer.get('statusCode')} in {time.monotonic() - started:.2f} s", file=sys.stderr)
        if answer.get("statusCode") != status:
            raise CheckFailed(f"{method} {path} answered {answer} in place of {status}")
        return json.loads(answer["body"]) if answer.get("body") else answer

    def job(self, job_id: str) -> dict[str, Any]:
        """An image job that has ended."""
        end = time.monotonic() + JOB_SECONDS
        while time.monotonic() < end:
            job: dict[str, Any] = self.image_route(200, "ImageResultsFunction", "GET", "/images/{job_id}", job_id)
            if job["status"] in ("completed", "failed"):
                return job
            time.sleep(2)
        raise CheckFailed(f"The job {job_id} is not done within {JOB_SECONDS} s.")


def smoke_test(deployment: Deployment) -> None:
    """Talks with an avatar, has an image made, and reads what partners may read.

    Raises:
        CheckFailed: An answer was not the right one.
    """
    walk = _Walk(deployment)
    _keys(walk)
    _conversation(walk)
    _image(walk)
    walk.event("LOGOUT")
    walk.expect(404, "GET", f"/sessions/{walk.session_id}")


def _keys(walk: _Walk) -> None:
    walk.expect(403, "GET", "/images", headers={})
    walk.expect(403, "GET", "/images", headers={"X-API-Key": "wrong"})
    walk.expect(401, "POST", f"/avatars/{CHARACTER}/webhook", headers={"Authorization": "Bearer wrong"}, body={})


def _conversation(walk: _Walk) -> None:
    walk.event("LOGIN", locale="en-US", lastSeen="", authToken="not-a-secret", callbackUrl="https://localhost/tglisten")
    reply = walk.event("CHAT", message="Hello, who are you?")
    if not reply.get("reply") or reply["status"] != "OK":
        raise CheckFailed(f"CHAT was answered without a reply: {reply}")
    walk.expect(200, "GET", f"/sessions/{walk.session_id}")
    listed = walk.expect(200, "GET", f"/avatars/{CHARACTER}/sessions")
    if [session["session_id"] for session in listed["sessions"]] != [walk.session_id]:
        raise CheckFailed(f"The session is not listed: {listed}")


def _image(walk: _Walk) -> None:
    # The avatar is to be told as well. Nobody answers at its callback's address, which must not spoil the picture.
    body = {
        "character_id": CHARACTER,
        "prompt": "A lighthouse at dusk",
        "resolution": "1:1",
        "session_id": walk.session_id,
    }
    submitted = walk.image_route(202, "ImageSubmissionFunction", "POST", "/images", body=body)
    job = walk.job(submitted["job_id"])
    if job["status"] != "completed":
        raise CheckFailed(f"The image job failed: {job.get('error')}")
    picture = httpx.get(job["image"]["url"], timeout=30)
    if hashlib.sha256(picture.content).hexdigest() != job["image"]["sha256"]:
        raise CheckFailed(f"The link to the picture gives {picture.status_code} and {len(picture.content)} other bytes")
    walk.image_route(302, "ImageResultsFunction", "GET", "/images/{job_id}/content", job["job_id"])
    listed = walk.image_route(200, "ImageResultsFunction", "GET", "/images")
    if [entry["job_id"] for entry in listed["jobs"]] != [job["job_id"]]:
        raise CheckFailed(f"The job is not listed: {listed}")
    told = walk.image_route(202, "NotifyFunction", "POST", "/images/{job_id}/notifications", job["job_id"])
    if not told.get("notifications"):
        raise CheckFailed(f"The job does not show whom it was told to: {told}")
