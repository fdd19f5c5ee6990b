"""End-to-end tests: black box over HTTP, against the embedded stack or, by environment variables, a deployed one.

Against a deployment: E2E_API_URL, E2E_TRULIENCE_API_KEY and E2E_PARTNER_API_KEYS (two, separated by a comma).
Tests that need more than HTTP (the simulators, AWS's endpoint) ask for `embedded_stack` and are skipped there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from tests import stack_fixture
from tests.stack_fixture import RunningStack, start_stack

__all__ = ["api", "embedded_stack", "other_partner", "partner", "stack", "start_stack", "webhook"]

_TIMEOUT = httpx.Timeout(35.0)
"""Above the 29 s after which API Gateway gives up."""


@dataclass(frozen=True)
class Target:
    """The deployment under test, as its users see it."""

    api_url: str
    trulience_api_key: str = field(repr=False)
    partner_api_keys: list[str] = field(repr=False)


@pytest.fixture(scope="session")
def embedded_stack(request: pytest.FixtureRequest) -> RunningStack:
    """The run's embedded stack; skips the test when a deployment is under test."""
    if "E2E_API_URL" in os.environ:
        pytest.skip("needs the embedded stack, and a deployment is under test")
    return stack_fixture.shared_stack(request.config)


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Target:
    """The deployment named by the environment, or else the embedded stack."""
    if "E2E_API_URL" in os.environ:
        return Target(
            os.environ["E2E_API_URL"].rstrip("/"),
            os.environ["E2E_TRULIENCE_API_KEY"],
            os.environ["E2E_PARTNER_API_KEYS"].split(","),
        )
    running = stack_fixture.shared_stack(request.config)
    return Target(running.api_url, running.trulience_api_key, running.partner_api_keys)


@pytest.fixture
def api(stack: Target) -> Iterator[httpx.Client]:
    """A client without any credentials."""
    with httpx.Client(base_url=stack.api_url, timeout=_TIMEOUT) as client:
        yield client


@pytest.fixture
def webhook(stack: Target) -> Iterator[httpx.Client]:
    """A client with Trulience's bearer key."""
    headers = {"Authorization": f"Bearer {stack.trulience_api_key}"}
    with httpx.Client(base_url=stack.api_url, timeout=_TIMEOUT, headers=headers) as client:
        yield client


@pytest.fixture
def partner(stack: Target) -> Iterator[httpx.Client]:
    """A client with the first partner's key."""
    headers = {"X-API-Key": stack.partner_api_keys[0]}
    with httpx.Client(base_url=stack.api_url, timeout=_TIMEOUT, headers=headers) as client:
        yield client


@pytest.fixture
def other_partner(stack: Target) -> Iterator[httpx.Client]:
    """A client with the second partner's key."""
    headers = {"X-API-Key": stack.partner_api_keys[1]}
    with httpx.Client(base_url=stack.api_url, timeout=_TIMEOUT, headers=headers) as client:
        yield client
