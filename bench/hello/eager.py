"""The webhook's libraries as they are commonly used: everything imported and built where the module begins.

Each request is served by an own HTTP client and a boto3 resource, and validated by the resolver.
"""

import os
from typing import Any

import boto3
import httpx
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig
from aws_lambda_powertools.utilities.parameters import get_secret
from pydantic import BaseModel

logger, tracer, metrics = Logger(), Tracer(), Metrics()
app = APIGatewayRestResolver(enable_validation=True)
clients = [boto3.client(name) for name in ("dynamodb", "s3", "secretsmanager", "stepfunctions", "sts")]
sessions = boto3.resource("dynamodb").Table(os.environ["SESSIONS_TABLE"])
persistence = DynamoDBPersistenceLayer("idempotency"), IdempotencyConfig()


class Chat(BaseModel):
    """A CHAT."""

    sessionId: str  # noqa: N815 - the platform's name
    message: str


@app.post("/avatars/<character_id>/webhook")
@tracer.capture_method
def webhook(character_id: str, chat: Chat) -> dict[str, str]:
    """Answers a request."""
    secret = get_secret(os.environ["SECRET_ARN"], transform="json")
    session = sessions.update_item(
        Key={"session_id": chat.sessionId, "character_id": character_id},
        UpdateExpression="ADD turn :one",
        ExpressionAttributeValues={":one": 1},
        ReturnValues="ALL_NEW",
    )["Attributes"]
    with httpx.Client(base_url=os.environ["OH_API_BASE_URL"]) as client:
        reply = client.post(
            "/api/v1/text",
            json={"room_id": session["room_id"], "prompt": chat.message},
            headers={"X-API-Key": secret["oh_api_key"]},
        )
    metrics.add_metric(name="Replies", unit="Count", value=1)
    return {"sessionId": chat.sessionId, "reply": reply.json()["content"], "status": "OK"}


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The entry point."""
    return app.resolve(event, context)
