"""The embedded stack as a process of its own, for whatever wants to use it: the demo, the tests, the benchmarks."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import boto3
import httpx

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 60.0
"""Far above the ten seconds that a start should take: a busy machine is no reason to give up."""

_STOP_SECONDS = 15.0


@dataclass
class RunningStack:
    """A stack in a process of its own.

    Attributes:
        process: The process that serves.
        announcement: The line of JSON it printed.
        log: What it writes to standard error.
        seconds_to_start: From starting the process until it announced itself.

    """

    process: subprocess.Popen[str]
    announcement: dict[str, Any]
    log: IO[str]
    seconds_to_start: float
    _clients: dict[str, Any] = field(default_factory=dict)

    @property
    def api_url(self) -> str:
        """Where the API serves, without a trailing slash."""
        return str(self.announcement["api_url"])

    @property
    def trulience_api_key(self) -> str:
        """The bearer key of the webhooks."""
        return str(self.announcement["trulience_api_key"])

    @property
    def partner_api_keys(self) -> list[str]:
        """Two partners' keys."""
        return list(self.announcement["partner_api_keys"])

    @property
    def aws_endpoint_url(self) -> str:
        """Where the embedded AWS serves, and the switches that break it."""
        return str(self.announcement["aws_endpoint_url"])

    @property
    def bucket(self) -> str:
        """The bucket of the stored images."""
        return str(self.announcement["bucket"])

    @property
    def oh_simulator_url(self) -> str:
        """The simulator of the OH API."""
        return str(self.announcement["oh_simulator_url"])

    @property
    def trulience_simulator_url(self) -> str:
        """The simulator of Trulience."""
        return str(self.announcement["trulience_simulator_url"])

    @property
    def state_machine_arn(self) -> str:
        """The workflow of image jobs."""
        return str(self.announcement["state_machine_arn"])

    @property
    def webhook_signing_secret(self) -> str:
        """What callbacks to partners are signed with."""
        return str(self.announcement["webhook_signing_secret"])

    def aws(self, service: str) -> Any:
        """A boto3 client of the stack's AWS endpoint."""
        if service not in self._clients:
            session: Any = boto3.session.Session(
                aws_access_key_id="local", aws_secret_access_key="local", region_name="us-east-1"
            )
            self._clients[service] = session.client(service, endpoint_url=self.aws_endpoint_url)
        return self._clients[service]

    def break_aws(self, service: str, operation: str | None = None, **fault: Any) -> None:
        """Have requests to an AWS service fail: ``status``, ``times``, ``latency_seconds``, ``code``."""
        answer = httpx.post(
            f"{self.aws_endpoint_url}/_embedded/faults", json={"service": service, "operation": operation, **fault}
        )
        answer.raise_for_status()

    def mend_aws(self) -> None:
        """Switch all faults of AWS services off."""
        httpx.delete(f"{self.aws_endpoint_url}/_embedded/faults").raise_for_status()

    def kill(self, function: str, *, after_seconds: float = 0.05) -> str:
        """Kill a function's environment in the middle of the current or else the next invocation."""
        answer = httpx.post(
            f"{self.aws_endpoint_url}/_embedded/kill", json={"function": function, "after_seconds": after_seconds}
        )
        return str(answer.raise_for_status().json()["outcome"])

    def invocations(self) -> dict[str, dict[str, int]]:
        """Each function's counts of invocations, errors and environments since the stack started."""
        answer = httpx.get(f"{self.aws_endpoint_url}/_embedded/invocations")
        return dict(answer.raise_for_status().json())

    def read_log(self) -> str:
        """Everything the stack wrote to standard error so far."""
        return Path(self.log.name).read_text(encoding="utf-8", errors="replace")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask the stack to end and wait for it; gives the exit code. May be called twice."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(_STOP_SECONDS)
        finally:
            self.process.kill()
            stdout = self.process.stdout
            if stdout is not None:
                stdout.close()
            self.log.close()


class StackRefusedError(Exception):
    """The stack ended instead of serving; holds the exit code and what it wrote to standard error."""

    def __init__(self, exit_code: int, errors: str) -> None:
        super().__init__(f"exit code {exit_code}: {errors}")
        self.exit_code = exit_code
        self.errors = errors


def launch(project: Path = ROOT, *, log_path: Path | None = None, **variables: str) -> RunningStack:
    """Start a stack on a free port.

    Args:
        project: The directory with template.yaml.
        log_path: Where what it writes to standard error is kept; a temporary file where none is given.
        variables: Environment variables: template parameters in UPPER_SNAKE_CASE, options of the stack.

    Raises:
        StackRefusedError: It ended before it served.
    """
    log: IO[str]
    if log_path is None:
        log = tempfile.NamedTemporaryFile("w+", prefix="stack-", suffix=".log", encoding="utf-8")  # noqa: SIM115
    else:
        log = log_path.open("w", encoding="utf-8")
    started = time.monotonic()
    process = subprocess.Popen(  # noqa: S603 - this very program
        [sys.executable, "-m", "local", "stack", "--project", str(project)],
        cwd=ROOT,
        env={**os.environ, "LOCAL_PORT": "0", **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    line = _first_line(process)
    stack = RunningStack(process, json.loads(line or "{}"), log, time.monotonic() - started)
    if not line:
        errors = stack.read_log()
        raise StackRefusedError(stack.stop(), errors)
    return stack


def _first_line(process: subprocess.Popen[str]) -> str:
    if process.stdout is None:
        return ""
    readable, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    return process.stdout.readline() if readable else ""
