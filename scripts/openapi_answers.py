"""The answers every operation shares: errors of our own, errors of API Gateway, and their examples."""

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

REQUEST_ID = "6f2b1f0e-8d3c-4c1e-9a55-0c1d2e3f4a5b"

RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds after which asking again makes sense.",
        "schema": {"type": "integer", "minimum": 1},
    }
}

ERROR_SCHEMAS: Json = {
    "Error": {
        "title": "Error",
        "type": "object",
        "description": "What is wrong and what to do. More members may be beside these.",
        "required": ["error", "code", "request_id"],
        "properties": {
            "error": {"type": "string", "description": "A sentence for people."},
            "code": {"type": "string", "description": "A stable word for programs."},
            "request_id": {"type": "string", "description": "By which the operator finds the request in the logs."},
        },
        "additionalProperties": True,
    },
    "GatewayError": {
        "title": "GatewayError",
        "type": "object",
        "description": "API Gateway's own answer: the request did not reach the service, or got no answer from it.",
        "required": ["message"],
        "properties": {"message": {"type": ["string", "null"]}},
    },
}

_ERROR = {"$ref": "#/components/schemas/Error"}
_GATEWAY = {"$ref": "#/components/schemas/GatewayError"}

# Code, and the sentence that comes with it.
SENTENCES: Mapping[str, str] = {
    "invalid_request": "The field prompt is missing.",
    "invalid_idempotency_key": "The header Idempotency-Key must be 1 to 255 visible ASCII characters, without blanks.",
    "invalid_callback_url": "The field callback_url must lead to public internet addresses only.",
    "moderation_failed": "Prompt failed moderation: it contains content that is not allowed",
    "not_found": "There is no such job, or it has expired.",
    "session_not_found": "There is no such session: it has ended, or never was.",
    "request_in_progress": "A request with this key is being worked on. Send it again in a moment to get its answer.",
    "not_ready": "The picture is not ready yet.",
    "job_failed": "This job failed, so there is no picture.",
    "nobody_to_notify": "Nobody asked to be told of this job.",
    "no_callback": "This session gave no callback, so its avatar cannot be made to speak.",
    "idempotency_key_reused": (
        "This Idempotency-Key was used for another request in the last 24 hours: send the same body, or a new key."
    ),
    "internal_error": "Something failed on our side. Please try again; if it stays, report the request_id.",
    "upstream_failed": "The OH API failed. Please try again later.",
    "upstream_refused": "The OH API refused this deployment's key. Tell its operator.",
    "upstream_throttled": "The OH API is too busy. Please try again later.",
    "upstream_unreachable": "The OH API cannot be reached. Please try again later.",
    "trulience_refused": "Trulience did not take the message: it answered 500.",
    "trulience_unreachable": "Trulience was not reached, or did not say whether it took the message.",
    "storage_unavailable": "The table of image jobs does not answer at the moment. Please try again in a few seconds.",
    "secrets_unavailable": "The deployment's secret cannot be read at the moment.",
    "unavailable": "Links to pictures cannot be signed at the moment. Please try again in a few seconds.",
    "workflow_not_started": (
        "The provider accepted the job, but its workflow cannot be started at the moment. Send the same request again "
        "with the header Idempotency-Key: order-A-17 to go on with that job without paying again."
    ),
    "submission_unknown": (
        "The provider did not say in time whether it accepted the job: the job may exist and be paid for. "
        "Nothing is repeated on its own; to submit it once more, send a new Idempotency-Key."
    ),
}
_BESIDE: Mapping[str, Json] = {
    "not_ready": {"status": "processing"},
    "workflow_not_started": {
        "job_id": "0b7e4a52-1d0c-4a6e-8f0b-2f6a3c1d9e77",
        "idempotency_key": "order-A-17",
    },
}


def error(description: str, *codes: str, retry_after: bool = False, gateway: bool = False) -> Json:
    """An error answer.

    Args:
        description: When it comes.
        codes: The codes it may have; each gets an example.
        retry_after: Whether it may say when to try again.
        gateway: Whether API Gateway may give it, too, in its own form.
    """
    examples = {
        code: {
            "value": {
                "error": SENTENCES[code],
                "code": "not_found" if code == "session_not_found" else code,
                "request_id": REQUEST_ID,
                **_BESIDE.get(code, {}),
            }
        }
        for code in codes
    }
    schema = {"anyOf": [_ERROR, _GATEWAY]} if gateway else _ERROR
    answer: Json = {
        "description": description,
        "content": {"application/json": {"schema": schema, "examples": examples}},
    }
    if retry_after:
        answer["headers"] = RETRY_AFTER
    return answer


def gateway_error(description: str, message: str) -> Json:
    """An answer that only API Gateway gives."""
    return {
        "description": description,
        "content": {"application/json": {"schema": _GATEWAY, "example": {"message": message}}},
    }


FORBIDDEN = gateway_error("The API key is missing or unknown.", "Forbidden")
TOO_LARGE = gateway_error("The body has more than 10 MB.", "Request Too Long")
THROTTLED = gateway_error("The key's rate or monthly quota is used up.", "Too Many Requests")
INTERNAL = error("A fault on our side.", "internal_error")
UNAVAILABLE = error(
    "A part of this deployment does not answer at the moment.",
    "storage_unavailable",
    "unavailable",
    retry_after=True,
    gateway=True,
)
BAD_GATEWAY = gateway_error("The function behind the route crashed.", "Internal server error")
GATEWAY_TIMEOUT = gateway_error("The function did not answer within 29 seconds.", "Endpoint request timed out")


def with_common(answers: Json, *, key: bool = True, body: bool = False) -> Json:
    """An operation's answers with those any operation may give, in the order of their statuses.

    Args:
        answers: Its own; they win.
        key: Whether it needs an API key.
        body: Whether it takes a body.
    """
    common: Json = {"429": THROTTLED, "500": INTERNAL, "502": BAD_GATEWAY, "503": UNAVAILABLE, "504": GATEWAY_TIMEOUT}
    if key:
        common["403"] = FORBIDDEN
    if body:
        common["413"] = TOO_LARGE
    return dict(sorted({**common, **answers}.items()))
