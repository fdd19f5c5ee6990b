"""The tables in moto, made from the template, and a clock that tests set."""

import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from avatar.room_store import RoomStore
from avatar.session_listing import SessionListing
from avatar.session_store import SessionStore
from common.observability import logger
from moto import mock_aws

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


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("dynamodb")
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
