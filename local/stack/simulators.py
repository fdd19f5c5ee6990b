"""The two simulators as children of the stack, each in a process of its own so that neither slows the front down."""

from __future__ import annotations

import importlib
import threading
from multiprocessing.connection import Connection
from typing import Any

from local.servers import LocalServer
from local.stack.processes import enter_child


def serve_oh(pipe: Connection, api_key: str, webhook_token: str) -> None:
    """Run the OH API's simulator until the main process ends; sends its address once it serves.

    Args:
        pipe: Where to send the address.
        api_key: The key it accepts.
        webhook_token: The bearer key it sends events of its own with.

    """
    enter_child()
    simulator: Any = importlib.import_module("local.oh_simulator")
    _serve(pipe, simulator.create_app(api_keys=(api_key,), webhook_token=webhook_token))


def serve_trulience(pipe: Connection) -> None:
    """Run Trulience's simulator until the main process ends; sends its address once it serves."""
    enter_child()
    simulator: Any = importlib.import_module("local.trulience_simulator")
    _serve(pipe, simulator.create_app())


def _serve(pipe: Connection, app: Any) -> None:
    server = LocalServer(app).start()
    pipe.send(server.base_url)
    threading.Event().wait()
