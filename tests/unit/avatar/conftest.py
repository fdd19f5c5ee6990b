"""The tables in moto, made from the template, and a clock that tests set."""

import json
import uuid
from collections.abc import Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from moto import mock_aws

from avatar.room_store import RoomStore
from avatar.session_listing import SessionListing
from avatar.session_store import SessionStore
from common import aws
from common.observability import logger
from tests.caches import forget_environment
from tests.unit.avatar.doubles import TTL_SECONDS, SettableClock, create_table


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_METRICS_NAMESPACE": "Tests",
        # A logger of its own for each test: a logger writes to the standard output it found when it was made.
        "POWERTOOLS_SERVICE_NAME": f"tests-{uuid.uuid4()}",
    }.items():
        monkeypatch.setenv(name, value)
    logger.cache_clear()


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@cache
def _client() -> Any:
    # One for all tests: making it takes longer than most of them, and the simulated account is new for each.
    return boto3.client("dynamodb")


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    with mock_aws():
        client = _client()
        create_table(client, "SessionsTable", "sessions")
        create_table(client, "RoomsTable", "rooms")
        yield client


@pytest.fixture
def sessions(dynamodb: Any, clock: SettableClock) -> SessionStore:
    return SessionStore(dynamodb, "sessions", ttl_seconds=TTL_SECONDS, clock=clock)


@pytest.fixture
def listing(dynamodb: Any, clock: SettableClock) -> SessionListing:
    return SessionListing(dynamodb, "sessions", clock=clock, sleep=lambda _: None)


@pytest.fixture
def room_store(dynamodb: Any) -> RoomStore:
    return RoomStore(dynamodb, "rooms")


@pytest.fixture
def deployment(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment variables and the secret of a deployment, and no clients left from the test before."""
    keys = ["example-rest-agent-key", "next-rest-agent-key"]
    secret = {"oh_api_key": "oh-key", "trulience_api_key": keys, "webhook_signing_secret": "whsec_c2VjcmV0"}
    forget_environment()
    arn = aws.secrets_manager().create_secret(Name="api", SecretString=json.dumps(secret))["ARN"]
    for name, value in {
        "SECRET_ARN": arn,
        "OH_API_BASE_URL": "https://oh.test",
        "SESSIONS_TABLE": "sessions",
        "ROOMS_TABLE": "rooms",
        "SESSION_TTL_SECONDS": "3600",
        "CHAT_DEADLINE_SECONDS": "5",
        "CALLBACK_HOSTS": "trulience.com",
        "GREETING": "Hello.",
        "GREETING_RETURNING": "Welcome back.",
        "APOLOGY_REPLY": "Sorry.",
        "MODERATED_REPLY": "Let us talk about something else.",
        "FILLER_REPLY": "",
    }.items():
        monkeypatch.setenv(name, value)
    yield
    forget_environment()
