"""Registers the deployed webhook at the OH API, lists what is registered, and ends it.

    python -m scripts.register_webhook register --character-uid 1042 --stack-name my-stack
    python -m scripts.register_webhook list
    python -m scripts.register_webhook end 5c1b…

The key comes from the environment variable OH_API_KEY, else from the secret of the stack (``--stack-name``); the API's
address from OH_API_BASE_URL, else from the stack, else the public one. Exit codes: 0 done, 1 the OH API or AWS refused,
2 a wrong command line.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "layers" / "client"))

from digital_twin.oh import (
    CamSession,
    OhApiError,
    OhCamUnavailableError,
    OhClient,
    OhCredentialsError,
)

PUBLIC_API = "https://api.oh.xyz"
PAGE = 50
# Far above what an account holds; a provider that never comes to an end is not followed.
MAX_PAGES = 100


class CommandError(Exception):
    """The command cannot be carried out; the text is a sentence for whoever typed it."""


@dataclass(frozen=True)
class Deployment:
    """What a deployed stack says of itself.

    Attributes:
        webhook_url: The webhook, with ``CHARACTER_ID`` where the character's id belongs.
        api_base_url: The OH API the stack talks to.
        api_key: The key in the stack's secret.
    """

    webhook_url: str
    api_base_url: str
    api_key: str = field(repr=False)


def read_deployment(stack_name: str) -> Deployment:
    """Asks AWS for a stack's outputs, parameters and secret.

    Raises:
        CommandError: AWS cannot be asked, there is no such stack, or it is none of this project.
    """
    # Imported here: everything but this works without AWS.
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        [stack] = boto3.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        parameters = {entry["ParameterKey"]: entry["ParameterValue"] for entry in stack.get("Parameters", [])}
        if "WebhookUrl" not in outputs or "SecretName" not in outputs:
            raise CommandError(f"The stack {stack_name} has no webhook: is it a deployment of this project?")
        secret = boto3.client("secretsmanager").get_secret_value(SecretId=outputs["SecretName"])["SecretString"]
        key = json.loads(secret).get("oh_api_key", "")
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"AWS does not tell about the stack {stack_name}: {error}") from None
    except (ValueError, AttributeError):
        # Nothing of the cause: it may quote the secret.
        raise CommandError(f"The secret of the stack {stack_name} is not the JSON object it should be.") from None
    return Deployment(outputs["WebhookUrl"], parameters.get("OhApiBaseUrl", PUBLIC_API), str(key))


def main(
    arguments: list[str],
    *,
    environ: Mapping[str, str] = os.environ,
    deployment: Callable[[str], Deployment] = read_deployment,
    client: Callable[[str, str], OhClient] | None = None,
) -> int:
    """Runs one command.

    Args:
        arguments: The command line without the program's name.
        environ: The environment variables.
        deployment: Looks a stack up.
        client: Makes a client of the OH API from its address and a key.

    Returns:
        The exit code.
    """
    chosen = _parser().parse_args(arguments)
    try:
        stack = deployment(chosen.stack_name) if chosen.stack_name else None
        chosen.run((client or _client)(*_access(environ, stack)), chosen, stack)
    except OhCamUnavailableError:
        print("This account has no cam endpoints. They are enabled per account: ask OH for them.", file=sys.stderr)
    except OhCredentialsError:
        print("The OH API does not accept the key.", file=sys.stderr)
    except OhApiError as error:
        print(f"The OH API did not do it: {error}", file=sys.stderr)
    except CommandError as error:
        print(error, file=sys.stderr)
    else:
        return 0
    return 1


def _access(environ: Mapping[str, str], stack: Deployment | None) -> tuple[str, str]:
    """The OH API's address and the key for it."""
    key = environ.get("OH_API_KEY") or (stack.api_key if stack else "")
    if not key:
        raise CommandError("No key: set OH_API_KEY, or name the deployment with --stack-name.")
    return environ.get("OH_API_BASE_URL") or (stack.api_base_url if stack else PUBLIC_API), key


def _client(address: str, key: str) -> OhClient:
    return OhClient(address, lambda: key)


def _register(client: OhClient, chosen: argparse.Namespace, stack: Deployment | None) -> None:
    url = chosen.webhook_url or (stack.webhook_url if stack else None)
    if url is None:
        raise CommandError("No webhook: give --webhook-url, or name the deployment with --stack-name.")
    url = url.replace("CHARACTER_ID", chosen.character_uid)
    if urlsplit(url).scheme != "https":
        raise CommandError("The webhook must be an https address, as the provider calls it over the internet.")
    session = client.create_cam_session(chosen.character_uid, url)
    print(f"Registered {url} for {chosen.character_uid}.")
    print(f"Session {session.session_id}, {session.status or 'status not told'}.")
    if session.callback_url:
        print(f"Callback {session.callback_url}")


def _list(client: OhClient, _chosen: argparse.Namespace, _stack: Deployment | None) -> None:
    found: list[CamSession] = []
    for number in range(1, MAX_PAGES + 1):
        page = client.list_cam_sessions(page=number, limit=PAGE)
        found += page.sessions
        if not page.sessions or (len(found) >= page.total if page.total is not None else len(page.sessions) < PAGE):
            break
    for session in found:
        columns: list[Any] = [session.session_id, session.character_uid, session.status, session.created_at]
        print("  ".join(str(column or "-") for column in columns))
    print(f"{len(found)} registered." if found else "Nothing is registered.")


def _end(client: OhClient, chosen: argparse.Namespace, _stack: Deployment | None) -> None:
    client.end_cam_session(chosen.session_id)
    print(f"Ended {chosen.session_id}; the provider sends LOGOUT to its webhook.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="register-webhook", description="Webhooks registered at the OH API.")
    commands = parser.add_subparsers(required=True, metavar="command")
    register = commands.add_parser("register", help="register the webhook for an avatar")
    register.add_argument("--character-uid", required=True, help="the avatar's character")
    register.add_argument("--webhook-url", help="another address than the stack's; CHARACTER_ID in it is replaced")
    register.set_defaults(run=_register)
    listing = commands.add_parser("list", help="list what is registered")
    listing.set_defaults(run=_list)
    end = commands.add_parser("end", help="end a registration")
    end.add_argument("session_id", help="its session id, as list shows it")
    end.set_defaults(run=_end)
    for command in (register, listing, end):
        command.add_argument("--stack-name", help="the deployed stack, for its address and key")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
