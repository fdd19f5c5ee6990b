"""An operator fills in the deployment's secret without writing JSON."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from common.secrets import Secrets
from scripts.fill_secret import complete, main

INITIAL = {"oh_api_key": "", "trulience_api_key": "", "webhook_signing_secret": "A" * 44}


@pytest.fixture
def secrets_manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "unit")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "unit")
    with mock_aws():
        client = boto3.client("secretsmanager")
        client.create_secret(Name="digital-twin/api", SecretString=json.dumps(INITIAL))
        yield client


def stored(client: Any) -> dict[str, Any]:
    return dict(json.loads(client.get_secret_value(SecretId="digital-twin/api")["SecretString"]))


def test_a_fresh_deployment_gets_all_it_needs(
    secrets_manager: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OH_API_KEY", "oh-key")
    assert main([]) == 0
    filled = stored(secrets_manager)
    assert filled["oh_api_key"] == "oh-key"
    assert filled["webhook_signing_secret"] == INITIAL["webhook_signing_secret"]
    Secrets.model_validate(filled)
    printed = capsys.readouterr().out
    assert filled["trulience_api_key"] in printed
    assert "oh-key" not in printed


def test_filling_in_twice_changes_nothing(secrets_manager: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OH_API_KEY", "oh-key")
    main([])
    first = stored(secrets_manager)
    monkeypatch.setenv("OH_API_KEY", "another")
    assert main([]) == 0
    assert stored(secrets_manager) == first


def test_rotating_the_trulience_key_keeps_the_latest_one_valid() -> None:
    once = complete({**INITIAL, "oh_api_key": "k"}, oh_api_key=None, new_trulience_key=False)
    twice = complete(once, oh_api_key=None, new_trulience_key=True)
    thrice = complete(twice, oh_api_key=None, new_trulience_key=True)
    assert twice["trulience_api_key"][1] == once["trulience_api_key"]
    assert thrice["trulience_api_key"][1] == twice["trulience_api_key"][0]
    assert len(thrice["trulience_api_key"]) == 2


def test_without_a_key_of_the_oh_api_nothing_is_written(
    secrets_manager: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OH_API_KEY", raising=False)
    monkeypatch.setattr("getpass.getpass", lambda _prompt: "")
    assert main([]) == 1
    assert stored(secrets_manager) == INITIAL
    assert "needs the key of the OH API" in capsys.readouterr().err


def test_an_unknown_stack_is_named(secrets_manager: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--stack-name", "elsewhere"]) == 1
    assert "elsewhere/api" in capsys.readouterr().err


def test_without_a_region_the_reason_is_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "unit")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "unit")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    assert main([]) == 1
    assert "region" in capsys.readouterr().err
