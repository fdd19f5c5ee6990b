"""Workflow task CheckJob: asks the provider how a job is doing and decides what comes next."""

from common import startup  # isort: skip - before everything else, as it says

import time
from functools import cache
from typing import Any

from pydantic import BaseModel

from common import aws, settings
from common.errors import UnavailableError
from common.observability import emit, logger
from common.upstream import oh_client
from digital_twin import oh
from digital_twin.deadline import Deadline
from images.job import Status, timestamp
from images.job_store import JobStore
from images.polling import Decision, decide

CALL_SECONDS = 10
"""How long the provider may take to answer."""


class CheckInput(BaseModel):
    """What the workflow hands over: the job, its deadline (epoch s), questions so far, the status last recorded."""

    job_id: str
    deadline_at: float
    polls: int
    status: Status


@cache
def _store() -> JobStore:
    return JobStore(aws.dynamodb(), settings.read(settings.CheckSettings).jobs_table)


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - the signature is Lambda's
    """One question to the provider, never more: the workflow does the waiting.

    Returns:
        The decision, with every member the workflow reads.
    """
    asked = CheckInput.model_validate(event)
    logger().append_keys(job_id=asked.job_id)
    # One attempt: repeating is the workflow's part, which keeps two questions 2 s apart at least.
    try:
        answer: oh.JobStatus | oh.OhApiError = oh_client().job_status(
            asked.job_id, deadline=Deadline.after(CALL_SECONDS), max_attempts=1
        )
    except oh.OhApiError as error:
        answer = error
        logger().warning("the provider did not tell the job's state", extra={"error_type": type(error).__name__})
    now = time.time()
    polls = asked.polls + 1
    decision = decide(answer, polls=polls, remaining=asked.deadline_at - now)
    status = _record(asked, decision, timestamp(now))
    if decision.code:
        emit({"ImageJobsFailed": 1}, dimensions={"code": decision.code})
    logger().info("checked", extra={"decision": decision.word, "polls": polls, "code": decision.code})
    return {
        "decision": decision.word,
        "wait_seconds": decision.wait_seconds,
        "polls": polls,
        "status": status,
        "at": timestamp(now),
        "url": decision.url,
        "code": decision.code,
        "message": decision.message,
    }


def _record(asked: CheckInput, decision: Decision, at: str) -> Status:
    """Writes what is new into the job's record; gives the status that stands there."""
    if decision.word == "completed":
        texts = {"image_prompt": decision.image_prompt, "followup_text": decision.followup_text}
        if asked.status != "processing" or any(texts.values()):
            # Until the picture is stored the job goes on. What the provider says must not be lost: if the table
            # refuses, the workflow tries again.
            _store().progress(asked.job_id, "processing", at, **texts)
        return "processing"
    if decision.status in (None, asked.status) or decision.word != "processing":
        return asked.status
    try:
        _store().progress(asked.job_id, decision.status, at)
    except UnavailableError:
        # Shown a little late, then: the next question tries again.
        return asked.status
    return decision.status


startup.finished()
