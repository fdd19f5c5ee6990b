"""The rules of conversations with this execution environment's clients, each built once."""

import os
from collections.abc import Callable
from functools import cache

from avatar.conversation import LATE_SECONDS, Conversation
from avatar.extension import LateReplyExtension
from avatar.late_reply import LateWork
from avatar.phrases import Phrases
from avatar.room_store import RoomStore
from avatar.rooms import Rooms
from avatar.session_store import SessionStore
from avatar.speaker import SECONDS, Speaker
from avatar.turns import Turns
from common import aws, settings, upstream
from common.settings import SessionsSettings, WebhookSettings

_MARGIN_SECONDS = 2.0


@cache
def late_work() -> LateWork:
    """What goes on beside and after the answers."""
    return LateWork()


@cache
def conversation() -> Conversation:
    """The rules of LOGIN and LOGOUT."""
    phrases = Phrases.of(settings.read(WebhookSettings))
    return Conversation(_sessions(), _rooms(), speaker(), phrases, late_work().start)


@cache
def turns() -> Turns:
    """The rules of CHAT."""
    phrases = Phrases.of(settings.read(WebhookSettings))
    return Turns(_sessions(), _rooms(), upstream.oh_client(), speaker(), phrases, late_work().start)


@cache
def _sessions() -> SessionStore:
    chosen = settings.read(WebhookSettings)
    return SessionStore(aws.dynamodb(), chosen.sessions_table, ttl_seconds=chosen.session_ttl_seconds)


@cache
def _rooms() -> Rooms:
    return Rooms(RoomStore(aws.dynamodb(), settings.read(WebhookSettings).rooms_table), upstream.oh_client())


@cache
def speaker() -> Speaker:
    """What makes avatars speak unasked."""
    chosen = settings.read(SessionsSettings)
    return Speaker(upstream.callback_client(), chosen.callback_hosts, allow_loopback=chosen.embedded_stack)


def start_environment() -> Callable[[str], None]:
    """Prepares an environment of Lambda, or of its stand-in, while it is initialised; elsewhere does nothing.

    Settings that cannot be used end the start here, with their sentence in the log, and not a user's first request.

    Returns:
        What the handler calls with Lambda's request id when it is done with an invocation.

    Raises:
        SettingsError: A setting is missing or unusable.
    """
    runtime_api = os.environ.get("AWS_LAMBDA_RUNTIME_API")
    if not runtime_api and "AWS_LAMBDA_FUNCTION_NAME" not in os.environ:
        return _nobody_listens
    conversation()
    turns()
    if not runtime_api:
        return _nobody_listens
    extension = LateReplyExtension(runtime_api, late_work(), late_seconds=LATE_SECONDS + SECONDS + _MARGIN_SECONDS)
    return extension.answered if extension.start() else _nobody_listens


def _nobody_listens(_request_id: str) -> None:
    """Without the Extensions API a process is not frozen between requests."""
