"""The records of image jobs, in DynamoDB."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from common.tables import ConditionFailedError, decode_cursor, encode_cursor, from_item, store_errors, to_item
from images.job import Job, JobError, Notification, Status, StoredImage, Target

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BY_PARTNER = "by_partner"
_CURSOR = {"job_id", "created_at"}
_MAX_PAGES = 10
"""Pages of the table one listing reads at most: a filter that fits little must not read for ever."""
_FILTERED_PAGE = 100
_OPEN = "attribute_exists(job_id) AND #status IN (:queued, :processing)"
_OPEN_VALUES = {":queued": "queued", ":processing": "processing"}


def to_record(job: Job) -> dict[str, Any]:
    """A job as the table holds it, in DynamoDB's types."""
    return to_item(job.model_dump(mode="json", exclude_none=True))


def from_record(record: Mapping[str, Any]) -> Job | None:
    """A job from the table's types; None where the record is none of ours."""
    try:
        return Job.model_validate(from_item(record))
    except (ValidationError, TypeError, AttributeError):
        return None


def to_attribute(value: StoredImage | JobError) -> dict[str, Any]:
    """A part of a record in DynamoDB's types, for the workflow to write."""
    attribute: dict[str, Any] = to_item({"value": value.model_dump()})["value"]
    return attribute


@dataclass(frozen=True)
class Page:
    """A page of jobs, newest first, and the cursor of the next one (None on the last)."""

    jobs: list[Job]
    next_cursor: str | None


class JobStore:
    """The jobs table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def find(self, job_id: str) -> Job | None:
        """The record of a job as last written, or None.

        Raises:
            UnavailableError: DynamoDB does not answer.
        """
        with store_errors("image jobs"):
            answer = self._client.get_item(TableName=self._table, Key={"job_id": {"S": job_id}}, ConsistentRead=True)
        item = answer.get("Item")
        return from_record(item) if item else None

    def page(self, partner_id: str, *, limit: int, cursor: str | None, status: Status | None, now: float) -> Page:
        """A page of a partner's jobs, newest first; expired ones are left out.

        Args:
            partner_id: Whose jobs.
            limit: How many at most.
            cursor: Where to go on, as an earlier page said.
            status: Only jobs in this state.
            now: Epoch seconds.

        Raises:
            InvalidInputError: The cursor is none of this listing's.
            UnavailableError: DynamoDB does not answer.
        """
        names, values = {"#expires": "expires_at"}, {":partner": partner_id, ":now": int(now)}
        wanted = "#expires > :now"
        if status:
            names["#status"], values[":status"] = "status", status
            wanted += " AND #status = :status"
        key = decode_cursor(cursor, _CURSOR) if cursor else None
        start = to_item({**key, "partner_id": partner_id}) if key else None
        jobs: list[Job] = []
        for _ in range(_MAX_PAGES):
            query: dict[str, Any] = {"ExclusiveStartKey": start} if start else {}
            with store_errors("image jobs"):
                answer = self._client.query(
                    TableName=self._table,
                    IndexName=BY_PARTNER,
                    KeyConditionExpression="partner_id = :partner",
                    FilterExpression=wanted,
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues=to_item(values),
                    ScanIndexForward=False,
                    # What a filter leaves of a page is not known before: then it reads more than it may need.
                    Limit=_FILTERED_PAGE if status else limit,
                    **query,
                )
            jobs += filter(None, map(from_record, answer["Items"]))
            start = answer.get("LastEvaluatedKey")
            if not start or len(jobs) >= limit:
                break
        if len(jobs) > limit:
            last = jobs[limit - 1]
            return Page(jobs[:limit], encode_cursor({"created_at": last.created_at, "job_id": last.job_id}))
        following = encode_cursor({name: from_item(start)[name] for name in sorted(_CURSOR)}) if start else None
        return Page(jobs, following)

    def progress(
        self,
        job_id: str,
        status: Status,
        at: str,
        *,
        image_prompt: str | None = None,
        followup_text: str | None = None,
    ) -> None:
        """Records how far a job is that goes on, and what the provider says of it; a job that has ended stays as it is.

        Raises:
            UnavailableError: DynamoDB does not answer.
        """
        texts = {"image_prompt": image_prompt, "followup_text": followup_text}
        said = {name: text for name, text in texts.items() if text}
        self._change(job_id, {"status": status, "updated_at": at, **said})

    def fail(self, job_id: str, error: JobError, at: str) -> None:
        """Records that a job has failed; a job that has ended stays as it is.

        Raises:
            UnavailableError: DynamoDB does not answer.
        """
        self._change(job_id, {"status": "failed", "error": error.model_dump(), "updated_at": at})

    def _change(self, job_id: str, values: Mapping[str, Any]) -> None:
        names = {f"#{name}": name for name in values}
        given = {f":{name}": value for name, value in values.items()}
        try:
            with store_errors("image jobs"):
                self._client.update_item(
                    TableName=self._table,
                    Key={"job_id": {"S": job_id}},
                    UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
                    ConditionExpression=_OPEN,
                    ExpressionAttributeNames={**names, "#status": "status"},
                    ExpressionAttributeValues=to_item(given | _OPEN_VALUES),
                )
        except ConditionFailedError:
            return

    def note_notification(self, job_id: str, target: Target, told: Notification) -> None:
        """Records how telling a target went. Touches nothing else of the job; without the job does nothing.

        Raises:
            UnavailableError: DynamoDB does not answer.
        """
        try:
            with store_errors("image jobs"):
                self._client.update_item(
                    TableName=self._table,
                    Key={"job_id": {"S": job_id}},
                    UpdateExpression="SET notifications.#target = :told",
                    ConditionExpression="attribute_exists(job_id)",
                    ExpressionAttributeNames={"#target": target},
                    ExpressionAttributeValues=to_item({":told": told.model_dump(exclude_none=True)}),
                )
        except ConditionFailedError:
            return
