"""A job as its partner sees it: in answers, in listings and in callbacks."""

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from images.job import Job, JobError, Metadata, Notification, Resolution, Status, Target
from images.result_links import SignedLink

POLL_SECONDS = 2
"""How long a partner should wait before it looks (again) how a job is doing; sent as `Retry-After`."""

Timestamp = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-08-14T09:30:00.123456Z"])]


class ImageView(BaseModel):
    """A stored picture and where to fetch it."""

    model_config = ConfigDict(title="Image")

    url: Annotated[str, Field(description="A signed link, made for this answer.", json_schema_extra={"format": "uri"})]
    expires_at: Annotated[Timestamp, Field(description="When the link ends. Ask again for a new one.")]
    content_type: Annotated[Literal["image/png", "image/jpeg", "image/webp"], Field(description="By its first bytes.")]
    bytes: Annotated[int, Field(description="Size.", ge=1)]
    sha256: Annotated[str, Field(description="Checksum in hexadecimal.", pattern="^[0-9a-f]{64}$")]


class NotificationView(BaseModel):
    """How telling one target went."""

    model_config = ConfigDict(title="Notification")

    target: Target
    status: Annotated[
        Literal["pending", "delivered", "failed", "skipped"],
        Field(description="skipped: a session is told of finished pictures only, and this job failed."),
    ]
    attempts: Annotated[int, Field(ge=0)]
    last_error: Annotated[str | None, Field(description="Why the latest attempt failed.")] = None
    updated_at: Timestamp | None = None


class JobView(BaseModel):
    """An image job."""

    model_config = ConfigDict(title="Job")

    job_id: str
    status: Annotated[Status, Field(description="The provider's own words.")]
    created_at: Timestamp
    updated_at: Timestamp
    character_id: str
    resolution: Resolution | None = None
    prompt_enhancement: bool = False
    room_id: str | None = None
    session_id: str | None = None
    callback_url: str | None = None
    metadata: Metadata | None = None
    image_prompt: Annotated[str | None, Field(description="What the provider pictured, where it says so.")] = None
    followup_text: Annotated[str | None, Field(description="The accompanying line, where there is one.")] = None
    image: Annotated[ImageView | None, Field(description="Of a completed job.")] = None
    error: Annotated[JobError | None, Field(description="Of a failed job.")] = None
    notifications: list[NotificationView] | None = None


class JobList(BaseModel):
    """A page of a partner's jobs, newest first."""

    jobs: list[JobView]
    next_cursor: Annotated[
        str | None, Field(description="Send it back as `cursor` for the next page; null after the last.")
    ]

    def body(self) -> dict[str, object]:
        """What is sent: `next_cursor` always, of the jobs only what is there."""
        jobs = [job.model_dump(mode="json", exclude_none=True) for job in self.jobs]
        return {"jobs": jobs, "next_cursor": self.next_cursor}


class ImageEvent(BaseModel):
    """What a callback_url receives when a job has ended."""

    type: Literal["image.completed", "image.failed"]
    timestamp: Annotated[Timestamp, Field(description="When the job ended; the same in every delivery.")]
    data: Annotated[JobView, Field(description="The job as GET shows it, with a link made for this delivery.")]


def view(job: Job, sign: Callable[[str], SignedLink]) -> JobView:
    """A job as its partner sees it.

    Args:
        job: The record.
        sign: Makes a link to a stored picture, given its key; called for a completed job only.
    """
    shared = job.model_dump(include=JobView.model_fields.keys() - {"image", "notifications", "error"})
    image = None
    if job.status == "completed" and job.image:
        link = sign(job.image.key)
        image = ImageView(url=link.url, expires_at=link.expires_at, **job.image.model_dump(exclude={"key"}))
    notifications = [_notification(job, target, told) for target, told in sorted(job.notifications.items())]
    return JobView(
        **shared,
        image=image,
        error=job.error if job.status == "failed" else None,
        notifications=notifications or None,
    )


def _notification(job: Job, target: Target, told: Notification) -> NotificationView:
    shown = NotificationView(target=target, **told.model_dump())
    if target == "session" and job.status == "failed" and told.attempts == 0:
        return shown.model_copy(update={"status": "skipped"})
    return shown
