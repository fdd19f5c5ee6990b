"""The simulated OH API as one WSGI application."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import httpx
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from local.clock import Clock
from local.oh_simulator.answers import json_answer, unknown_endpoint
from local.oh_simulator.api import OhApi
from local.oh_simulator.console import Console
from local.oh_simulator.faults import FaultMiddleware
from local.oh_simulator.results import ResultFiles
from local.oh_simulator.simulator import DEFAULT_API_KEY, Simulator
from local.oh_simulator.switches import Switches

_MAX_BODY_BYTES = 1_000_000


def create_app(
    *,
    api_keys: Iterable[str] = (DEFAULT_API_KEY,),
    switches: Switches | None = None,
    webhook_token: str | None = None,
    webhook_transport: httpx.BaseTransport | None = None,
    clock: Clock | None = None,
) -> Flask:
    """Make the simulated API.

    Args:
        api_keys: the keys that are accepted in `X-API-Key`.
        switches: how it behaves at the start and after a reset; in good health by default.
        webhook_token: the bearer token sent with LOGOUT when a cam session is ended.
        webhook_transport: how LOGOUT is sent; over the network by default.
        clock: what time it is; the machine's by default.

    Returns:
        A Flask application; `simulator_of` gives the state behind it.

    """
    simulator = Simulator.build(
        api_keys=api_keys,
        switches=switches,
        webhook_token=webhook_token,
        webhook_transport=webhook_transport,
        clock=clock,
    )
    app = Flask("oh_simulator", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _MAX_BODY_BYTES
    app.url_map.merge_slashes = False
    app.extensions["simulator"] = simulator
    OhApi(simulator).add_to(app)
    ResultFiles(simulator).add_to(app)
    Console(simulator).add_to(app)
    app.add_url_rule("/cam-callbacks/<session_id>", "cam_callback", _take_callback, methods=["POST"])
    app.register_error_handler(HTTPException, _routing_problem)
    app.wsgi_app = FaultMiddleware(app.wsgi_app, simulator)  # type: ignore[method-assign]
    return app


def simulator_of(app: Flask) -> Simulator:
    """Give the state behind an application made by `create_app`."""
    simulator: Any = app.extensions["simulator"]
    assert isinstance(simulator, Simulator)  # noqa: S101 - tells the type checker what create_app put there
    return simulator


def _take_callback(session_id: str) -> Response:
    """Take what is sent to the callback URL of a cam session; the record of requests shows it."""
    return json_answer({"session_id": session_id, "status": "accepted"})


def _routing_problem(problem: HTTPException) -> Response:
    """Answer what has no route; a method that a path does not have is unknown as well."""
    if request.path.startswith("/_simulator"):
        return json_answer({"error": problem.description or "Not found"}, problem.code or 404)
    if problem.code in (404, 405):
        return unknown_endpoint()
    return json_answer({"error": problem.description or "Bad request"}, problem.code or 400)
