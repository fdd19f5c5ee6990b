from pathlib import Path

import botocore.session
import pytest

from common import aws


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A layer's bundle of AWS's roots, in a function that runs in a region of AWS's own partition."""
    file = tmp_path / "aws_roots.pem"
    file.write_text("roots")
    monkeypatch.setattr(aws, "AWS_ROOTS", file)
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    in_region("eu-central-1", monkeypatch)
    return file


def in_region(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    session = botocore.session.Session()
    session.set_config_variable("region", region)
    monkeypatch.setattr(aws, "_session", lambda: session)


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", "ap-southeast-7"])
def test_aws_is_checked_against_its_own_roots(bundle: Path, monkeypatch: pytest.MonkeyPatch, region: str) -> None:
    in_region(region, monkeypatch)

    assert aws.trusted_roots() == str(bundle)


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", "us-iso-east-1", "nowhere"])
@pytest.mark.usefixtures("bundle")
def test_other_partitions_are_checked_against_all_roots(monkeypatch: pytest.MonkeyPatch, region: str) -> None:
    in_region(region, monkeypatch)

    assert aws.trusted_roots() is None


@pytest.mark.usefixtures("bundle")
def test_a_bundle_that_somebody_set_up_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", "/etc/own.pem")

    assert aws.trusted_roots() is None


def test_without_the_layers_bundle_all_roots_count(bundle: Path) -> None:
    bundle.unlink()

    assert aws.trusted_roots() is None


def test_the_roots_reach_the_connections_of_a_client(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "unused")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "unused")

    client = aws.dynamodb.__wrapped__()

    assert client._endpoint.http_session._verify == str(bundle)
