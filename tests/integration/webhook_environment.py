"""What the webhook function is started with under Lambda's own runtime client, and events for it."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.integration.outside import Outside
from tests.stack_fixture import ROOT, RunningStack

CODE = [ROOT / "functions", ROOT / "layers" / "client"]


def variables(stack: RunningStack, outside: Outside, **changes: str) -> dict[str, str]:
    """What the function is configured with: the stack's tables and secret, another outside world."""
    tables = stack.aws("dynamodb").list_tables()["TableNames"]
    return {
        "AWS_ENDPOINT_URL": stack.aws_endpoint_url,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "EMBEDDED_STACK": "true",
        "SECRET_ARN": stack.aws("secretsmanager").list_secrets()["SecretList"][0]["ARN"],
        "OH_API_BASE_URL": outside.url,
        "SESSIONS_TABLE": next(name for name in tables if "Sessions" in name),
        "ROOMS_TABLE": next(name for name in tables if "Rooms" in name),
        "SESSION_TTL_SECONDS": "600",
        "CHAT_DEADLINE_SECONDS": "0.6",
        "CALLBACK_HOSTS": "trulience.com",
        "GREETING": "Hello.",
        "GREETING_RETURNING": "Welcome back.",
        "APOLOGY_REPLY": "Sorry.",
        "MODERATED_REPLY": "No.",
        "FILLER_REPLY": "",
        "POWERTOOLS_METRICS_NAMESPACE": "Tests",
        "POWERTOOLS_SERVICE_NAME": "webhook",
        **changes,
    }


def event_maker(stack: RunningStack, outside: Outside, session_id: str) -> Callable[..., dict[str, Any]]:
    """Gives a function that makes proxy events of one session, received now."""

    def make(action: str, **fields: Any) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(
            (Path(ROOT) / "events" / "avatar" / f"webhook_{action.lower()}.json").read_text()
        )
        body = json.loads(event["body"]) | {"sessionId": session_id, "userId": f"user of {session_id}"}
        if action == "LOGIN":
            body["callbackUrl"] = f"{outside.url}/tglisten"
        event["body"] = json.dumps(body | fields)
        event["headers"]["Authorization"] = f"Bearer {stack.trulience_api_key}"
        event["requestContext"]["requestTimeEpoch"] = int(time.time() * 1000)
        return event

    return make
