"""Building the embedded stack and taking it down again."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from local.servers import LocalServer
from local.stack import aws_endpoint, processes, simulators, template
from local.stack.blueprint import Blueprint
from local.stack.environment import Environment, InitFailed, Invocation, Outcome
from local.stack.errors import ConfigurationError, StackError
from local.stack.front import ApiFront
from local.stack.function_environments import code_directories, environment_spec
from local.stack.lambda_api import LambdaApi
from local.stack.options import Options
from local.stack.parameters import UPSTREAM_PARAMETER, resolve_parameters
from local.stack.pool import FunctionPool
from local.stack.provision import provision
from local.stack.routing import RouteTable
from local.stack.worker import EnvironmentSpec, check_settings

ROOT = Path(__file__).resolve().parents[2]
"""The project's directory, with template.yaml in it."""


class Stack:
    """The embedded stack. `start` builds it, `stop` leaves nothing behind; both are for the main thread.

    Args:
        options: What its user chose.
        environ: Where template parameters are looked up.
        root: The project's directory.

    """

    def __init__(self, options: Options, environ: Mapping[str, str], root: Path = ROOT) -> None:
        self._options = options
        self._environ = environ
        self._root = root
        self._children: dict[str, tuple[BaseProcess, Connection]] = {}
        self._servers: list[LocalServer] = []
        self._pools: dict[str, FunctionPool] = {}
        self._helpers = ThreadPoolExecutor(max_workers=8, thread_name_prefix="stack")
        self._talking: set[str] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def start(self) -> dict[str, Any]:
        """Build everything and serve.

        Returns:
            The announcement: addresses, keys, names.

        Raises:
            ConfigurationError: A parameter, an option or the template cannot be used.
            StackError: Something did not come up.
        """
        options = self._options
        front = self._listen(options.port)
        functions = self._listen(0)
        functions.app = LambdaApi(self._pools)
        functions.start()
        # The children start while the template is read here.
        aws_port = self._child("AWS endpoint", aws_endpoint.serve, functions.base_url)
        oh_url = self._upstream()
        trulience_url = self._child("Trulience simulator", simulators.serve_trulience)
        source = template.load(self._root / "template.yaml")
        parameters = resolve_parameters(source.get("Parameters", {}), self._environ)
        parameters[UPSTREAM_PARAMETER] = oh_url.result()
        transformed = template.transform(source, parameters, self._root)
        blueprint = Blueprint(transformed, parameters)
        aws_url = f"http://127.0.0.1:{aws_port.result()}"
        machines = provision(blueprint, aws_url, self._secret())
        self._start_functions(blueprint, aws_url)
        routes = blueprint.routes()
        self._talking = {route.function for route in routes if route.resource.endswith("/webhook")}
        front.app = ApiFront(
            RouteTable(routes, blueprint.stage()),
            {value: identifier for identifier, value in options.partner_keys.items()},
            blueprint.stage(),
            self._invoke,
            _log,
        )
        front.start()
        return {
            "ready": True,
            "api_url": front.base_url,
            "console_url": None,
            "trulience_api_key": options.trulience_api_key,
            "partner_api_keys": list(options.partner_keys.values()),
            "aws_endpoint_url": aws_url,
            "bucket": next(iter(blueprint.buckets()), None),
            "oh_simulator_url": None if options.upstream else oh_url.result(),
            "trulience_simulator_url": trulience_url.result(),
            "state_machine_arn": next(iter(machines.values()), None),
            "webhook_signing_secret": options.webhook_signing_secret,
        }

    def warm_up(self) -> None:
        """Start further environments of the webhook in the background, so that talks at once find them ready."""
        for name in self._talking:
            self._helpers.submit(self._pools[name].warm, self._options.warm)

    def failed_child(self) -> str | None:
        """The name of a child that has ended although it should not; None while all is well."""
        return next((name for name, (process, _) in self._children.items() if not process.is_alive()), None)

    def stop(self) -> None:
        """End everything that was started; may be called at any point of `start`."""
        with self._lock:
            self._stopped = True
            children = list(self._children.values())
        for server in self._servers:
            server.stop()
        for pool in self._pools.values():
            pool.close()
        for process, _ in children:
            processes.stop(process)
        # A child that a helper is just starting is ended there.
        self._helpers.shutdown(wait=True, cancel_futures=True)
        for _, pipe in self._children.values():
            with contextlib.suppress(OSError):
                pipe.close()
        processes.stop_server()

    def _listen(self, port: int) -> LocalServer:
        try:
            server = LocalServer(port=port)
        except OSError as error:
            raise StackError(
                f"Port {port} cannot be used ({error.strerror}); choose another with LOCAL_PORT."
            ) from error
        self._servers.append(server)
        return server

    def _child(self, name: str, target: Any, *arguments: Any) -> Future[Any]:
        """Start a child; the future holds the first thing it sends."""

        def begin() -> Any:
            process, pipe = processes.start(target, *arguments, name=name)
            with self._lock:
                self._children[name] = process, pipe
                stopped = self._stopped
            if stopped:
                processes.stop(process)
            return processes.receive(pipe, name)

        return self._helpers.submit(begin)

    def _upstream(self) -> Future[str]:
        options = self._options
        if options.upstream is None:
            return self._child("OH simulator", simulators.serve_oh, options.oh_api_key, options.trulience_api_key)
        given: Future[str] = Future()
        given.set_result(options.upstream)
        return given

    def _secret(self) -> dict[str, str]:
        options = self._options
        return {
            "oh_api_key": options.oh_api_key,
            "trulience_api_key": options.trulience_api_key,
            "webhook_signing_secret": options.webhook_signing_secret,
        }

    def _start_functions(self, blueprint: Blueprint, aws_url: str) -> None:
        """Make every function's pool; those that answer HTTP get environments right away."""
        functions = blueprint.functions()
        specs = [environment_spec(function, self._root, aws_url, quiet=self._options.quiet) for function in functions]
        self._check_settings(specs)
        for spec in specs:
            self._pools[spec.function] = FunctionPool(lambda spec=spec: Environment(spec), self._options.concurrency)  # type: ignore[misc]
        answering = sorted({route.function for route in blueprint.routes()})
        for future in [self._helpers.submit(self._pools[name].warm) for name in answering]:
            try:
                future.result()
            except InitFailed as failure:
                raise StackError(f"A function does not load: {failure}") from None

    def _check_settings(self, specs: list[EnvironmentSpec]) -> None:
        """Have the functions' own settings models read what the template gives them."""
        environments = [dict(spec.variables) for spec in specs]
        name = "settings check"
        process, pipe = processes.start(check_settings, environments, code_directories(self._root), name=name)
        try:
            sentences = processes.receive(pipe, name)
        finally:
            processes.stop(process)
            pipe.close()
        if sentences:
            raise ConfigurationError("\n".join(sentences))

    def _invoke(self, function: str, invocation: Invocation) -> Outcome:
        return self._pools[function].invoke(invocation)


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
