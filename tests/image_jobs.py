"""What the tests of image jobs share: a partner, the provider's switches, and a place that receives callbacks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from tests.stack_fixture import RunningStack

BODY = {"character_id": "1021", "prompt": "A lighthouse at dusk", "resolution": [64, 64]}
WAIT_SECONDS = 60.0


@dataclass
class Partner:
    """A partner of a running stack."""

    stack: RunningStack
    number: int = 0
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx.Client(
            base_url=self.stack.api_url,
            headers={"X-API-Key": self.stack.partner_api_keys[self.number]},
            timeout=35,
            trust_env=False,
        )

    def submit(self, *, key: str | None = None, **changes: Any) -> httpx.Response:
        """Sends a submission as it is."""
        headers = {"Idempotency-Key": key} if key else {}
        return self.client.post("/images", json={**BODY, **changes}, headers=headers)

    def begin(self, **changes: Any) -> str:
        """Submits a job that has to be accepted; gives its id."""
        answer = self.submit(**changes)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["job_id"])

    def job(self, job_id: str) -> dict[str, Any]:
        """The job as it is now."""
        answer = self.client.get(f"/images/{job_id}")
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def wait(self, job_id: str, seconds: float = WAIT_SECONDS) -> dict[str, Any]:
        """The job once it has ended."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            job = self.job(job_id)
            if job["status"] in ("completed", "failed"):
                return job
            time.sleep(0.2)
        raise AssertionError(f"still {job['status']} after {seconds} s")

    def wait_for_notification(self, job_id: str, target: str, seconds: float = WAIT_SECONDS) -> dict[str, Any]:
        """How telling a target went, once it went somehow."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            told = {entry["target"]: entry for entry in self.job(job_id).get("notifications", [])}
            if told[target]["attempts"] and told[target]["status"] != "pending":
                return dict(told[target])
            time.sleep(0.2)
        raise AssertionError(f"the {target} was not told in {seconds} s")


@dataclass
class Provider:
    """The simulator of the OH API beside a running stack."""

    stack: RunningStack

    def set(self, **switches: Any) -> None:
        """Changes switches, by the rules of JSON merge patch."""
        answer = httpx.patch(f"{self.stack.oh_simulator_url}/_simulator/switches", json=switches, trust_env=False)
        assert answer.status_code == 200, answer.text

    def fault(self, operation: str, *faults: Mapping[str, Any]) -> None:
        """Has the next calls of an operation fail, one after the other."""
        self.set(operations={operation: {"faults": list(faults)}})

    def reset(self) -> None:
        """Goes back to good health, with quick jobs."""
        httpx.post(f"{self.stack.oh_simulator_url}/_simulator/reset", trust_env=False).raise_for_status()
        self.set(jobs={"seconds_to_complete": 1, "enhanced_seconds_to_complete": 1})

    def requests(self, operation: str) -> list[dict[str, Any]]:
        """The calls of an operation, oldest first."""
        answer = httpx.get(
            f"{self.stack.oh_simulator_url}/_simulator/requests", params={"operation": operation}, trust_env=False
        )
        found: list[dict[str, Any]] = answer.raise_for_status().json()["requests"]
        return found

    def polls(self, job_id: str) -> list[float]:
        """When the state of a job was asked for, in seconds of a clock that never goes back."""
        return [entry["monotonic"] for entry in self.requests("status") if job_id in entry["path"]]

    def jobs(self) -> list[dict[str, Any]]:
        """All jobs the provider was paid for."""
        found: list[dict[str, Any]] = httpx.get(
            f"{self.stack.oh_simulator_url}/_simulator/jobs", trust_env=False
        ).json()["jobs"]
        return found


def execution(stack: RunningStack, job_id: str, *, ended: bool = True, seconds: float = 30.0) -> dict[str, Any]:
    """A job's execution, once it has ended."""
    arn = stack.state_machine_arn.replace(":stateMachine:", ":execution:") + f":{job_id}"
    end = time.monotonic() + seconds
    while True:
        found: dict[str, Any] = stack.aws("stepfunctions").describe_execution(executionArn=arn)
        if not ended or found["status"] != "RUNNING" or time.monotonic() > end:
            return found
        time.sleep(0.2)


def transitions(stack: RunningStack, job_id: str) -> list[str]:
    """The names of the states a job went through, in order."""
    arn = execution(stack, job_id)["executionArn"]
    pages = stack.aws("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn)
    events = [event for page in pages for event in page["events"]]
    return [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]


def objects(stack: RunningStack, job_id: str) -> list[str]:
    """The keys in the bucket that belong to a job."""
    found = stack.aws("s3").list_objects_v2(Bucket=stack.bucket, Prefix=f"results/{job_id}")
    return [entry["Key"] for entry in found.get("Contents", [])]


@dataclass
class Received:
    """A callback as it came in."""

    headers: dict[str, str]
    body: bytes
    monotonic: float

    @property
    def message(self) -> dict[str, Any]:
        """The decoded body."""
        decoded: dict[str, Any] = json.loads(self.body)
        return decoded

    def is_signed_with(self, secret: str) -> bool:
        """Checks the signature the way the scheme's own documentation tells a receiver to."""
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.{self.body.decode()}"
        key = base64.b64decode(secret.split("_", 1)[1])
        expected = base64.b64encode(hmac.new(key, signed.encode(), hashlib.sha256).digest()).decode()
        return any(
            hmac.compare_digest(entry, f"v1,{expected}") for entry in self.headers["webhook-signature"].split(" ")
        )


class Receiver:
    """A partner's endpoint: answers with the statuses it was given, one after the other, then with 204."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.statuses: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.received.append(Received(headers, body, time.monotonic()))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 204)
                self.send_header("location", f"{receiver.url}/elsewhere")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
                """Keeps the test's output to itself."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where callbacks go."""
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    def wait(self, count: int, seconds: float = 30.0) -> list[Received]:
        """The callbacks received, once there are so many."""
        end = time.monotonic() + seconds
        while len(self.received) < count:
            assert time.monotonic() < end, f"{len(self.received)} of {count} callbacks after {seconds} s"
            time.sleep(0.1)
        return self.received

    @classmethod
    @contextmanager
    def serve(cls) -> Iterator[Receiver]:
        """Serves while the block runs."""
        receiver = cls()
        receiver._thread.start()
        try:
            yield receiver
        finally:
            receiver._server.shutdown()
            receiver._server.server_close()
