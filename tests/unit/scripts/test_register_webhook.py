"""Registering, listing and ending webhooks at the OH API from the command line."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import httpx
import pytest
from moto import mock_aws

from digital_twin.oh import OhClient
from scripts.register_webhook import CommandError, Deployment, main, read_deployment

DEPLOYMENT = Deployment("https://api.test/prod/avatars/CHARACTER_ID/webhook", "https://oh.test", "stack-key")


class Provider:
    """The cam endpoints of an account; `answer` stands in for all of them when it is given."""

    def __init__(self, answer: httpx.Response | None = None, registered: int = 0) -> None:
        self.answer, self.requests = answer, []  # type: httpx.Response | None, list[httpx.Request]
        self.sessions = [
            {"session_id": f"cam-{number}", "character_uid": "7", "status": "active", "created_at": "2026-08-01"}
            for number in range(registered)
        ]
        self.addresses: list[tuple[str, str]] = []

    def client(self, address: str, key: str) -> OhClient:
        self.addresses.append((address, key))
        return OhClient(address, lambda: key, transport=httpx.MockTransport(self.handle), sleep=lambda _: None)

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.answer is not None:
            return self.answer
        if request.method == "POST":
            return httpx.Response(
                201, json={"session_id": "cam-1", "callback_url": "https://cb.test", "status": "active"}
            )
        if request.method == "DELETE":
            return httpx.Response(200, json={"message": "ended", "session_id": request.url.path.rpartition("/")[2]})
        page, limit = (int(request.url.params[name]) for name in ("page", "limit"))
        shown = self.sessions[(page - 1) * limit : page * limit]
        return httpx.Response(200, json={"sessions": shown, "total": len(self.sessions), "page": page, "limit": limit})


def run(provider: Provider, *arguments: str, environ: dict[str, str] | None = None) -> int:
    key = {"OH_API_KEY": "key-1"} if environ is None else environ
    return main(list(arguments), environ=key, deployment=lambda _name: DEPLOYMENT, client=provider.client)


def test_the_stacks_webhook_is_registered_for_the_character(capsys: pytest.CaptureFixture[str]) -> None:
    provider = Provider()
    assert run(provider, "register", "--character-uid", "1042", "--stack-name", "mine", environ={}) == 0
    assert json.loads(provider.requests[0].content) == {
        "character_uid": "1042",
        "webhook_url": "https://api.test/prod/avatars/1042/webhook",
    }
    assert provider.addresses == [("https://oh.test", "stack-key")]
    printed = capsys.readouterr()
    assert "cam-1" in printed.out
    assert "stack-key" not in printed.out + printed.err


def test_the_environment_comes_before_the_stack() -> None:
    provider = Provider()
    environ = {"OH_API_KEY": "mine", "OH_API_BASE_URL": "https://other.test"}
    assert run(provider, "list", "--stack-name", "mine", environ=environ) == 0
    assert provider.addresses == [("https://other.test", "mine")]


def test_another_address_may_be_given() -> None:
    provider = Provider()
    url = "https://my.example/avatars/CHARACTER_ID/webhook"
    assert run(provider, "register", "--character-uid", "7", "--webhook-url", url) == 0
    assert json.loads(provider.requests[0].content)["webhook_url"] == "https://my.example/avatars/7/webhook"
    assert provider.addresses == [("https://api.oh.xyz", "key-1")]


@pytest.mark.parametrize(
    ("arguments", "environ", "says"),
    [
        (["list"], {}, "No key"),
        (["register", "--character-uid", "7"], None, "No webhook"),
        (["register", "--character-uid", "7", "--webhook-url", "http://x/y"], None, "https"),
    ],
)
def test_what_is_missing_is_said(
    arguments: list[str], environ: dict[str, str] | None, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    provider = Provider()
    assert run(provider, *arguments, environ=environ) == 1
    assert says in capsys.readouterr().err
    assert provider.requests == []


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (httpx.Response(403, json={"message": "Unknown endpoint"}), "no cam endpoints"),
        (httpx.Response(401, json={"error": "bad key"}), "does not accept the key"),
        (httpx.Response(400, json={"error": "character_uid is unknown"}), "character_uid is unknown"),
    ],
)
@pytest.mark.parametrize(
    "arguments",
    [["list"], ["end", "cam-1"], ["register", "--character-uid", "7", "--webhook-url", "https://x.example/y"]],
)
def test_a_refusal_is_told_plainly(
    answer: httpx.Response, says: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(Provider(answer), *arguments) == 1
    printed = capsys.readouterr().err
    assert says in printed
    assert "key-1" not in printed


@pytest.mark.parametrize("registered", [0, 1, 50, 120])
def test_all_pages_are_listed(registered: int, capsys: pytest.CaptureFixture[str]) -> None:
    provider = Provider(registered=registered)
    assert run(provider, "list") == 0
    printed = capsys.readouterr().out
    assert sum(1 for line in printed.splitlines() if line.startswith("cam-")) == registered
    assert len(provider.requests) == max(1, -(-registered // 50))


def test_a_registration_is_ended(capsys: pytest.CaptureFixture[str]) -> None:
    provider = Provider()
    assert run(provider, "end", "cam-9") == 0
    assert (provider.requests[0].method, provider.requests[0].url.path) == ("DELETE", "/api/v1/cam/sessions/cam-9")
    assert "cam-9" in capsys.readouterr().out


def test_a_wrong_command_line_ends_with_2() -> None:
    with pytest.raises(SystemExit) as exit_:
        run(Provider(), "dance")
    assert exit_.value.code == 2


@pytest.fixture
def deploy(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")

    def make(outputs: dict[str, str], secret: str) -> None:
        template = {
            "Parameters": {"OhApiBaseUrl": {"Type": "String", "Default": "https://oh.test"}},
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {name: {"Value": value} for name, value in outputs.items()},
        }
        boto3.client("cloudformation").create_stack(StackName="mine", TemplateBody=json.dumps(template))
        boto3.client("secretsmanager").create_secret(Name="mine/api", SecretString=secret)

    with mock_aws():
        yield make


Deploy = Callable[[dict[str, str], str], None]


def test_a_stack_tells_its_address_and_key(deploy: Deploy) -> None:
    deploy({"WebhookUrl": "https://api.test/w", "SecretName": "mine/api"}, '{"oh_api_key": "stack-key"}')
    assert read_deployment("mine") == Deployment("https://api.test/w", "https://oh.test", "stack-key")
    assert "stack-key" not in repr(read_deployment("mine"))


def test_a_stack_of_something_else_is_refused(deploy: Deploy) -> None:
    deploy({"Other": "x"}, "{}")
    with pytest.raises(CommandError, match="is it a deployment of this project"):
        read_deployment("mine")


def test_a_stack_that_is_not_there_is_said_so(deploy: Deploy) -> None:
    with pytest.raises(CommandError, match="AWS does not tell about the stack nowhere"):
        read_deployment("nowhere")


@pytest.mark.parametrize("secret", ["words of the secret", "[1]"])
def test_a_malformed_secret_is_not_repeated(deploy: Deploy, secret: str) -> None:
    deploy({"WebhookUrl": "https://api.test/w", "SecretName": "mine/api"}, secret)
    with pytest.raises(CommandError, match="not the JSON object") as failure:
        read_deployment("mine")
    assert secret not in str(failure.value)
