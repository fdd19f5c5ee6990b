"""Image jobs: what a partner asks for, what is recorded, and what a partner is shown."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StringConstraints, WithJsonSchema

PRESETS = ("9:16", "16:9", "1:1", "4:3", "3:4")
"""The provider's named resolutions."""
MIN_SIDE, MAX_SIDE = 64, 2048
"""Pixels that a side of a picture may have."""
MAX_METADATA = 16
MAX_METADATA_KEY, MAX_METADATA_VALUE = 64, 512

Status = Literal["queued", "processing", "completed", "failed"]
"""The provider's own words."""
Target = Literal["session", "callback"]
"""Who is told of a job's end: the avatar's session, the partner's callback_url."""


def _resolution(value: Any) -> Any:
    """A preset, or [width, height] in pixels as whole numbers; true and false are none, although Python counts them."""
    if isinstance(value, str) and value in PRESETS:
        return value
    if isinstance(value, list) and len(value) == 2 and all(map(_is_side, value)):
        return [int(side) for side in value]
    raise ValueError(
        f"must be one of {', '.join(PRESETS)}, or [width, height] with whole numbers from {MIN_SIDE} to {MAX_SIDE}"
    )


def _is_side(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return MIN_SIDE <= value <= MAX_SIDE and float(value).is_integer()


def _metadata(value: Any) -> Any:
    """Up to 16 pairs of strings."""
    if not isinstance(value, dict) or len(value) > MAX_METADATA:
        raise ValueError(f"must be an object with at most {MAX_METADATA} members")
    for key, text in value.items():
        if not 1 <= len(key) <= MAX_METADATA_KEY:
            raise ValueError(f"has a name that is not 1 to {MAX_METADATA_KEY} characters long")
        if not isinstance(text, str) or len(text) > MAX_METADATA_VALUE:
            raise ValueError(f"has a value that is not a string of at most {MAX_METADATA_VALUE} characters")
    return value


_SIDE = {"type": "integer", "minimum": MIN_SIDE, "maximum": MAX_SIDE}
Resolution = Annotated[
    str | list[int],
    BeforeValidator(_resolution),
    WithJsonSchema(
        {
            "description": "A preset, or [width, height] in pixels.",
            "oneOf": [
                {"type": "string", "enum": list(PRESETS)},
                {"type": "array", "items": _SIDE, "minItems": 2, "maxItems": 2},
            ],
        }
    ),
]
Metadata = Annotated[
    dict[str, str],
    BeforeValidator(_metadata),
    WithJsonSchema(
        {
            "type": "object",
            "maxProperties": MAX_METADATA,
            "propertyNames": {"minLength": 1, "maxLength": MAX_METADATA_KEY},
            "additionalProperties": {"type": "string", "maxLength": MAX_METADATA_VALUE},
        }
    ),
]
CharacterId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,128}$")]
Prompt = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=4000),
    Field(json_schema_extra={"pattern": r"\S"}),
]


class ImageRequest(BaseModel):
    """What a partner asks for. Members that are not named here are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, title="ImageRequest")

    character_id: Annotated[CharacterId, Field(description="The character to picture.", examples=["1234"])]
    prompt: Annotated[
        Prompt,
        Field(
            description="What to picture. Blanks around it do not count. The provider's moderation screens it.",
            examples=["Walking along a beach at sunset"],
        ),
    ]
    resolution: Annotated[Resolution | None, Field(examples=["16:9"])] = None
    prompt_enhancement: Annotated[
        StrictBool, Field(description="Lets the provider elaborate the prompt; takes about twice as long.")
    ] = False
    room_id: Annotated[
        str | None,
        StringConstraints(min_length=1, max_length=128),
        Field(description="A room of the provider: the picture then comes with an accompanying line."),
    ] = None
    session_id: Annotated[
        str | None,
        StringConstraints(min_length=1, max_length=256),
        Field(description="An open avatar session that is told when the picture is ready."),
    ] = None
    callback_url: Annotated[
        str | None,
        StringConstraints(min_length=1, max_length=2048),
        Field(
            description="An https address on the public internet that is told when the job has ended.",
            examples=["https://partner.example/hooks/images"],
            json_schema_extra={"format": "uri"},
        ),
    ] = None
    metadata: Annotated[
        Metadata | None, Field(description="Given back untouched with the job.", examples=[{"order": "A-17"}])
    ] = None


class StoredImage(BaseModel):
    """A picture in our bucket."""

    model_config = ConfigDict(frozen=True)

    key: str
    content_type: str
    bytes: int
    sha256: str


class JobError(BaseModel):
    """Why a job failed."""

    model_config = ConfigDict(frozen=True, title="JobError")

    code: Annotated[str, Field(description="A stable word for programs.", examples=["provider_failed"])]
    message: Annotated[str, Field(description="A sentence for people.")]


class Notification(BaseModel):
    """How telling one target went."""

    model_config = ConfigDict(frozen=True)

    status: Literal["pending", "delivered", "failed", "skipped"] = "pending"
    attempts: int = 0
    last_error: str | None = None
    updated_at: str | None = None


class Job(BaseModel):
    """The record of a job. Times are ISO 8601 in UTC with microseconds; `deadline_at`, `expires_at` epoch seconds.

    The prompt is no part of it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    job_id: str
    partner_id: str
    status: Status
    created_at: str
    updated_at: str
    deadline_at: int
    expires_at: int
    character_id: str
    resolution: str | list[int] | None = None
    prompt_enhancement: bool = False
    room_id: str | None = None
    session_id: str | None = None
    callback_url: str | None = None
    metadata: dict[str, str] | None = None
    image: StoredImage | None = None
    error: JobError | None = None
    image_prompt: str | None = None
    followup_text: str | None = None
    notifications: dict[Target, Notification] = {}

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it."""
        return self.status in ("completed", "failed")


def timestamp(moment: float) -> str:
    """An instant, in epoch seconds, the way records and answers write it."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def new_job(
    request: ImageRequest, *, job_id: str, partner_id: str, now: float, deadline_seconds: float, retention_days: int
) -> Job:
    """The record of a job the provider has just accepted.

    Args:
        request: What was asked for.
        job_id: The provider's id.
        partner_id: Whose job it is.
        now: Epoch seconds.
        deadline_seconds: How long the job may take from now.
        retention_days: How long it is kept.
    """
    targets: dict[Target, str | None] = {"session": request.session_id, "callback": request.callback_url}
    return Job(
        job_id=job_id,
        partner_id=partner_id,
        status="queued",
        created_at=timestamp(now),
        updated_at=timestamp(now),
        deadline_at=int(now + deadline_seconds + 1),
        expires_at=int(now) + retention_days * 86_400,
        notifications={target: Notification() for target, place in targets.items() if place},
        **request.model_dump(exclude={"prompt"}, exclude_none=True),
    )
