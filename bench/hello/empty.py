"""A function that does nothing: what the runtime itself costs."""

from typing import Any


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The entry point."""
    return {"statusCode": 200, "body": "{}"}
