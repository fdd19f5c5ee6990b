"""A simulator of Trulience: it sends the events of conversations, and takes what avatars are to speak."""

from local.trulience_simulator.client import TrulienceClient, WebhookAnswer
from local.trulience_simulator.command import add_arguments, run
from local.trulience_simulator.receiver import CALLBACK_PATH, create_app
from local.trulience_simulator.sessions import SpokenMessage, SpokenSessions

__all__ = [
    "CALLBACK_PATH",
    "SpokenMessage",
    "SpokenSessions",
    "TrulienceClient",
    "WebhookAnswer",
    "add_arguments",
    "create_app",
    "run",
]
