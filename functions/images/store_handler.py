"""Workflow task StoreResult: copies a finished picture into the bucket."""

from common import startup  # isort: skip - before everything else, as it says

import time
from functools import cache
from typing import TYPE_CHECKING, Any

import httpx
from pydantic import BaseModel

from common import aws, settings
from common.observability import emit, logger
from digital_twin.deadline import Deadline
from digital_twin.transport import GuardedTransport
from images.executions import safe_name
from images.job import StoredImage, timestamp
from images.job_store import to_attribute
from images.result_download import DeadLinkError, Limits, ResultRefusedError, store

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

MAX_DEAD_LINKS = 5
"""How often a job whose link is dead is asked for a new one."""
RESERVE_SECONDS = 10
"""What is kept of the function's time for the bucket's answer."""
_NOTHING = StoredImage(key="", content_type="", bytes=0, sha256="")


class StoreInput(BaseModel):
    """What the workflow hands over: the job, the link, and how many links were dead before this one."""

    job_id: str
    url: str
    dead_links: int


@cache
def _transport() -> httpx.BaseTransport:
    return GuardedTransport()


def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Stores one picture. What may heal is raised for the workflow to retry, everything else is an outcome.

    Returns:
        The outcome, with every member the workflow reads.
    """
    asked = StoreInput.model_validate(event)
    logger().append_keys(job_id=asked.job_id)
    values = settings.read(settings.StoreSettings)
    seconds = context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS
    try:
        image = store(
            asked.url,
            safe_name(asked.job_id),
            limits=Limits(values.result_hosts, values.max_result_bytes, allow_loopback=values.embedded_stack),
            transport=_transport(),
            s3=aws.s3(),
            bucket=values.results_bucket,
            deadline=Deadline.after(seconds),
        )
    except DeadLinkError:
        return _dead_link(asked.dead_links + 1)
    except ResultRefusedError as refusal:
        return _refused(refusal.code, refusal.message, asked.dead_links)
    emit({"ImageJobsCompleted": 1, "ResultBytes": image.bytes})
    logger().info("stored", extra={"bytes": image.bytes, "content_type": image.content_type})
    return _outcome("stored", asked.dead_links, image=image)


def _dead_link(dead_links: int) -> dict[str, Any]:
    logger().warning("the link is dead", extra={"dead_links": dead_links})
    if dead_links > MAX_DEAD_LINKS:
        return _refused("result_unavailable", "None of the links that the provider gave works.", dead_links)
    return _outcome("link_dead", dead_links)


def _refused(code: str, message: str, dead_links: int) -> dict[str, Any]:
    emit({"ImageJobsFailed": 1}, dimensions={"code": code})
    logger().warning("the result is refused", extra={"code": code})
    return _outcome("refused", dead_links, code=code, message=message)


def _outcome(
    word: str, dead_links: int, *, image: StoredImage = _NOTHING, code: str = "", message: str = ""
) -> dict[str, Any]:
    return {
        "outcome": word,
        "dead_links": dead_links,
        "image": to_attribute(image),
        "at": timestamp(time.time()),
        "code": code,
        "message": message,
    }


startup.finished()
