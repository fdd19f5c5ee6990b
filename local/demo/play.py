"""What the demo plays, step by step; each step checks that it happened."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from local.trulience_simulator import TrulienceClient, WebhookAnswer

NAME = "Ada"
CHATS = (
    f"Hello, my name is {NAME}.",
    "What would you paint for me?",
    "Do you remember my name?",
)
PROMPT = "A lighthouse on a cliff at dusk, warm light in the windows"
RESOLUTION = "4:3"

JOB_SECONDS = 330.0
"""Longest wait for the image: the job's own deadline of five minutes and half a minute."""
SPEAK_SECONDS = 20.0
"""Longest wait for what the avatar says on its own."""

_POLL_SECONDS = 1.0
_LATE_SECONDS = 25.0


class DemoError(Exception):
    """Something did not happen; the message is a sentence that says what."""


@dataclass(frozen=True)
class Latency:
    """How long one answer took, in seconds."""

    step: str
    seconds: float


@dataclass(frozen=True)
class Picture:
    """The finished image on disk."""

    path: Path
    content_type: str
    size: int
    sha256: str


class Play:
    """The demo's steps.

    Args:
        avatar: Sends the events of the conversation and hears what the avatar says on its own.
        partner: An HTTP client of the API with a partner's key.
        character_id: The character to talk to.
        say: Takes one line for the user: who speaks, and what.

    """

    def __init__(
        self, avatar: TrulienceClient, partner: httpx.Client, character_id: str, say: Callable[[str, str], None]
    ) -> None:
        self._avatar = avatar
        self._partner = partner
        self._character_id = character_id
        self._say = say
        self._spoken = 0
        self.latencies: list[Latency] = []

    def login(self) -> str:
        """Open a session; gives its id."""
        answer = self._avatar.login(user_id="demo-user")
        self._note("LOGIN", answer)
        self._say("avatar", answer.spoken)
        return answer.session_id

    def chat(self, session_id: str) -> None:
        """Say three things; the last answer must know what the first one told."""
        last = ""
        for number, message in enumerate(CHATS, 1):
            self._say("user", message)
            answer = self._avatar.chat(session_id, message)
            self._note(f"CHAT {number}", answer)
            last = str(answer.body.get("reply", "")) or self._late_reply(session_id)
            self._say("avatar", last)
        if NAME not in last:
            raise DemoError(f"The avatar did not remember the name it was told: it said {last!r}.")

    def submit(self, session_id: str) -> str:
        """Ask for a picture on behalf of the session; gives the job's id."""
        body = {
            "character_id": self._character_id,
            "prompt": PROMPT,
            "resolution": RESOLUTION,
            "session_id": session_id,
        }
        answer = self._ask("POST /images", "POST", "/images", 202, json=body)
        return str(answer.json()["job_id"])

    def wait(self, job_id: str, show: Callable[[str, float], None]) -> dict[str, Any]:
        """Poll the job until it is completed.

        Args:
            job_id: The job.
            show: Takes the job's status and the seconds since the wait began, after each poll.

        Returns:
            The job as the API shows it.
        """
        begin = time.monotonic()
        while True:
            job: dict[str, Any] = self._partner.get(f"/images/{job_id}").raise_for_status().json()
            elapsed = time.monotonic() - begin
            show(job["status"], elapsed)
            if job["status"] == "completed":
                return job
            if job["status"] == "failed":
                raise DemoError(f"The image job failed: {job.get('error')}.")
            if elapsed > JOB_SECONDS:
                raise DemoError(f"The image job is still {job['status']} after {elapsed:.0f} seconds.")
            time.sleep(_POLL_SECONDS)

    def download(self, job_id: str, directory: Path) -> Picture:
        """Fetch the picture through the API and check it against the checksum that the job states."""
        job = self._ask("GET /images/{job_id}", "GET", f"/images/{job_id}", 200).json()
        image = job["image"]
        redirect = self._ask("GET /images/{job_id}/content", "GET", f"/images/{job_id}/content", 302)
        content = httpx.get(redirect.headers["location"], timeout=30).raise_for_status().content
        checksum = hashlib.sha256(content).hexdigest()
        if checksum != image["sha256"] or len(content) != image["bytes"]:
            raise DemoError(f"The picture that was fetched is not the one that was stored: its SHA-256 is {checksum}.")
        path = directory / f"{job_id}.{image['content_type'].rpartition('/')[2]}"
        path.write_bytes(content)
        return Picture(path, image["content_type"], len(content), checksum)

    def hear(self, session_id: str) -> None:
        """Wait until the avatar has said on its own that the picture is there."""
        message = self._avatar.wait_for_message(session_id, SPEAK_SECONDS, after=self._spoken)
        if message is None:
            raise DemoError(f"The avatar did not say within {SPEAK_SECONDS:.0f} seconds that the picture is ready.")
        self._spoken += 1
        self._say("avatar", f"{message.message}  (on its own)")

    def logout(self, session_id: str) -> None:
        """Close the session."""
        self._note("LOGOUT", self._avatar.logout(session_id))

    def _late_reply(self, session_id: str) -> str:
        message = self._avatar.wait_for_message(session_id, _LATE_SECONDS, after=self._spoken)
        if message is None:
            raise DemoError(f"The avatar gave no reply, neither at once nor within {_LATE_SECONDS:.0f} seconds.")
        self._spoken += 1
        return message.message

    def _note(self, step: str, answer: WebhookAnswer) -> None:
        if not answer.ok:
            reason = answer.problem or answer.body.get("error") or answer.body
            raise DemoError(f"{step} was not answered as it should be (status {answer.status}): {reason}.")
        self.latencies.append(Latency(step, answer.latency))

    def _ask(self, step: str, method: str, path: str, expected: int, **request: Any) -> httpx.Response:
        begin = time.monotonic()
        answer = self._partner.request(method, path, **request)
        self.latencies.append(Latency(step, time.monotonic() - begin))
        if answer.status_code != expected:
            raise DemoError(f"{step} was answered {answer.status_code} instead of {expected}: {answer.text[:300]}")
        return answer
