"""Settings: what a function reads from its environment, typed and checked once per execution environment.

Each variable comes from the parameter of the same name in template.yaml (``CHAT_DEADLINE_SECONDS`` from
``ChatDeadlineSeconds``); the ranges here are those of the template.
"""

import os
from functools import cache
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from common.phrases import Phrase, PhraseSetting

__all__ = [
    "CheckSettings",
    "LinkSettings",
    "NotifySettings",
    "Phrase",
    "ResultsSettings",
    "SessionsSettings",
    "Settings",
    "SettingsError",
    "StoreSettings",
    "SubmissionSettings",
    "UpstreamSettings",
    "WebhookSettings",
    "read",
]


class SettingsError(Exception):
    """The environment lacks a setting or holds one that cannot be used; the message names it and says why."""


def _hosts(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(host for host in (part.strip().lower().rstrip(".") for part in value.split(",")) if host)
    return value


Hosts = Annotated[tuple[str, ...], BeforeValidator(_hosts), Field(min_length=1)]
Name = Annotated[str, Field(min_length=1)]


class Settings(BaseModel):
    """What every function has. A field is read from the variable of the same name in capitals."""

    # Built at first use: a function reads two or three of these models, and building all takes 5 ms of its start.
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    embedded_stack: bool = False
    """True only in the embedded stack of a developer's machine: loopback and http URLs are accepted. No template
    sets it."""


class UpstreamSettings(Settings):
    """Where the OH API is and where the secrets lie."""

    secret_arn: Name
    oh_api_base_url: Annotated[str, Field(pattern=r"^https?://")]


class SessionsSettings(Settings):
    """Reading and ending sessions, speaking into them."""

    sessions_table: Name
    session_ttl_seconds: Annotated[int, Field(ge=1, le=604_800)]
    callback_hosts: Hosts


class WebhookSettings(SessionsSettings):
    """Conversations. Times in seconds."""

    rooms_table: Name
    chat_deadline_seconds: Annotated[float, Field(ge=0.3, le=10)]
    greeting: PhraseSetting
    greeting_returning: PhraseSetting
    apology_reply: PhraseSetting
    moderated_reply: PhraseSetting
    filler_reply: PhraseSetting


class SubmissionSettings(Settings):
    """Taking image jobs in."""

    idempotency_table: Name
    state_machine_arn: Name
    job_deadline_seconds: Annotated[int, Field(ge=10, le=900)]
    job_retention_days: Annotated[int, Field(ge=1, le=3650)]


class LinkSettings(Settings):
    """Signing links to stored pictures."""

    results_bucket: Name
    result_link_role_arn: Name
    result_link_seconds: Annotated[int, Field(ge=1, le=3600)]


class ResultsSettings(LinkSettings):
    """Showing image jobs."""

    jobs_table: Name
    state_machine_arn: Name


class CheckSettings(Settings):
    """Asking the provider for a job's state."""

    jobs_table: Name


class StoreSettings(Settings):
    """Copying a result into our bucket. Sizes in bytes."""

    results_bucket: Name
    result_hosts: Hosts
    max_result_bytes: Annotated[int, Field(ge=1, le=1_073_741_824)]


class NotifySettings(LinkSettings):
    """Telling whoever asked."""

    jobs_table: Name
    sessions_table: Name
    callback_hosts: Hosts
    image_ready_message: PhraseSetting


S = TypeVar("S", bound=Settings)


@cache
def read(model: type[S]) -> S:
    """The settings of one model, from the environment.

    Raises:
        SettingsError: A variable is missing or unusable; the message names the parameter and the reason.
    """
    present = {name: os.environ[name.upper()] for name in model.model_fields if name.upper() in os.environ}
    try:
        return model.model_validate(present)
    except ValidationError as error:
        raise SettingsError(" ".join(_sentence(detail) for detail in error.errors(include_url=False))) from None


def _sentence(detail: Any) -> str:
    variable = str(detail["loc"][0]).upper()
    parameter = "".join(word.capitalize() for word in variable.split("_"))
    if detail["type"] == "missing":
        return f"The setting {variable} (parameter {parameter}) is missing."
    reason = str(detail["msg"]).removeprefix("Value error, ")
    return f"The setting {variable} (parameter {parameter}) cannot be used: {reason}."
