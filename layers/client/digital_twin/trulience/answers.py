"""What our webhook answers to Trulience."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True, defer_build=True)

    def to_json(self) -> str:
        """Give the JSON in Trulience's names; what is not known is left out."""
        return self.model_dump_json(by_alias=True, exclude_none=True)


class LoginAnswer(_Answer):
    """The answer to LOGIN; `status_message` may be a greeting."""

    session_id: str = Field(alias="sessionId")
    status: Literal["OK"] = "OK"
    status_message: str = Field(default="Session Created", alias="statusMessage")


class ChatAnswer(_Answer):
    """The answer to CHAT; an empty `reply` means: finished, nothing to say yet."""

    session_id: str = Field(alias="sessionId")
    reply: str
    status: Literal["OK"] = "OK"
    status_message: str = Field(default="OK", alias="statusMessage")


class LogoutAnswer(_Answer):
    """The answer to LOGOUT."""

    session_id: str = Field(alias="sessionId")
    status: Literal["OK"] = "OK"
    status_message: str = Field(default="Session Ended", alias="statusMessage")


class ErrorAnswer(_Answer):
    """The answer to what we cannot serve. `session_id` is left out where the request had none that could be read."""

    session_id: str | None = Field(default=None, alias="sessionId")
    status: Literal["ERROR"] = "ERROR"
    status_message: str = Field(alias="statusMessage")
    error: str
