"""``python -m local demo``: a conversation and an image job, played through the embedded stack over HTTP."""

from local.demo.command import add_arguments, run

__all__ = ["add_arguments", "run"]
