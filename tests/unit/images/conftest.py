"""A world for the image functions: their settings, AWS in process, and a provider that answers what a test says."""

import copy
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from moto import mock_aws

from digital_twin.oh import OhClient
from images.executions import Executions
from images.job import ImageRequest, Job, new_job
from images.job_store import JobStore, to_record

ROOT = Path(__file__).parents[3]
REGION = "eu-central-1"
BUCKET = "results-bucket"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass
class Context:
    """What a handler reads of Lambda's context."""

    remaining_ms: int = 28_000
    aws_request_id: str = "request-1"
    function_name: str = "function"

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


@dataclass
class Provider:
    """An OH API that answers from a queue; whatever is no answer is raised."""

    answers: list[httpx.Response | Exception] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)

    def accepts(self, job_id: str = "job-1") -> None:
        self.answers.append(httpx.Response(202, json={"message": "ok", "job_id": job_id, "status": "queued"}))

    def says(self, status: int, body: Any = None, **headers: str) -> None:
        self.answers.append(httpx.Response(status, json=body, headers=headers))

    def breaks(self, error: Exception) -> None:
        self.answers.append(error)

    def client(self) -> OhClient:
        def handle(request: httpx.Request) -> httpx.Response:
            request.read()
            self.requests.append(request)
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return OhClient(
            "https://oh.test", lambda: "key", transport=httpx.MockTransport(handle), sleep=lambda seconds: None
        )


@dataclass
class World:
    """AWS as the functions find it."""

    dynamodb: Any
    s3: Any
    states: Any
    state_machine_arn: str
    provider: Provider

    @property
    def jobs(self) -> JobStore:
        return JobStore(self.dynamodb, "jobs")

    @property
    def executions(self) -> Executions:
        return Executions(self.states, self.state_machine_arn)

    def put(self, job: Job) -> Job:
        self.dynamodb.put_item(TableName="jobs", Item=to_record(job))
        return job

    def started(self) -> list[str]:
        found = self.states.list_executions(stateMachineArn=self.state_machine_arn)["executions"]
        return sorted(execution["name"] for execution in found)

    def input_of(self, name: str) -> dict[str, Any]:
        arn = self.state_machine_arn.replace(":stateMachine:", ":execution:") + f":{name}"
        given: dict[str, Any] = json.loads(self.states.describe_execution(executionArn=arn)["input"])
        return given


@cache
def _session() -> boto3.session.Session:
    """One session for all tests: reading the service descriptions anew takes most of a test's time."""
    return boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)


def _clear_caches() -> None:
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in {"common", "images", "avatar"}:
            for value in vars(module).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, provider: Provider) -> Iterator[World]:
    """Tables, bucket, secret and state machine, in process; every cached client is made anew."""
    settings = {
        "AWS_DEFAULT_REGION": REGION,
        "POWERTOOLS_SERVICE_NAME": "test",
        "POWERTOOLS_METRICS_NAMESPACE": "Test",
        "OH_API_BASE_URL": "https://oh.test",
        "JOBS_TABLE": "jobs",
        "SESSIONS_TABLE": "sessions",
        "IDEMPOTENCY_TABLE": "idempotency",
        "RESULTS_BUCKET": BUCKET,
        "RESULT_LINK_ROLE_ARN": "arn:aws:iam::123456789012:role/links",
        "RESULT_LINK_SECONDS": "900",
        "JOB_DEADLINE_SECONDS": "300",
        "JOB_RETENTION_DAYS": "30",
        "MAX_RESULT_BYTES": "1000000",
        "RESULT_HOSTS": "amazonaws.com",
        "CALLBACK_HOSTS": "trulience.com",
        "IMAGE_READY_MESSAGE": "Your picture is ready: {url}",
    }
    with mock_aws():
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        for name in ("EMBEDDED_STACK", "AWS_ENDPOINT_URL", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", _session())
        _clear_caches()
        world = _build(monkeypatch, provider)
        yield world
    _clear_caches()


def _build(monkeypatch: pytest.MonkeyPatch, provider: Provider) -> World:
    dynamodb: Any = boto3.client("dynamodb")
    for table, keys in {
        "jobs": [("job_id", "HASH")],
        "sessions": [("session_id", "HASH"), ("character_id", "RANGE")],
        "idempotency": [("id", "HASH")],
    }.items():
        indexes: dict[str, Any] = {}
        names = {key for key, _ in keys}
        if table == "jobs":
            names |= {"partner_id", "created_at"}
            indexes["GlobalSecondaryIndexes"] = [
                {
                    "IndexName": "by_partner",
                    "KeySchema": [
                        {"AttributeName": "partner_id", "KeyType": "HASH"},
                        {"AttributeName": "created_at", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ]
        dynamodb.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in sorted(names)],
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
            **indexes,
        )
    s3: Any = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    secrets: Any = boto3.client("secretsmanager")
    secret = json.dumps({"oh_api_key": "key", "trulience_api_key": "bearer", "webhook_signing_secret": SECRET})
    monkeypatch.setenv("SECRET_ARN", secrets.create_secret(Name="api", SecretString=secret)["ARN"])
    states: Any = boto3.client("stepfunctions")
    definition = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
    machine = states.create_state_machine(
        name="image-job", definition=json.dumps(definition), roleArn="arn:aws:iam::123456789012:role/machine"
    )["stateMachineArn"]
    monkeypatch.setenv("STATE_MACHINE_ARN", machine)
    return World(dynamodb, s3, states, machine, provider)


@pytest.fixture
def event() -> Callable[..., dict[str, Any]]:
    """Loads a payload from events/images; `changes` replace its members."""

    def load(name: str, **changes: Any) -> dict[str, Any]:
        payload: dict[str, Any] = json.loads((ROOT / "events" / "images" / f"{name}.json").read_text())
        return {**payload, **copy.deepcopy(changes)}

    return load


@pytest.fixture
def context() -> Context:
    return Context()


@pytest.fixture
def make_job() -> Callable[..., Job]:
    """A job of partner-1; keywords replace members of the record."""

    def make(job_id: str = "job-1", *, now: float = 1_787_045_400.0, request: Any = None, **changes: Any) -> Job:
        asked = ImageRequest.model_validate({"character_id": "1234", "prompt": "A beach", **(request or {})})
        job = new_job(asked, job_id=job_id, partner_id="partner-1", now=now, deadline_seconds=300, retention_days=3650)
        return Job.model_validate(job.model_dump() | changes)

    return make
