"""Workflow tasks TellSession and TellCallback, and POST /images/{job_id}/notifications, which does both again."""

from common import startup  # isort: skip - before everything else, as it says

import time
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel

from avatar.session_store import SessionStore
from avatar.speaker import Speaker
from common import aws, settings
from common.errors import ConflictError
from common.http import build_api, json_response, partner_id
from common.observability import logger
from common.secrets import secrets
from common.upstream import callback_client
from images.callbacks import Delivery, callback_transport, deliver
from images.job import Target
from images.job_finder import owned
from images.job_store import JobStore
from images.job_view import POLL_SECONDS, view
from images.notifications import Notifier, Told, targets_of
from images.result_links import link_signer

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

app = build_api()


class NotifyInput(BaseModel):
    """What the workflow hands over: the job, whom to tell, and the attempts made so far."""

    job_id: str
    target: Target
    attempt: int


@cache
def _store() -> JobStore:
    return JobStore(aws.dynamodb(), settings.read(settings.NotifySettings).jobs_table)


@cache
def _notifier() -> Notifier:
    values = settings.read(settings.NotifySettings)
    transport = callback_transport(allow_loopback=values.embedded_stack)

    def send(url: str, body: bytes, message_id: str, now: int) -> Delivery:
        secret = secrets().webhook_signing_secret
        return deliver(url, body, message_id=message_id, secret=secret, now=now, transport=transport)

    return Notifier(
        store=_store(),
        sign=link_signer().sign,
        find_session=SessionStore(aws.dynamodb(), values.sessions_table).find,
        speaker=Speaker(callback_client(), values.callback_hosts, allow_loopback=values.embedded_stack),
        deliver=send,
        phrase=values.image_ready_message,
    )


@app.post("/images/<job_id>/notifications")
def notify_again(job_id: str) -> Response[str]:
    """Tells everybody who asked for it once more, one attempt each."""
    job = owned(_store().find(job_id), partner_id(app), time.time())
    if not job.ended:
        raise ConflictError(
            "The job has not ended yet; whoever asked is told when it has.",
            code="not_ready",
            retry_after=POLL_SECONDS,
            details={"status": job.status},
        )
    targets = targets_of(job)
    if not targets:
        raise ConflictError("Nobody asked to be told of this job.", code="nobody_to_notify")
    for target in targets:
        _notifier().tell_again(job, target)
    return json_response(view(_store().find(job_id) or job, link_signer().sign), status=202)


def _tell(event: dict[str, Any]) -> dict[str, Any]:
    asked = NotifyInput.model_validate(event)
    logger().append_keys(job_id=asked.job_id)
    job = _store().find(asked.job_id)
    if job is None or not job.ended:
        logger().error("there is no such job to tell of")
        told = Told(again=False, wait_seconds=0, attempt=asked.attempt)
    else:
        told = _notifier().tell(job, asked.target, asked.attempt)
    return {"decision": "again" if told.again else "done", "wait_seconds": told.wait_seconds, "attempt": told.attempt}


def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Answers API Gateway's requests and carries out the workflow's tasks."""
    logger().clear_state()
    return app.resolve(event, context) if "httpMethod" in event else _tell(event)


startup.finished()
