"""The AWS endpoint: moto's services with Lambda's Invoke and the fault switches in front, in a process of its own."""

from __future__ import annotations

import http.client
import os
import threading
import time
import uuid
from collections.abc import Iterable
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from local.servers import LocalServer
from local.stack.faults import Fault, FaultBox, identify
from local.stack.http import read_body, read_json, respond
from local.stack.lambda_api import INVOKE_PATH, KILL_PATH, STATISTICS_PATH
from local.stack.processes import enter_child
from local.stack.template import REGION

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

FAULTS_PATH = "/_embedded/faults"
HEALTH_PATH = "/_embedded/health"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
"""What the stack's clients sign with; moto takes anything."""

_FORWARD_SECONDS = 960.0
"""Longest wait for a forwarded invocation: Lambda's longest timeout and a minute."""


def serve(pipe: Connection, functions_url: str) -> None:
    """Run the endpoint until the main process ends; sends the port once it serves.

    Args:
        pipe: Where to send the port.
        functions_url: Where the main process serves `local.stack.lambda_api`.

    """
    enter_child()
    server = LocalServer()
    # moto's state machines call back to this port, and it is read when moto is imported.
    os.environ.update(CREDENTIALS, MOTO_PORT=str(server.port), AWS_DEFAULT_REGION=REGION, AWS_REGION=REGION)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "HTTP_PROXY", "http_proxy"):
        os.environ.pop(name, None)
    from moto.core.config import default_user_config
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    server.app = AwsEndpoint(DomainDispatcherApplication(create_backend_app), functions_url)
    server.start()
    pipe.send(server.port)
    threading.Event().wait()


class AwsEndpoint:
    """The WSGI application around moto's.

    Args:
        services: moto's application.
        functions_url: Where invocations are forwarded to.

    """

    def __init__(self, services: WSGIApplication, functions_url: str) -> None:
        self._services = services
        self._functions = urlsplit(functions_url)
        self._faults = FaultBox()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path = environ["PATH_INFO"]
        if path == FAULTS_PATH:
            return self._switch_faults(environ, start_response)
        if path == HEALTH_PATH:
            return respond(start_response, 200, {"ok": True})
        if path in (KILL_PATH, STATISTICS_PATH):
            return self._forward(environ, start_response)
        invoke = INVOKE_PATH.match(path) is not None
        if self._faults:
            service, operation = ("lambda", "Invoke") if invoke else identify(environ)
            fault = self._faults.strike(service, operation)
            if fault is not None:
                time.sleep(fault.latency_seconds)
                if fault.status:
                    kind, body = fault.body()
                    # Every answer of AWS names its request, failures included; moto's workflows rely on it.
                    request_id = str(uuid.uuid4())
                    names = [("x-amzn-RequestId", request_id), ("x-amz-request-id", request_id)]
                    return respond(start_response, fault.status, body, [("Content-Type", kind), *names])
        return self._forward(environ, start_response) if invoke else self._services(environ, start_response)

    def _switch_faults(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        method = environ["REQUEST_METHOD"]
        if method == "POST":
            try:
                self._faults.add(Fault.parse(read_json(environ)))
            except ValueError as error:
                return respond(start_response, 400, {"error": f"The fault cannot be read: {error}"})
        elif method == "DELETE":
            self._faults.clear()
        return respond(start_response, 200, {"faults": self._faults.listing()})

    def _forward(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        connection = http.client.HTTPConnection(
            self._functions.hostname or "127.0.0.1", self._functions.port, timeout=_FORWARD_SECONDS
        )
        headers = {"X-Amz-Invocation-Type": environ.get("HTTP_X_AMZ_INVOCATION_TYPE", "RequestResponse")}
        try:
            connection.request(
                environ["REQUEST_METHOD"], quote(environ["PATH_INFO"]), read_body(environ) or None, headers
            )
            answer = connection.getresponse()
            body = answer.read()
            kept = [
                (name, value)
                for name, value in answer.getheaders()
                if name.lower() == "content-type" or name.lower().startswith("x-am")
            ]
            return respond(start_response, answer.status, body, kept)
        except (OSError, http.client.HTTPException) as error:
            return respond(start_response, 503, {"message": f"The functions do not answer: {type(error).__name__}"})
        finally:
            connection.close()
