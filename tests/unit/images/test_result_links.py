"""Signed links whose stated end is true."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from common import aws
from common.errors import UnavailableError
from images.result_links import LinkSigner

ROLE = "arn:aws:iam::123456789012:role/links"


class Roles:
    """STS whose credentials last as long as a test says."""

    def __init__(self, *seconds: float) -> None:
        self.seconds = list(seconds)
        self.calls = 0

    def assume_role(self, **asked: Any) -> Any:
        self.calls += 1
        expiration = datetime.now(UTC) + timedelta(seconds=self.seconds.pop(0))
        credentials = {"AccessKeyId": f"ASIA{self.calls}", "SecretAccessKey": "s", "SessionToken": "t"}
        return {"Credentials": {**credentials, "Expiration": expiration}}


def signer(roles: Any, seconds: int = 900, **options: Any) -> LinkSigner:
    return LinkSigner("bucket", ROLE, seconds, sts=roles, **options)


def ends(link: Any) -> float:
    end: datetime = datetime.fromisoformat(link.expires_at)
    return (end - datetime.now(UTC)).total_seconds()


def test_a_link_leads_to_the_bucket_in_its_own_region(world: Any) -> None:
    link = signer(Roles(3600)).sign("results/a.png")
    assert urlsplit(link.url).hostname == "bucket.s3.eu-central-1.amazonaws.com"
    assert urlsplit(link.url).path == "/results/a.png"
    assert parse_qs(urlsplit(link.url).query)["X-Amz-Security-Token"] == ["t"]


def test_a_link_ends_when_it_says(world: Any) -> None:
    assert ends(signer(Roles(3600)).sign("k")) == pytest.approx(900, abs=2)


def test_a_link_ends_with_its_credentials_where_these_end_first(world: Any) -> None:
    assert ends(signer(Roles(300)).sign("k")) == pytest.approx(300, abs=2)


def test_credentials_serve_many_links(world: Any) -> None:
    roles = Roles(3600)
    links = signer(roles)
    assert {links.sign("k").url.partition("?")[0] for _ in range(3)}
    assert roles.calls == 1


def test_credentials_too_old_for_a_whole_link_are_renewed(world: Any) -> None:
    roles, clock = Roles(3600, 7200), [datetime.now(UTC)]
    links = signer(roles, now=lambda: clock[0])
    links.sign("k")
    clock[0] += timedelta(seconds=3600 - 899)
    links.sign("k")
    assert roles.calls == 2


def test_the_longest_links_do_not_renew_for_each(world: Any) -> None:
    roles, clock = Roles(3600, 3600), [datetime.now(UTC)]
    links = signer(roles, 3600, now=lambda: clock[0])
    links.sign("k")
    clock[0] += timedelta(seconds=59)
    links.sign("k")
    assert roles.calls == 1
    clock[0] += timedelta(seconds=2)
    links.sign("k")
    assert roles.calls == 2


def test_head_and_get_are_signed_apart(world: Any) -> None:
    links = signer(Roles(3600))
    assert links.sign("k").url != links.sign("k", method="head_object").url


def test_without_the_role_no_link_is_signed(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnavailableError):
        LinkSigner("bucket", "no arn", 900, sts=aws.sts()).sign("k")


def test_an_emulator_is_linked_to_by_path(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "AWS_ENDPOINT_URL", "http://127.0.0.1:5000")
    assert signer(Roles(3600)).sign("k").url.startswith("http://127.0.0.1:5000/bucket/k?")
