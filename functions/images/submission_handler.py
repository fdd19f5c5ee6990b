"""POST /images: takes an image job in."""

from common import startup  # isort: skip - before everything else, as it says

from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aws_lambda_powertools.event_handler import Response

from common import aws, settings
from common.http import build_api, json_response, partner_id, raw_body
from common.observability import logger
from common.upstream import oh_client
from common.validation import parse_body
from images.callbacks import check_callback_url
from images.executions import Executions
from images.idempotency import answer_once, key_of
from images.job import ImageRequest
from images.job_view import POLL_SECONDS, JobView
from images.submission import Submissions, body_of
from images.submission_ledger import SubmissionLedger

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

app = build_api()


@cache
def _submissions() -> Submissions:
    values = settings.read(settings.SubmissionSettings)
    return Submissions(
        provider=oh_client(),
        ledger=SubmissionLedger(aws.dynamodb(), values.idempotency_table),
        executions=Executions(aws.states(), values.state_machine_arn),
        check_callback=lambda url: check_callback_url(url, allow_loopback=values.embedded_stack),
        deadline_seconds=values.job_deadline_seconds,
        retention_days=values.job_retention_days,
    )


@app.post("/images")
def submit() -> Response[str]:
    """Submits an image job."""
    partner, key = partner_id(app), key_of(app.current_event.headers or {})
    request = parse_body(ImageRequest, raw_body(app))
    if key is None:
        job = _submissions().submit(request, partner)
    else:
        job = answer_once(
            partner,
            key,
            body_of(request),
            app.lambda_context,
            lambda: _submissions().submit_under(key, request, partner),
        )
    # The path as the caller sees it, with the stage in front where the address has one.
    path = (app.current_event.request_context.path or "/images").rstrip("/")
    location = f"{path}/{quote(job['job_id'], safe='')}"
    # Through the model, so that a remembered answer reads as the first one did.
    return json_response(
        JobView.model_validate(job), status=202, headers={"Location": location, "Retry-After": str(POLL_SECONDS)}
    )


def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Answers one request."""
    logger().clear_state()
    return app.resolve(event, context)


startup.finished()
