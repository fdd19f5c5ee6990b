"""What can be changed about the simulated OH API while it runs: faults, latency, dialects, the fate of jobs and links.

The models are the whole vocabulary of `/_simulator/switches`; whatever they do not allow is refused with a sentence.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from local.explain import explain

Operation = Literal["rooms", "text", "images", "status", "results", "audio", "library", "cam"]
AnyOperation = Operation | Literal["*"]
ErrorDialect = Literal["error", "message", "html", "empty"]

Seconds = Annotated[float, Field(ge=0, le=600)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Fault(_Model):
    """One thing that goes wrong, for the next `times` calls of an operation or, without a number, for all of them."""

    kind: Literal["status", "reset", "hang", "drip"] = "status"
    """`status`: an error answer. `reset`: the connection breaks. `hang`: no answer. `drip`: the real answer, slowly."""
    times: Annotated[int, Field(ge=1, le=100_000)] | None = 1
    after_processing: bool = False
    """The call takes effect before the fault (a job is created although the answer is lost); not for `drip`."""
    status: Annotated[int, Field(ge=300, le=599)] = 500
    retry_after: Annotated[int, Field(ge=0)] | Annotated[str, Field(max_length=64, pattern=r"^[ -~]+$")] | None = None
    """Seconds or an HTTP date for the header `Retry-After`; with `status` only."""
    body: ErrorDialect | None = None
    """How the error answer looks; without it as the dialect says."""
    message: Annotated[str, Field(max_length=500)] = "Simulated fault"
    seconds: Seconds | None = None
    """How long `hang` lasts before the connection breaks; without it until released, 600 at most."""
    part: Literal["headers", "body"] = "body"
    """What `drip` sends one byte at a time."""
    byte_seconds: Annotated[float, Field(gt=0, le=60)] = 0.05
    """The pause of `drip` between two bytes."""


class OperationSwitches(_Model):
    """What happens to the calls of one operation."""

    latency_seconds: Seconds | None = None
    """The pause before a call is processed; without it that of `*`."""
    faults: Annotated[list[Fault], Field(max_length=100)] = []
    """Used up in this order, before those of `*`."""


class JobSwitches(_Model):
    """The fate of the image jobs that are submitted from now on."""

    seconds_to_complete: Seconds = 6.0
    enhanced_seconds_to_complete: Seconds = 10.0
    queued_share: Annotated[float, Field(ge=0, le=1)] = 0.25
    """The part of that time in which the status is `queued`; then it is `processing`."""
    outcome: Literal["completed", "failed", "never", "unknown_status", "lost"] = "completed"
    """`never`: stays `processing`. `unknown_status`: ends in `status_word`. `lost`: the status call answers 404."""
    reason: Annotated[str, Field(max_length=500)] = "The image model could not draw this"
    """The provider's `error` of a failed job."""
    status_word: Annotated[str, Field(min_length=1, max_length=64)] = "paused"
    early_link: bool = True
    """The submission's `presigned_url` is a link that leads nowhere until the job is done; else it is null."""


class ResultSwitches(_Model):
    """How finished files are handed out; read at each download."""

    link_seconds: Annotated[int, Field(ge=1, le=604_800)] = 300
    """Life of the links that are issued from now on."""
    dead_links: Annotated[int, Field(ge=0, le=1000)] = 0
    """So many of each job's first links never work; the link of a submission is not counted and dead as well."""
    dead_status: Literal[403, 404, 410] = 403
    cut_downloads: Annotated[int, Field(ge=0, le=1000)] = 0
    """So many of each file's first downloads break off half-way."""
    content_length: bool = True
    """Without it the answer is chunked."""
    content: Literal["real", "jpeg", "webp", "gif", "html", "empty", "huge"] = "real"
    huge_bytes: Annotated[int, Field(ge=1, le=2**40)] = 60_000_000


class DialectSwitches(_Model):
    """Which of the observed spellings the answers use."""

    envelope: Literal["none", "data", "result", "response"] = "none"
    camel_case: bool = False
    link_key: Literal["url", "presigned_url"] = "url"
    """Under which key a job's status gives the link."""
    text_answer: Literal["live", "documented"] = "live"
    """`live` adds `job_id`, `message_id` and `tool_call` to `content`."""
    room_owner: Literal["any", "user_id", "user_gender"] = "any"
    """Which field a new room must have; the others are then ignored."""
    text_field: Literal["any", "prompt", "message"] = "any"
    """Which field a text must come in; the other is then ignored."""
    invalid_status: Literal[400, 422] = 400
    """The status of input that is not valid; failed moderation is always 400."""
    error: ErrorDialect = "error"
    suggestion: bool = False
    """Adds a `suggestion` to error bodies."""


class ModerationSwitches(_Model):
    """Which words the simulated moderation refuses, in prompts and in messages, whatever their case."""

    triggers: Annotated[list[Annotated[str, Field(min_length=1, max_length=100)]], Field(max_length=100)] = [
        "forbidden",
        "moderate-me",
    ]
    message: Annotated[str, Field(min_length=1, max_length=500)] = (
        "Prompt failed moderation: it contains content that is not allowed"
    )


class Switches(_Model):
    """Everything that can be changed; the defaults are a provider in good health."""

    operations: dict[AnyOperation, OperationSwitches] = {}
    jobs: JobSwitches = JobSwitches()
    results: ResultSwitches = ResultSwitches()
    dialect: DialectSwitches = DialectSwitches()
    moderation: ModerationSwitches = ModerationSwitches()
    cam_enabled: bool = True
    """Whether the account has the cam endpoints."""
    strict_characters: bool = False
    """Whether a `character_id` that the customer library does not list is unknown (404)."""

    @model_validator(mode="after")
    def _only_faults_that_can_be(self) -> Switches:
        for name, operation in self.operations.items():
            for fault in operation.faults:
                if fault.kind == "drip" and fault.after_processing:
                    raise ValueError(f"operations.{name}: drip sends the real answer, it has no after_processing")
                if fault.kind != "status" and fault.retry_after is not None:
                    raise ValueError(f"operations.{name}: retry_after belongs to the kind status, not to {fault.kind}")
        return self


class SwitchError(ValueError):
    """Switches that cannot be; the message is a sentence for whoever sent them."""


def parse_switches(data: object) -> Switches:
    """Read switches from decoded JSON; raise `SwitchError` with what is wrong and where."""
    try:
        return Switches.model_validate(data)
    except ValidationError as error:
        raise SwitchError(f"These switches cannot be set: {explain(error)}") from error


def merge(current: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Lay a partial change over switches as JSON merge patch does: objects merge, null removes, the rest replaces."""
    merged = dict(current)
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            below = merged.get(key)
            merged[key] = merge(below if isinstance(below, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged


class SwitchBoard:
    """The switches in force; safe to use from many threads."""

    def __init__(self, initial: Switches | None = None) -> None:
        self._initial = (initial or Switches()).model_copy(deep=True)
        self._current = self._initial.model_copy(deep=True)
        self._lock = threading.Lock()

    def read(self) -> Switches:
        """Give a copy of the switches as they stand, faults already used up left out."""
        with self._lock:
            return self._current.model_copy(deep=True)

    def replace(self, data: object) -> Switches:
        """Set all switches; what is not named goes back to its default. Raises `SwitchError`."""
        parsed = parse_switches(data)
        with self._lock:
            self._current = parsed
        return self.read()

    def change(self, data: object) -> Switches:
        """Set the named switches only, by the rules of `merge`. Raises `SwitchError`."""
        if not isinstance(data, Mapping):
            raise SwitchError("These switches cannot be set: a JSON object is needed")
        with self._lock:
            current = self._current.model_dump(mode="json", exclude_unset=True)
            self._current = parse_switches(merge(current, data))
        return self.read()

    def reset(self) -> None:
        """Go back to the switches of the start."""
        with self._lock:
            self._current = self._initial.model_copy(deep=True)

    def latency(self, operation: Operation) -> float:
        """Seconds to wait before a call of an operation is processed."""
        with self._lock:
            for name in (operation, "*"):
                switches = self._current.operations.get(name)
                if switches is not None and switches.latency_seconds is not None:
                    return switches.latency_seconds
        return 0.0

    def take_fault(self, operation: Operation) -> Fault | None:
        """Give the fault that the next call of an operation meets, and count it as used."""
        with self._lock:
            for name in (operation, "*"):
                switches = self._current.operations.get(name)
                if switches is None or not switches.faults:
                    continue
                fault = switches.faults[0]
                met = fault.model_copy()
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times == 0:
                        switches.faults.pop(0)
                return met
        return None
