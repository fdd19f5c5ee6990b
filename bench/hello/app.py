"""What a start is compared with: the smallest API function that has a resolver, a logger and metrics."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayRestResolver

app = APIGatewayRestResolver()
logger = Logger(service="hello")
metrics = Metrics(namespace="hello", service="hello")


@app.post("/avatars/<character_id>/webhook")
def hello(character_id: str) -> dict[str, str]:
    """Answers a request."""
    metrics.add_metric(name="Hellos", unit="Count", value=1)
    return {"hello": character_id}


@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The entry point."""
    return app.resolve(event, context)
