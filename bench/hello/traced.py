"""AWS's quick start of an API function: a resolver, a logger, metrics and the tracer."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayRestResolver

app = APIGatewayRestResolver()
logger = Logger(service="hello")
tracer = Tracer(service="hello")
metrics = Metrics(namespace="hello", service="hello")


@app.post("/avatars/<character_id>/webhook")
@tracer.capture_method
def hello(character_id: str) -> dict[str, str]:
    """Answers a request."""
    metrics.add_metric(name="Hellos", unit="Count", value=1)
    return {"hello": character_id}


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The entry point."""
    return app.resolve(event, context)
