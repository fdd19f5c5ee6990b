"""Fills in a deployment's secret: ``make secrets ARGS="--stack-name NAME"``.

What is there stays unless told otherwise; what is missing is asked for or generated. Only the key for Trulience's
dashboard is ever printed, as somebody has to paste it there.
"""

import argparse
import base64
import getpass
import json
import os
import secrets
import sys
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError


def complete(current: Mapping[str, Any], *, oh_api_key: str | None, new_trulience_key: bool) -> dict[str, Any]:
    """The secret with everything in it.

    Args:
        current: What it holds now.
        oh_api_key: The key of the OH API, or None to keep the one it has.
        new_trulience_key: Add a new key for Trulience before the latest one, which stays valid meanwhile.

    Raises:
        ValueError: There is no key of the OH API.
    """
    filled = dict(current)
    if oh_api_key:
        filled["oh_api_key"] = oh_api_key
    if not filled.get("oh_api_key"):
        raise ValueError("The secret needs the key of the OH API.")
    held = filled.get("trulience_api_key") or []
    keys = [held] if isinstance(held, str) else list(held)
    if new_trulience_key or not keys:
        keys = [secrets.token_urlsafe(32), *keys[:1]]
    filled["trulience_api_key"] = keys if len(keys) > 1 else keys[0]
    if not str(filled.get("webhook_signing_secret") or "").strip():
        filled["webhook_signing_secret"] = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    return filled


def main(arguments: list[str] | None = None) -> int:
    """Reads, completes and writes the secret; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make secrets", description="Fill in a deployment's secret.")
    parser.add_argument("--stack-name", default="digital-twin", help="the deployed stack (default: digital-twin)")
    parser.add_argument("--new-oh-api-key", action="store_true", help="replace the key of the OH API")
    parser.add_argument("--new-trulience-key", action="store_true", help="add a new key; the latest one stays valid")
    options = parser.parse_args(arguments)
    name = f"{options.stack_name}/api"
    try:
        client = boto3.client("secretsmanager")
        current = json.loads(client.get_secret_value(SecretId=name)["SecretString"])
        asked = options.new_oh_api_key or not current.get("oh_api_key")
        oh_api_key = (os.environ.get("OH_API_KEY") or getpass.getpass("OH API key: ")) if asked else None
        filled = complete(current, oh_api_key=oh_api_key, new_trulience_key=options.new_trulience_key)
        client.put_secret_value(SecretId=name, SecretString=json.dumps(filled))
    except (ClientError, BotoCoreError, ValueError) as error:
        print(f"The secret {name} was not filled in: {error}", file=sys.stderr)
        return 1
    keys = filled["trulience_api_key"]
    print(f"The secret {name} is complete; running functions pick it up within five minutes.")
    print(f"REST Agent API Key for Trulience's dashboard: {keys if isinstance(keys, str) else keys[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
