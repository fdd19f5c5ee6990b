"""The rules of submitting an image job: asked for once, paid for once, and started whatever happens in between."""

import hashlib
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from common.errors import GatewayTimeoutError, UnavailableError
from common.observability import emit, logger
from digital_twin import oh
from digital_twin.deadline import Deadline
from images.executions import Executions, execution_input
from images.idempotency import HEADER, key_reused
from images.job import ImageRequest, new_job
from images.job_view import view
from images.result_links import SignedLink
from images.submission_ledger import Entry, Slot, SubmissionLedger, slot

PROVIDER_SECONDS = 20
"""How long the provider may take to accept a job, repetitions included: API Gateway hangs up after 29 s."""

Answer = dict[str, Any]


def body_of(request: ImageRequest) -> dict[str, Any]:
    """What makes two requests the same: every member that means something, without blanks around the prompt."""
    return request.model_dump(mode="json", exclude_none=True)


@dataclass(frozen=True)
class Submissions:
    """Submits image jobs.

    Attributes:
        provider: The OH API.
        ledger: Remembers submissions with an idempotency key.
        executions: Starts workflows.
        check_callback: Raises `InvalidInputError` for a callback_url that may not be called.
        deadline_seconds: How long a job may take.
        retention_days: How long a job is kept.
        now: The clock, in epoch seconds.
    """

    provider: oh.OhClient
    ledger: SubmissionLedger
    executions: Executions
    check_callback: Callable[[str], None]
    deadline_seconds: float
    retention_days: int
    now: Callable[[], float] = time.time

    def submit(self, request: ImageRequest, partner_id: str) -> Answer:
        """Submits a job that came without an idempotency key.

        Returns:
            The job, as its partner sees it.

        Raises:
            InvalidInputError: The callback_url may not be called.
            OhApiError: The provider did not accept it.
            GatewayTimeoutError: Whether it did is not known (``submission_unknown``).
            UnavailableError: It did, but the workflow cannot be started (``workflow_not_started``).
        """
        entry = self._accepted(request, partner_id, self._ask(request))
        try:
            return self._start(entry)
        except UnavailableError:
            self._not_started(entry, self._keep(entry, partner_id))

    def submit_under(self, key: str, request: ImageRequest, partner_id: str) -> Answer:
        """Submits a job under an idempotency key, or goes on with the one that was submitted under it before.

        Returns and raises what `submit` does, and:

        Raises:
            KeyReusedError: Another job was submitted under this key.
        """
        place = slot(partner_id, key)
        found = self.ledger.open(place, _hash(request), self.now())
        if found is None:
            entry = self._ask_noted(place, request, partner_id)
        elif found.body_hash != _hash(request):
            raise key_reused()
        elif not found.accepted:
            # An earlier call died, or heard no answer, while the provider was asked.
            raise _unknown()
        else:
            entry = found
        try:
            return self._start(entry)
        except UnavailableError:
            self._not_started(entry, key)

    def _ask_noted(self, place: Slot, request: ImageRequest, partner_id: str) -> Entry:
        try:
            job_id = self._ask(request)
        except GatewayTimeoutError:
            # The ledger's entry stays: a repeat under this key must not pay again.
            raise
        except Exception:
            # Whatever it was, the provider has not accepted anything, so the key is free again.
            self._release(place)
            raise
        entry = self._accepted(request, partner_id, job_id)
        try:
            self.ledger.accept(place, entry, self.now())
        except UnavailableError:
            # The workflow is what counts; a repeat would be told that the outcome is unknown.
            logger().error("the accepted job cannot be noted", extra={"job_id": entry.job_id})
        return entry

    def _release(self, place: Slot) -> None:
        try:
            self.ledger.release(place)
        except UnavailableError:
            logger().error("the idempotency key cannot be freed")

    def _ask(self, request: ImageRequest) -> str:
        """Has the provider accept the job; gives its id. Raises `GatewayTimeoutError` only where it may have."""
        if request.callback_url:
            self.check_callback(request.callback_url)
        resolution = request.resolution
        try:
            accepted = self.provider.submit_image(
                request.character_id,
                request.prompt,
                room_id=request.room_id,
                prompt_enhancement=request.prompt_enhancement,
                resolution=(resolution[0], resolution[1]) if isinstance(resolution, list) else resolution,
                deadline=Deadline.after(PROVIDER_SECONDS),
            )
        except oh.OhTimeoutError as error:
            raise _unknown() from error
        except oh.OhProtocolError as error:
            if error.status is None or error.status < 300:
                # It said yes, but not to what.
                raise _unknown() from error
            raise
        return accepted.job_id

    def _accepted(self, request: ImageRequest, partner_id: str, job_id: str) -> Entry:
        """All that is needed to start a job, and to start it again."""
        now = self.now()
        job = new_job(
            request,
            job_id=job_id,
            partner_id=partner_id,
            now=now,
            deadline_seconds=self.deadline_seconds,
            retention_days=self.retention_days,
        )
        return Entry(
            body_hash=_hash(request),
            accepted=True,
            job_id=job_id,
            answer=view(job, _no_link).model_dump_json(exclude_none=True),
            execution_input=execution_input(job, deadline_at=now + self.deadline_seconds),
        )

    def _start(self, entry: Entry) -> Answer:
        logger().append_keys(job_id=entry.job_id)
        self.executions.start(entry.job_id, entry.execution_input)
        emit({"ImageJobsSubmitted": 1})
        logger().info("submitted")
        answer: Answer = json.loads(entry.answer)
        return answer

    def _keep(self, entry: Entry, partner_id: str) -> str | None:
        """Puts an accepted job under a key made up for it, so that its caller can go on with it."""
        key = str(uuid.uuid4())
        try:
            self.ledger.accept(slot(partner_id, key), entry, self.now())
        except UnavailableError:
            return None
        return key

    def _not_started(self, entry: Entry, key: str | None) -> NoReturn:
        emit({"SubmissionsNotStarted": 1})
        logger().error("the provider accepted the job, but its workflow cannot be started")
        advice = (
            f"Send the same request again with the header {HEADER}: {key} to go on with that job without paying again."
            if key
            else "Tell the operator of this deployment the job_id."
        )
        raise UnavailableError(
            f"The provider accepted the job, but its workflow cannot be started at the moment. {advice}",
            code="workflow_not_started",
            retry_after=5,
            details={"job_id": entry.job_id, **({"idempotency_key": key} if key else {})},
        ) from None


def _hash(request: ImageRequest) -> str:
    text = json.dumps(body_of(request), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _no_link(key: str) -> SignedLink:
    raise AssertionError(f"a job that was just submitted has no picture, but {key} was asked for")


def _unknown() -> GatewayTimeoutError:
    emit({"SubmissionsUnknown": 1})
    return GatewayTimeoutError(
        "The provider did not say in time whether it accepted the job: the job may exist and be paid for. "
        f"Nothing is repeated on its own; to submit it once more, send a new {HEADER}.",
        code="submission_unknown",
    )
