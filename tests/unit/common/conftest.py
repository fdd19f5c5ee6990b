"""An environment of its own for each test: no settings, clients or secrets left from the one before."""

import uuid
from collections.abc import Iterator

import pytest

from common.settings import (
    CheckSettings,
    NotifySettings,
    ResultsSettings,
    SessionsSettings,
    StoreSettings,
    SubmissionSettings,
    UpstreamSettings,
    WebhookSettings,
)
from tests.caches import forget_environment

MODELS = (
    UpstreamSettings,
    SessionsSettings,
    WebhookSettings,
    SubmissionSettings,
    ResultsSettings,
    CheckSettings,
    StoreSettings,
    NotifySettings,
)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for model in MODELS:
        for name in model.model_fields:
            monkeypatch.delenv(name.upper(), raising=False)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_METRICS_NAMESPACE": "Tests",
        "POWERTOOLS_SERVICE_NAME": f"tests-{uuid.uuid4()}",
    }.items():
        monkeypatch.setenv(name, value)
    forget_environment()
    yield
    forget_environment()
