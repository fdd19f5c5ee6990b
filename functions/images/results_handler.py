"""GET and HEAD of /images, /images/{job_id} and /images/{job_id}/content: how jobs do, and where their pictures are."""

from common import startup  # isort: skip - before everything else, as it says

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, get_args

from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel

from common import aws, settings
from common.errors import ConflictError, InvalidInputError
from common.http import build_api, json_response, partner_id
from common.observability import logger
from common.validation import page_limit
from images.executions import Executions
from images.job import Status
from images.job_finder import JobFinder
from images.job_store import JobStore
from images.job_view import POLL_SECONDS, JobList, view
from images.result_links import link_signer

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


app = build_api()


@cache
def _jobs() -> JobFinder:
    values = settings.read(settings.ResultsSettings)
    return JobFinder(JobStore(aws.dynamodb(), values.jobs_table), Executions(aws.states(), values.state_machine_arn))


@app.route("/images", method=["GET", "HEAD"])
def list_jobs() -> Response[str]:
    """Lists the caller's jobs, newest first."""
    query = app.current_event.query_string_parameters or {}
    page = _jobs().page(
        partner_id(app),
        limit=page_limit(query.get("limit")),
        cursor=query.get("cursor"),
        status=_status(query.get("status")),
    )
    jobs = [view(job, link_signer().sign) for job in page.jobs]
    return _answer(JobList(jobs=jobs, next_cursor=page.next_cursor).body())


@app.route("/images/<job_id>", method=["GET", "HEAD"])
def get_job(job_id: str) -> Response[str]:
    """Shows one job; says when to look again while it runs."""
    job = _jobs().find(job_id, partner_id(app))
    headers = {} if job.ended else {"Retry-After": str(POLL_SECONDS)}
    return _answer(view(job, link_signer().sign), headers)


@app.route("/images/<job_id>/content", method=["GET", "HEAD"])
def get_content(job_id: str) -> Response[str]:
    """Leads to the picture, by a link signed at this moment."""
    job = _jobs().find(job_id, partner_id(app))
    if job.status == "failed":
        reason = f" {job.error.message}" if job.error else ""
        raise ConflictError(f"This job failed, so there is no picture.{reason}", code="job_failed")
    if job.image is None or job.status != "completed":
        raise ConflictError(
            "The picture is not ready yet.", code="not_ready", retry_after=POLL_SECONDS, details={"status": job.status}
        )
    head = app.current_event.http_method == "HEAD"
    # The method is part of what is signed.
    link = link_signer().sign(job.image.key, method="head_object" if head else "get_object")
    return json_response(None, status=302, headers={"Location": link.url, "Cache-Control": "no-store"})


def _answer(body: BaseModel | Mapping[str, object], headers: dict[str, str] | None = None) -> Response[str]:
    response = json_response(body, headers={"Cache-Control": "no-store", **(headers or {})})
    if app.current_event.http_method == "HEAD":
        response.body = ""
    return response


def _status(text: str | None) -> Status | None:
    if text is None:
        return None
    for status in get_args(Status):
        if text == status:
            found: Status = status
            return found
    raise InvalidInputError(f"The parameter status must be one of {', '.join(get_args(Status))}.")


def lambda_handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Answers one request."""
    logger().clear_state()
    return app.resolve(event, context)


startup.finished()
