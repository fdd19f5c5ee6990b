"""What the OH API answers, in one spelling whatever dialect it came in.

The service answers in several: keys in snake_case or camelCase, `url` or `presigned_url`, `cid` or `characterId`, ids
as numbers or strings. These models take all of them and give one. Envelopes are taken off before (see `envelopes`).
"""

import re
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from digital_twin.oh.wording import words

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SURROGATES = re.compile(r"[\ud800-\udfff]")


class UnknownJobStatusError(ValueError):
    """A job status that is none of the documented words; `word` is what came instead."""

    def __init__(self, word: str) -> None:
        super().__init__(f"unknown job status {word!r}")
        self.word = word


def snake_case(key: str) -> str:
    """Give a camelCase key in snake_case: `presignedUrl` becomes `presigned_url`."""
    return _HUMP.sub("_", key).lower()


def snake_keys(value: Any) -> Any:
    """Give a mapping with its own keys in snake_case, anything else as it is. A value wins over a null."""
    if not isinstance(value, dict):
        return value
    out: dict[str, Any] = {}
    for key, item in value.items():
        name = snake_case(str(key))
        if out.get(name) is None:
            out[name] = item
    return out


def _identifier(value: object) -> object:
    """Take an id as text or as a whole number; the pages write them as numbers and want them as strings."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _text(value: object) -> object:
    """Replace halves of characters (a service that cuts text at UTF-16 units leaves them): no encoder takes them."""
    return _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", value) if isinstance(value, str) else value


def _link(value: object) -> str | None:
    """Keep a link that is one, and nothing else: empty strings and other types mean there is none."""
    return value if isinstance(value, str) and value.strip() else None


def _words(value: object) -> str | None:
    """Give whatever text describes a failure, `None` for none."""
    return words(value) or None


def _optional_text(value: object) -> object:
    return _text(value) if isinstance(value, str) else None


Identifier = Annotated[str, BeforeValidator(_identifier), Field(min_length=1)]
Text = Annotated[str, BeforeValidator(_text)]
Link = Annotated[str | None, BeforeValidator(_link)]
OptionalText = Annotated[str | None, BeforeValidator(_optional_text)]
OptionalIdentifier = Annotated[str | None, BeforeValidator(_identifier)]


class Answer(BaseModel):
    """The common part of all answers: unknown fields are ignored, keys may come in camelCase, values do not change."""

    # Built at first use: a function needs two or three of these models, building all of them takes 13 ms of a cold
    # start.
    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _one_spelling(cls, value: Any) -> Any:
        return snake_keys(value)


class Room(Answer):
    """A room: the memory of one (character, user) pair's conversation."""

    room_id: Identifier
    texting_style: OptionalText = None


class TextReply(Answer):
    """What the character answers to a message."""

    content: Text
    job_id: OptionalIdentifier = None
    message_id: OptionalIdentifier = None
    tool_call: Any = None

    @model_validator(mode="before")
    @classmethod
    def _silent_tool_call(cls, value: Any) -> Any:
        """Take an answer that only calls a tool as one without words."""
        fields = snake_keys(value)
        silent = isinstance(fields, dict) and fields.get("content") is None and fields.get("tool_call")
        return fields | {"content": ""} if silent else fields


class ImageSubmission(Answer):
    """An image job the provider accepted. `presigned_url` is issued before the work is done: no sign of completion."""

    job_id: Identifier
    status: Annotated[str, BeforeValidator(lambda value: value.lower() if isinstance(value, str) else "queued")] = (
        "queued"
    )
    message: OptionalText = None
    presigned_url: Link = Field(default=None, validation_alias=AliasChoices("presigned_url", "url"))


class JobState(StrEnum):
    """The four states of a job, in the provider's words."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


def _job_state(value: object) -> JobState:
    """Take a status word in any case; raise `UnknownJobStatusError` for any other."""
    word = value.strip().lower() if isinstance(value, str) else str(value)
    try:
        return JobState(word)
    except ValueError:
        raise UnknownJobStatusError(word[:60]) from None


class JobResults(Answer):
    """What the provider tells about a finished picture beside the picture itself; each may be missing."""

    image_prompt: OptionalText = None
    followup_text: OptionalText = Field(
        default=None, validation_alias=AliasChoices("followup_text", "follow_up_text", "followuptext")
    )
    detected_level: Any = None


def _results(value: object) -> object:
    return value if isinstance(value, dict) else {}


class JobStatus(Answer):
    """How far a job is. `url` is there exactly when it is completed, `error` only when it failed."""

    job_id: Identifier
    status: Annotated[JobState, BeforeValidator(_job_state)]
    url: Link = None
    error: Annotated[str | None, BeforeValidator(_words)] = None
    results: Annotated[JobResults, BeforeValidator(_results)] = JobResults()

    @model_validator(mode="before")
    @classmethod
    def _find_link(cls, value: Any) -> Any:
        """Find the link under any of its names, and drop it while the job is not completed: it may be issued before."""
        fields: dict[str, Any] = snake_keys(value)
        results = snake_keys(fields.get("results"))
        places = [fields, results] if isinstance(results, dict) else [fields]
        links = [_link(place.get(name)) for place in places for name in ("url", "presigned_url")]
        completed = str(fields.get("status")).strip().lower() == JobState.COMPLETED
        return fields | {"url": next(filter(None, links), None) if completed else None}

    @model_validator(mode="after")
    def _completed_has_link(self) -> Self:
        if self.status is JobState.COMPLETED and self.url is None:
            raise ValueError("a completed job without a link")
        return self


class Character(Answer):
    """A character of the library. `character_id` is what the other calls want."""

    character_id: Identifier = Field(validation_alias=AliasChoices("character_id", "cid", "id"))
    first_name: OptionalText = None
    last_name: OptionalText = None
    image_url: Link = Field(default=None, validation_alias=AliasChoices("sfw_image", "image_url"))


class DigitalTwin(Answer):
    """A digital twin of the library."""

    id: Identifier
    character_id: OptionalIdentifier = Field(default=None, validation_alias=AliasChoices("character_id", "cid"))
    name: OptionalText = None
    alias: OptionalText = None
    status: OptionalText = None
    profile_photo_url: Link = None


def _sequence(value: object) -> object:
    return [] if value is None else value


class CustomerLibrary(Answer):
    """All characters and twins of the account."""

    characters: Annotated[list[Character], BeforeValidator(_sequence)] = []
    digital_twins: Annotated[list[DigitalTwin], BeforeValidator(_sequence)] = []


class AudioNote(Answer):
    """A spoken note; `url` expires quickly."""

    url: str = Field(min_length=1, validation_alias=AliasChoices("url", "presigned_url"))


class CamSession(Answer):
    """A webhook registered for an avatar."""

    session_id: Identifier
    character_uid: OptionalIdentifier = None
    callback_url: Link = None
    status: OptionalText = None
    created_at: OptionalText = None


class CamSessionPage(Answer):
    """One page of the registered webhooks; `total` counts those of all pages."""

    sessions: Annotated[list[CamSession], BeforeValidator(_sequence)]
    total: int | None = None
    page: int | None = None
    limit: int | None = None


class CamSessionEnd(Answer):
    """The provider's word that a cam session is over."""

    session_id: Identifier
    message: OptionalText = None
