"""What an execution environment keeps between requests, and tests must not keep between each other."""

from avatar import services, sessions_handler
from common import aws, observability, secrets, settings, upstream

_CACHED = (
    aws._session,
    aws.dynamodb,
    aws.secrets_manager,
    observability.logger,
    secrets._reader,
    secrets._parse,
    settings.read,
    upstream.oh_client,
    upstream.callback_client,
    services.late_work,
    services.conversation,
    services.turns,
    services._sessions,
    services._rooms,
    services.speaker,
    sessions_handler.store,
    sessions_handler.listing,
)


def forget_environment() -> None:
    """Makes the next request the first one of an environment: settings are read and clients built anew."""
    for cached in _CACHED:
        cached.cache_clear()
