"""Lambda's Invoke operation, and the switches that tests break functions with; served by the main process.

The AWS endpoint forwards these requests, so that clients see one address for all services.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

from local.stack.environment import Invocation
from local.stack.http import read_body, read_json, respond
from local.stack.pool import KILL_AFTER_SECONDS, FunctionPool

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

INVOKE_PATH = re.compile(r"^/2015-03-31/functions/([^/]+)/invocations/?$")
KILL_PATH = "/_embedded/kill"
STATISTICS_PATH = "/_embedded/invocations"


def function_name(identifier: str) -> str:
    """The plain name in a name, ARN or partial ARN, version or alias cut off."""
    parts = unquote(identifier).split(":")
    if "function" in parts:
        return parts[parts.index("function") + 1]
    return parts[0]


class LambdaApi:
    """The WSGI application.

    Args:
        pools: Each function's pool by the function's name; may be filled later.

    """

    def __init__(self, pools: Mapping[str, FunctionPool]) -> None:
        self._pools = pools

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        """Answer one request."""
        path = environ["PATH_INFO"]
        routes: dict[str, Callable[[WSGIEnvironment, StartResponse], list[bytes]]] = {
            KILL_PATH: self._kill,
            STATISTICS_PATH: self._statistics,
        }
        if path in routes:
            return routes[path](environ, start_response)
        invoke = INVOKE_PATH.match(path)
        if invoke is None:
            return respond(start_response, 404, {"message": "No such operation"})
        return self._invoke(function_name(invoke[1]), environ, start_response)

    def _invoke(self, name: str, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        pool = self._pools.get(name)
        if pool is None:
            return respond(
                start_response,
                404,
                {"Type": "User", "Message": f"Function not found: {name}"},
                [("x-amzn-ErrorType", "ResourceNotFoundException")],
            )
        invocation = Invocation(read_body(environ) or b"{}")
        identity = [("x-amzn-RequestId", invocation.request_id)]
        match environ.get("HTTP_X_AMZ_INVOCATION_TYPE", "RequestResponse"):
            case "Event":
                threading.Thread(target=pool.invoke, args=(invocation,), name=f"event-{name}", daemon=True).start()
                return respond(start_response, 202, b"", identity)
            case "DryRun":
                return respond(start_response, 204, b"", identity)
        outcome = pool.invoke(invocation)
        headers = [*identity, ("Content-Type", "application/json"), ("X-Amz-Executed-Version", "$LATEST")]
        if outcome.failed:
            headers.append(("X-Amz-Function-Error", "Unhandled"))
        return respond(start_response, 200, outcome.payload, headers)

    def _kill(self, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        try:
            request = read_json(environ)
            after = float(request.get("after_seconds", KILL_AFTER_SECONDS))
        except (ValueError, TypeError) as error:
            return respond(start_response, 400, {"error": f"The request cannot be read: {error}"})
        name = function_name(str(request.get("function", "")))
        pool = self._pools.get(name)
        if pool is None:
            return respond(start_response, 404, {"error": f"There is no function {name}."})
        return respond(start_response, 200, {"function": name, "outcome": pool.kill(after)})

    def _statistics(self, _environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        figures = {name: pool.statistics() for name, pool in self._pools.items()}
        return respond(start_response, 200, dict(figures))
