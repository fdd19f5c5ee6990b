"""Finding a partner's job, recorded or not, alive or not.

Between its submission and the workflow's first step a job has no record yet; and a workflow that was stopped from
outside leaves a record behind that would say `processing` for ever. Both are settled when somebody looks, by what Step
Functions knows.
"""

import time
from collections.abc import Callable

from common.errors import NotFoundError
from common.observability import emit, logger
from images.executions import Executions
from images.job import Job, JobError, Status, timestamp
from images.job_store import JobStore, Page, from_record

GRACE_SECONDS = 30
"""How long after its deadline an unfinished job is looked after: storing and recording take their time."""

LOST = JobError(
    code="internal_error", message="The workflow of this job ended before the job did. Please submit it again."
)


def owned(job: Job | None, partner_id: str, now: float) -> Job:
    """The job, if it is this partner's and has not expired by now (epoch seconds).

    Raises:
        NotFoundError: There is none, it has expired, or it is another partner's: the answer does not tell which.
    """
    if job is None or job.partner_id != partner_id or job.expires_at <= now:
        raise NotFoundError("There is no such job, or it has expired.")
    return job


class JobFinder:
    """Finds jobs.

    Args:
        store: The records.
        executions: What Step Functions knows.
        now: The clock, in epoch seconds.
    """

    def __init__(self, store: JobStore, executions: Executions, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._executions = executions
        self._now = now

    def find(self, job_id: str, partner_id: str) -> Job:
        """A partner's job.

        Raises:
            NotFoundError: There is none, it has expired, or it is another partner's.
            UnavailableError: DynamoDB or Step Functions does not answer.
        """
        return self._settled(owned(self._store.find(job_id) or self._unrecorded(job_id), partner_id, self._now()))

    def page(self, partner_id: str, *, limit: int, cursor: str | None, status: Status | None) -> Page:
        """A page of a partner's jobs, newest first; arguments and errors as `JobStore.page` has them."""
        page = self._store.page(partner_id, limit=limit, cursor=cursor, status=status, now=self._now())
        settled = [self._settled(job) for job in page.jobs]
        return Page([job for job in settled if status in (None, job.status)], page.next_cursor)

    def _unrecorded(self, job_id: str) -> Job | None:
        execution = self._executions.find(job_id)
        job = from_record(execution.record) if execution else None
        if execution is None or job is None or job.job_id != job_id:
            return None
        if execution.running:
            return job
        # It ended without a record: either it never came to write one, or it did and that has expired since.
        return job.model_copy(update={"status": "failed", "error": LOST})

    def _settled(self, job: Job) -> Job:
        if job.ended or self._now() < job.deadline_at + GRACE_SECONDS:
            return job
        execution = self._executions.find(job.job_id)
        if execution is not None and execution.running:
            return job
        # The record was read before the execution: it may have been finished in between, so the table decides.
        self._store.fail(job.job_id, LOST, timestamp(self._now()))
        settled = self._store.find(job.job_id) or job
        if settled.error == LOST:
            logger().error("a job was left behind by its workflow", extra={"job_id": job.job_id})
            emit({"ImageJobsFailed": 1}, dimensions={"code": LOST.code})
        return settled
