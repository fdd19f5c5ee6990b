"""Trulience avatars: the events they send us, our answers, and speaking through them unasked."""

from digital_twin.trulience.answers import ChatAnswer, ErrorAnswer, LoginAnswer, LogoutAnswer
from digital_twin.trulience.callback import CallbackClient, CallbackError, CallbackRefused, CallbackUnreachable
from digital_twin.trulience.events import (
    ChatEvent,
    Event,
    EventError,
    LoginEvent,
    LogoutEvent,
    SessionWebhookEvent,
    parse_event,
    parse_session_event,
)
from digital_twin.trulience.markup import tag

__all__ = [
    "CallbackClient",
    "CallbackError",
    "CallbackRefused",
    "CallbackUnreachable",
    "ChatAnswer",
    "ChatEvent",
    "ErrorAnswer",
    "Event",
    "EventError",
    "LoginAnswer",
    "LoginEvent",
    "LogoutAnswer",
    "LogoutEvent",
    "SessionWebhookEvent",
    "parse_event",
    "parse_session_event",
    "tag",
]
