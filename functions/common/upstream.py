"""Clients of the two outside systems, one each per execution environment."""

from functools import cache

from common import settings
from common.secrets import secrets
from digital_twin.oh import OhClient
from digital_twin.trulience import CallbackClient


@cache
def oh_client() -> OhClient:
    """The OH API, with the deployment's key; a key that is refused is read anew once, as it may have been replaced."""
    return OhClient(
        settings.read(settings.UpstreamSettings).oh_api_base_url,
        lambda: secrets().oh_api_key,
        refresh_api_key=lambda: secrets(fresh=True).oh_api_key,
    )


@cache
def callback_client() -> CallbackClient:
    """Trulience's callback, over which the avatar speaks unasked."""
    return CallbackClient()
