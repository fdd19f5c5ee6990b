"""When to ask the provider for a job's state, and what its answer means. Pure: no clock, no network.

The provider wants 2 to 5 s between two questions and 5 minutes at most (`JobDeadlineSeconds`).
"""

import math
from dataclasses import dataclass
from typing import Literal

from digital_twin import oh

FIRST_WAIT_SECONDS = 2
"""Before the first question, and the least between any two."""
LONGEST_WAIT_SECONDS = 4
"""The provider asks for 5 s at most between two questions; the last one is what a question itself may take."""
MAX_RETRY_AFTER_SECONDS = 30
"""The longest pause that a provider in trouble is granted."""

Word = Literal["processing", "completed", "failed", "timed_out"]


@dataclass(frozen=True)
class Decision:
    """What comes next for a job.

    Attributes:
        word: What the workflow branches on.
        wait_seconds: The pause before the next question, should there be one.
        status: The provider's word, None where it gave none that can be used.
        url: The link to the picture of a completed job, else empty.
        code: Why a job failed, for programs; empty otherwise.
        message: The same for people.
        image_prompt: What the provider pictured, where it says so.
        followup_text: The accompanying line, where there is one.
    """

    word: Word
    wait_seconds: int
    status: Literal["queued", "processing"] | None = None
    url: str = ""
    code: str = ""
    message: str = ""
    image_prompt: str | None = None
    followup_text: str | None = None


def wait_seconds(polls: int, remaining: float, retry_after: float | None = None) -> int:
    """The pause before the next question.

    Doubles from 2 s up to the longest, waits as long as the provider asks for, and is cut so that the last question
    falls on the deadline, never less than 2 s after the one before.

    Args:
        polls: Questions asked so far.
        remaining: Seconds until the deadline.
        retry_after: What the provider asks for, in seconds.
    """
    wait = min(FIRST_WAIT_SECONDS * 2**polls, LONGEST_WAIT_SECONDS)
    if retry_after is not None:
        wait = max(wait, math.ceil(min(retry_after, MAX_RETRY_AFTER_SECONDS)))
    left = math.ceil(remaining)
    if left <= wait:
        return max(left, FIRST_WAIT_SECONDS)
    # A rest too short for one more question is shared out between this pause and the last.
    rest = left - wait
    return wait if rest >= FIRST_WAIT_SECONDS else max(left - FIRST_WAIT_SECONDS, FIRST_WAIT_SECONDS)


def decide(answer: oh.JobStatus | oh.OhApiError, *, polls: int, remaining: float) -> Decision:
    """What the provider's answer, or its failure to give one, means for the job.

    Args:
        answer: What came back.
        polls: Questions asked so far, this one included.
        remaining: Seconds until the deadline; none left means that this was the last question.
    """
    if isinstance(answer, oh.OhApiError):
        refusal = _refusal(answer)
        if refusal:
            return _failed(*refusal)
        return _unfinished(None, polls, remaining, answer.retry_after)
    if answer.status is oh.JobState.COMPLETED and answer.url:
        return Decision(
            "completed",
            FIRST_WAIT_SECONDS,
            url=answer.url,
            image_prompt=answer.results.image_prompt,
            followup_text=answer.results.followup_text,
        )
    if answer.status is oh.JobState.FAILED:
        return _failed("provider_failed", answer.error or "The provider failed to make the picture and gave no reason.")
    status: Literal["queued", "processing"] = "queued" if answer.status is oh.JobState.QUEUED else "processing"
    return _unfinished(status, polls, remaining, None)


def _unfinished(
    status: Literal["queued", "processing"] | None, polls: int, remaining: float, retry_after: float | None
) -> Decision:
    if remaining <= 0:
        message = "The picture was not finished in the time a job is given."
        return Decision("timed_out", FIRST_WAIT_SECONDS, status, code="timeout", message=message)
    return Decision("processing", wait_seconds(polls, remaining, retry_after), status)


def _failed(code: str, message: str) -> Decision:
    return Decision("failed", FIRST_WAIT_SECONDS, code=code, message=message)


def _refusal(error: oh.OhApiError) -> tuple[str, str] | None:
    """Code and message where asking again cannot help; None where it may."""
    if isinstance(error, oh.OhNotFoundError):
        return "job_lost", "The provider does not know this job any more."
    if isinstance(error, oh.OhProtocolError) and error.unknown_status is not None:
        return "unknown_status", f"The provider gave the job a status that is not documented: {error.unknown_status!r}."
    if isinstance(error, oh.OhCredentialsError | oh.OhForbiddenError):
        return "upstream_refused", "The provider does not let this deployment read its job."
    if isinstance(error, oh.OhInvalidInputError | oh.OhModerationError):
        return "provider_failed", error.message or "The provider refused to say how the job is doing."
    return None
