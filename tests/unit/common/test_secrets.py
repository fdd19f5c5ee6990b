"""The secret: kept, read anew in time, and never a reason to keep a conversation waiting."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from common import aws, secrets
from common.errors import UnavailableError
from common.settings import SettingsError

GOOD = {"oh_api_key": "key-1", "trulience_api_key": "bearer-1", "webhook_signing_secret": "whsec_c2VjcmV0"}

Put = Callable[[Any], None]


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    now = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(secrets, "time", SimpleNamespace(monotonic=lambda: now.seconds))
    return now


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> Iterator[Put]:
    """Stores a value of the secret; the first call creates it."""
    monkeypatch.setenv("OH_API_BASE_URL", "https://oh.test")
    with mock_aws():
        arn = aws.secrets_manager().create_secret(Name="api", SecretString=json.dumps(GOOD))["ARN"]
        monkeypatch.setenv("SECRET_ARN", arn)

        def store(value: Any) -> None:
            text = value if isinstance(value, str) else json.dumps(value)
            aws.secrets_manager().put_secret_value(SecretId=arn, SecretString=text)

        yield store


def _count_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    reads: list[str] = []
    original = aws.secrets_manager().get_secret_value

    def read(**request: Any) -> Any:
        reads.append(request["SecretId"])
        return original(**request)

    monkeypatch.setattr(aws.secrets_manager(), "get_secret_value", read)
    return reads


def _break(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    def fail(**_: Any) -> Any:
        act()
        raise EndpointConnectionError(endpoint_url="https://secretsmanager")

    monkeypatch.setattr(aws.secrets_manager(), "get_secret_value", fail)


def test_the_secret_is_read_once_in_a_while(put: Put, now: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = _count_reads(monkeypatch)
    for _ in range(3):
        assert secrets.secrets().oh_api_key == "key-1"
    assert len(reads) == 1


def test_one_bearer_key_or_several(put: Put) -> None:
    put(GOOD | {"trulience_api_key": ["new", "old"]})
    assert secrets.secrets().trulience_api_key == ("new", "old")


def test_nothing_of_it_shows(put: Put) -> None:
    shown = repr(secrets.secrets())
    assert not any(value in shown for value in GOOD.values())


def test_a_rotated_value_is_in_use_within_five_minutes(put: Put, now: SimpleNamespace) -> None:
    assert secrets.secrets().oh_api_key == "key-1"
    put(GOOD | {"oh_api_key": "key-2"})
    now.seconds += 299
    assert secrets.secrets().oh_api_key == "key-1"
    now.seconds += 1
    assert secrets.secrets().oh_api_key == "key-2"


def test_a_refused_key_is_read_anew_at_once(put: Put) -> None:
    assert secrets.secrets().oh_api_key == "key-1"
    put(GOOD | {"oh_api_key": "key-2"})
    assert secrets.secrets(fresh=True).oh_api_key == "key-2"
    assert secrets.secrets().oh_api_key == "key-2"


def test_an_outage_ends_no_conversation(put: Put, now: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets.secrets()
    tries: list[int] = []
    _break(monkeypatch, lambda: tries.append(1))
    now.seconds += 1000
    assert secrets.secrets().oh_api_key == "key-1"
    assert secrets.secrets(fresh=True).oh_api_key == "key-1"
    before = len(tries)
    assert secrets.secrets().oh_api_key == "key-1"
    assert len(tries) == before, "it is not tried anew for every request"
    now.seconds += secrets.RETRY_SECONDS
    secrets.secrets()
    assert len(tries) == before + 1


def test_a_secrets_manager_that_hangs_keeps_nobody_waiting(
    put: Put, now: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets.secrets()
    go = threading.Event()
    _break(monkeypatch, lambda: (go.wait(10), None)[1])
    now.seconds += 1000
    began = time.monotonic()
    assert secrets.secrets().oh_api_key == "key-1"
    assert time.monotonic() - began < 2
    go.set()
    refresh = secrets._reader()._refresh
    assert refresh is not None
    refresh.join(5)


def test_without_any_value_an_outage_is_told(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    _break(monkeypatch, lambda: None)
    with pytest.raises(UnavailableError) as failure:
        secrets.secrets()
    assert failure.value.code == "secrets_unavailable"


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("not json at all", "JSON"),
        ({"trulience_api_key": "b", "webhook_signing_secret": "whsec_c2VjcmV0"}, "oh_api_key"),
        (GOOD | {"oh_api_key": ""}, "oh_api_key"),
        (GOOD | {"trulience_api_key": []}, "trulience_api_key"),
        (GOOD | {"trulience_api_key": ["", "b"]}, "trulience_api_key"),
        (GOOD | {"webhook_signing_secret": "whsec_?!"}, "webhook_signing_secret"),
    ],
)
def test_a_malformed_secret_is_named_not_quoted(put: Put, value: Any, field: str) -> None:
    put(value)
    with pytest.raises(SettingsError, match=f"check {field}") as failure:
        secrets.secrets()
    assert "not json at all" not in str(failure.value)
    assert failure.value.__cause__ is None


def test_a_value_spoiled_by_a_rotation_leaves_the_last_good_one(put: Put, now: SimpleNamespace) -> None:
    secrets.secrets()
    put("spoiled")
    now.seconds += 1000
    assert secrets.secrets().oh_api_key == "key-1"


def test_a_signing_secret_without_its_prefix_gets_it(put: Put) -> None:
    put(GOOD | {"webhook_signing_secret": "c2VjcmV0"})
    assert secrets.secrets().webhook_signing_secret == "whsec_c2VjcmV0"
