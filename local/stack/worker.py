"""What runs inside an execution environment: one function, one event at a time, until the process is ended.

Messages on the pipe are bytes. To the worker: a line of JSON about the invocation, then the event. From it: one byte
that says how it went, then JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from local.stack.processes import enter_child

READY = b"I"
RESULT = b"R"
FAILURE = b"E"
SETTINGS_MODULE = "common.settings"

Handler = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class EnvironmentSpec:
    """What an execution environment is made of. `timeout` in seconds, `memory` in MB."""

    function: str
    arn: str
    handler: str
    timeout: float
    memory: int
    variables: Mapping[str, str]
    code: tuple[str, ...]
    """Directories the function's imports start from."""
    hidden: tuple[str, ...] = ()
    """Directories of the import path that a function does not see, as they are not part of its bundle."""
    quiet: bool = False


class LambdaContext:
    """The second argument of a handler, as the Lambda runtime gives it."""

    def __init__(self, spec: EnvironmentSpec, request_id: str, deadline: float) -> None:
        """`deadline` in epoch seconds."""
        self.function_name = spec.function
        self.function_version = "$LATEST"
        self.invoked_function_arn = spec.arn
        self.memory_limit_in_mb = str(spec.memory)
        self.aws_request_id = request_id
        self.log_group_name = f"/aws/lambda/{spec.function}"
        self.log_stream_name = f"local/[$LATEST]{os.getpid()}"
        self.identity = SimpleNamespace(cognito_identity_id=None, cognito_identity_pool_id=None)
        self.client_context = None
        self._deadline = deadline

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function's timeout, never below zero."""
        return max(0, int((self._deadline - time.time()) * 1000))


def serve(pipe: Connection, spec: EnvironmentSpec) -> None:
    """Run an execution environment until the pipe ends."""
    enter_child(quiet=spec.quiet)
    try:
        handler = initialise(spec)
    except BaseException as error:  # noqa: BLE001 - the boundary: whatever an import raises is an INIT failure
        traceback.print_exc()
        pipe.send_bytes(FAILURE + describe(error))
        return
    pipe.send_bytes(READY)
    while True:
        try:
            message = pipe.recv_bytes()
        except EOFError:
            return
        head, event = message.split(b"\n", 1)
        pipe.send_bytes(answer(handler, spec, json.loads(head), event))


def initialise(spec: EnvironmentSpec) -> Handler:
    """Put the function's own environment in place and import its handler.

    Raises whatever the import raises.
    """
    os.environ.clear()
    os.environ.update(spec.variables)
    hidden = {"", *spec.hidden}
    sys.path[:] = [*spec.code, *(entry for entry in sys.path if entry not in hidden and entry not in spec.code)]
    os.chdir(spec.code[0])
    module, _, name = spec.handler.rpartition(".")
    return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]


def answer(handler: Handler, spec: EnvironmentSpec, head: Mapping[str, Any], event: bytes) -> bytes:
    """Call the handler with one event; gives the message to send back."""
    context = LambdaContext(spec, head["request_id"], head["deadline"])
    os.environ["_X_AMZN_TRACE_ID"] = head["trace_id"]
    try:
        result = handler(json.loads(event), context)
    except Exception as error:  # noqa: BLE001 - the boundary: the runtime turns any error into an answer
        traceback.print_exc()
        return FAILURE + describe(error)
    try:
        return RESULT + json.dumps(result, ensure_ascii=False).encode("utf-8", "surrogatepass")
    except (TypeError, ValueError) as error:
        return FAILURE + describe(error, kind="Runtime.MarshalError")


def describe(error: BaseException, kind: str | None = None) -> bytes:
    """An error as the Lambda runtime reports it, in JSON."""
    frames = traceback.extract_tb(error.__traceback__)
    return json.dumps(
        {
            "errorType": kind or type(error).__name__,
            "errorMessage": str(error),
            "stackTrace": [f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}' for frame in frames],
        }
    ).encode()


def check_settings(pipe: Connection, environments: list[dict[str, str]], code: tuple[str, ...]) -> None:
    """Read every settings model that an environment has all variables of; sends the sentences of those that fail.

    Runs in a child of its own, so that the functions' code never gets into the main process.
    """
    enter_child()
    sys.path[:0] = code
    if not any((Path(directory) / (SETTINGS_MODULE.replace(".", "/") + ".py")).exists() for directory in code):
        pipe.send([])
        return
    module = importlib.import_module(SETTINGS_MODULE)
    sentences: dict[str, None] = {}
    for variables in environments:
        os.environ.clear()
        os.environ.update(variables)
        for model in _models(module.Settings):
            required = [name for name, field in model.model_fields.items() if field.is_required()]
            if required and all(name.upper() in variables for name in required):
                try:
                    module.read.__wrapped__(model)
                except module.SettingsError as error:
                    sentences[str(error)] = None
    pipe.send(list(sentences))


def _models(base: Any) -> list[Any]:
    return [model for child in base.__subclasses__() for model in (child, *_models(child))]
