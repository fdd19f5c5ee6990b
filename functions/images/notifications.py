"""Telling whoever asked that a job has ended: what is said, to whom, how often."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol
from xml.sax.saxutils import escape

from avatar.session import Session
from common.errors import ProblemError, UnavailableError
from common.observability import emit, logger
from common.phrases import Phrase
from images.callbacks import Delivery
from images.job import Job, Notification, Target, timestamp
from images.job_store import JobStore
from images.job_view import ImageEvent, view
from images.result_links import SignedLink

MAX_DELIVERIES = 8
NOTE_PAUSES = (1.0, 2.0, 4.0)
"""Seconds between the tries to record how an attempt went: a table in trouble usually is for a moment."""
FIRST_GAP_SECONDS = 14
"""Doubling gaps of 14 s, 28 s … 896 s put the eighth delivery half an hour after the first."""

_NEVER = Notification(status="failed")


class Speaker(Protocol):
    """What makes an avatar speak; `avatar.speaker.Speaker` is one."""

    def say(self, session: Session, message: str) -> None:
        """Has the avatar of a session say something."""


@dataclass(frozen=True)
class Told:
    """How an attempt to tell one target went.

    Attributes:
        again: Whether another attempt is due.
        wait_seconds: How long to wait before it.
        attempt: Which one it was, from 1.
    """

    again: bool
    wait_seconds: int
    attempt: int


def gap_seconds(attempt: int) -> int:
    """The pause after a failed delivery, the first being number 1."""
    return int(FIRST_GAP_SECONDS * 2 ** (attempt - 1))


def targets_of(job: Job) -> list[Target]:
    """Whom a job that has ended is told to: a session of pictures only, a callback of failures too."""
    targets: list[Target] = []
    if job.session_id and job.status == "completed":
        targets.append("session")
    if job.callback_url:
        targets.append("callback")
    return targets


def message_id(job: Job) -> str:
    """The id of a job's message: the same however often it is delivered."""
    return "msg_" + hashlib.sha256(f"{job.job_id} {job.status}".encode()).hexdigest()[:32]


def spoken(phrase: Phrase, job: Job, link: SignedLink, locale: str | None) -> str:
    """What the avatar says: the provider's own line, else the deployment's sentence with the link in it.

    The link is escaped, so that an operator can put one of Trulience's tags around it.
    """
    if job.followup_text:
        return job.followup_text
    return phrase.for_locale(locale).replace("{url}", escape(link.url, {'"': "&quot;", "'": "&apos;"}))


@dataclass(frozen=True)
class Notifier:
    """Tells sessions and partners.

    Attributes:
        store: The jobs.
        sign: Makes a link to a stored picture, given its key.
        find_session: The live session of an id, or None.
        speaker: Makes avatars speak.
        deliver: Makes one signed delivery: URL, body, id, epoch seconds.
        phrase: What an avatar says of a finished picture.
        now: The clock, in epoch seconds.
        sleep: Waits, in seconds.
    """

    store: JobStore
    sign: Callable[[str], SignedLink]
    find_session: Callable[[str], Session | None]
    speaker: Speaker
    deliver: Callable[[str, bytes, str, int], Delivery]
    phrase: Phrase
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def tell(self, job: Job, target: Target, attempt: int) -> Told:
        """Makes one of the workflow's attempts and records how it went; none where the target is told already.

        Args:
            job: A job that has ended.
            target: Whom to tell.
            attempt: Attempts made before this one.

        Raises:
            UnavailableError: What is needed to tell (a session, a signature) cannot be had at the moment.
        """
        if job.notifications.get(target, _NEVER).status == "delivered":
            # Somebody asked for it in between, or this attempt was made before and died without saying so.
            return Told(again=False, wait_seconds=0, attempt=attempt)
        done = attempt + 1
        outcome = self._attempt(job, target)
        repeats = target == "callback" and not outcome.gone and done < MAX_DELIVERIES
        again = repeats and not outcome.delivered
        self._note(job, target, outcome, pending=again)
        return Told(again, gap_seconds(done) if again else 0, done)

    def tell_again(self, job: Job, target: Target) -> None:
        """Makes one attempt because somebody asked for it, and records how it went; raises what `tell` does."""
        # The workflow's own attempts, should there be more of them, go on.
        pending = job.notifications.get(target, _NEVER).status == "pending"
        self._note(job, target, self._attempt(job, target), pending=pending)

    def _attempt(self, job: Job, target: Target) -> Delivery:
        return self._speak(job) if target == "session" else self._call(job)

    def _speak(self, job: Job) -> Delivery:
        session = self.find_session(job.session_id or "")
        if session is None:
            return Delivery(delivered=False, error="the session has ended")
        if job.image is None:
            return Delivery(delivered=False, error="there is no picture")
        try:
            self.speaker.say(session, spoken(self.phrase, job, self.sign(job.image.key), session.locale))
        except UnavailableError:
            raise
        except ProblemError as problem:
            return Delivery(delivered=False, error=problem.message)
        return Delivery(delivered=True)

    def _call(self, job: Job) -> Delivery:
        kind: Literal["image.completed", "image.failed"] = (
            "image.completed" if job.status == "completed" else "image.failed"
        )
        event = ImageEvent(type=kind, timestamp=job.updated_at, data=view(job, self.sign))
        body = event.model_dump_json(exclude_none=True).encode()
        return self.deliver(job.callback_url or "", body, message_id(job), int(self.now()))

    def _note(self, job: Job, target: Target, outcome: Delivery, *, pending: bool) -> None:
        before = job.notifications.get(target, _NEVER)
        told = Notification(
            status="delivered" if outcome.delivered else "pending" if pending else "failed",
            attempts=before.attempts + 1,
            last_error=outcome.error or None,
            updated_at=timestamp(self.now()),
        )
        result = "Delivered" if outcome.delivered else "Failed"
        emit({f"Notifications{result}": 1}, dimensions={"target": target})
        logger().info("told", extra={"target": target, "delivered": outcome.delivered, "attempts": told.attempts})
        for pause in (*NOTE_PAUSES, None):
            try:
                self.store.note_notification(job.job_id, target, told)
            except UnavailableError:
                if pause is not None:
                    self.sleep(pause)
            else:
                return
        # Told all the same: saying it again because it could not be noted would be worse.
        logger().error("the notification cannot be recorded", extra={"target": target})
