"""The operations of image jobs."""

from typing import Any

from scripts.openapi_answers import RETRY_AFTER, error, with_common

Json = dict[str, Any]

JOB_ID = "0b7e4a52-1d0c-4a6e-8f0b-2f6a3c1d9e77"
_IMAGE = {
    "url": f"https://results.s3.eu-central-1.amazonaws.com/results/{JOB_ID}.png?X-Amz-Signature=example",
    "expires_at": "2026-08-18T09:45:31Z",
    "content_type": "image/png",
    "bytes": 2516582,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}
QUEUED: Json = {
    "job_id": JOB_ID,
    "status": "queued",
    "created_at": "2026-08-18T09:30:00.123456Z",
    "updated_at": "2026-08-18T09:30:00.123456Z",
    "character_id": "1234",
    "resolution": "16:9",
    "prompt_enhancement": False,
    "callback_url": "https://partner.example/hooks/images",
    "metadata": {"order": "A-17"},
    "notifications": [{"target": "callback", "status": "pending", "attempts": 0}],
}
COMPLETED: Json = {
    **QUEUED,
    "status": "completed",
    "updated_at": "2026-08-18T09:30:31.654321Z",
    "image_prompt": "Walking along a beach at sunset",
    "followup_text": "I wish you were here.",
    "image": _IMAGE,
    "notifications": [
        {"target": "callback", "status": "delivered", "attempts": 1, "updated_at": "2026-08-18T09:30:32.000001Z"}
    ],
}
FAILED: Json = {
    **QUEUED,
    "status": "failed",
    "updated_at": "2026-08-18T09:35:00.500000Z",
    "error": {"code": "timeout", "message": "The picture was not finished in the time a job is given."},
}
_JOB = {"$ref": "#/components/schemas/Job"}
_JOB_ID_PARAMETER = {
    "name": "job_id",
    "in": "path",
    "required": True,
    "description": "The provider's id of the job, as POST /images gave it.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 256},
    "example": JOB_ID,
}
_NOT_FOUND = error("There is no such job of this key, or it has expired.", "not_found")


def _json(schema: Json, **examples: Json) -> Json:
    return {
        "application/json": {"schema": schema, "examples": {name: {"value": value} for name, value in examples.items()}}
    }


def _headed(get: Json, operation_id: str, summary: str) -> Json:
    """The HEAD beside a GET: the same answers without their bodies."""
    answers = {
        status: {name: part for name, part in answer.items() if name != "content"}
        for status, answer in get["responses"].items()
    }
    return {**get, "operationId": operation_id, "summary": summary, "responses": answers}


def _submit() -> Json:
    request = {
        "character_id": "1234",
        "prompt": "Walking along a beach at sunset",
        "resolution": "16:9",
        "callback_url": "https://partner.example/hooks/images",
        "metadata": {"order": "A-17"},
    }
    smallest = {"character_id": "1234", "prompt": "Walking along a beach at sunset"}
    return {
        "operationId": "submitImage",
        "summary": "Submit an image job",
        "description": (
            "The provider screens the prompt before this answers. With an Idempotency-Key a request may be repeated "
            "safely for 24 hours: nothing is paid twice, and every repeat gets the first one's answer."
        ),
        "tags": ["images"],
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "A word of your own for this request, such as your order's number.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]{1,255}$"},
                "example": "order-A-17",
            }
        ],
        "requestBody": {
            "required": True,
            "content": _json({"$ref": "#/components/schemas/ImageRequest"}, whole=request, smallest=smallest),
        },
        "responses": with_common(
            {
                "202": {
                    "description": "The provider accepted the job, and its workflow runs.",
                    "headers": {
                        "Location": {"description": "Where the job is shown.", "schema": {"type": "string"}},
                        **RETRY_AFTER,
                    },
                    "content": _json(_JOB, queued=QUEUED),
                    "links": {"job": {"operationId": "getImage", "parameters": {"job_id": "$response.body#/job_id"}}},
                },
                "400": error(
                    "The request breaks a rule, or the provider's moderation refused the prompt.",
                    "invalid_request",
                    "invalid_idempotency_key",
                    "invalid_callback_url",
                    "moderation_failed",
                ),
                "404": error("The provider does not know the character or the room.", "not_found"),
                "409": error("The same key is in flight.", "request_in_progress", retry_after=True),
                "422": error("The key came with another body before.", "idempotency_key_reused"),
                "502": error(
                    "The provider refused or failed; the job was not accepted.",
                    "upstream_failed",
                    "upstream_refused",
                    "upstream_throttled",
                    "upstream_unreachable",
                    retry_after=True,
                    gateway=True,
                ),
                "503": error(
                    "The job was not submitted (storage_unavailable, secrets_unavailable), or the provider accepted it "
                    "but its workflow cannot be started (workflow_not_started: repeat with the key to go on with it).",
                    "workflow_not_started",
                    "storage_unavailable",
                    "secrets_unavailable",
                    retry_after=True,
                    gateway=True,
                ),
                "504": error("Whether the provider accepted the job is not known.", "submission_unknown", gateway=True),
            },
            body=True,
        ),
        "callbacks": {"ended": {"{$request.body#/callback_url}": {"post": _callback()}}},
    }


def _callback() -> Json:
    def header(name: str, description: str, schema: Json) -> Json:
        return {"name": name, "in": "header", "required": True, "description": description, "schema": schema}

    event = {"type": "image.completed", "timestamp": COMPLETED["updated_at"], "data": COMPLETED}
    failed = {"type": "image.failed", "timestamp": FAILED["updated_at"], "data": FAILED}
    return {
        "operationId": "imageEnded",
        "summary": "A job has ended",
        "description": (
            "Signed by the Standard Webhooks scheme. Up to 8 deliveries within half an hour, with growing gaps, each "
            "with 10 seconds for the answer. Redirects are not followed."
        ),
        "tags": ["images"],
        "security": [],
        "parameters": [
            header("webhook-id", "The same in every delivery of one message.", {"type": "string"}),
            header("webhook-timestamp", "When this delivery was signed, in epoch seconds.", {"type": "integer"}),
            header("webhook-signature", "`v1,` and the signature in base64.", {"type": "string"}),
        ],
        "requestBody": {
            "required": True,
            "content": _json({"$ref": "#/components/schemas/ImageEvent"}, completed=event, failed=failed),
        },
        "responses": {
            "2XX": {"description": "Taken."},
            "410": {"description": "No more deliveries are wanted."},
            "default": {"description": "Anything else is a failure and is repeated."},
        },
    }


def _list() -> Json:
    return {
        "operationId": "listImages",
        "summary": "List your jobs, newest first",
        "tags": ["images"],
        "parameters": [
            {
                "name": "limit",
                "in": "query",
                "description": "How many jobs at most.",
                "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
            },
            {
                "name": "cursor",
                "in": "query",
                "description": "next_cursor of the page before.",
                "schema": {"type": "string", "minLength": 1},
            },
            {
                "name": "status",
                "in": "query",
                "description": "Only jobs in this state.",
                "schema": {"type": "string", "enum": ["queued", "processing", "completed", "failed"]},
            },
        ],
        "responses": with_common(
            {
                "200": {
                    "description": "A page of jobs.",
                    "content": _json(
                        {"$ref": "#/components/schemas/JobList"},
                        page={"jobs": [COMPLETED, FAILED], "next_cursor": None},
                    ),
                },
                "400": error("A parameter breaks a rule.", "invalid_request"),
            }
        ),
    }


def _get() -> Json:
    return {
        "operationId": "getImage",
        "summary": "Show a job",
        "tags": ["images"],
        "parameters": [_JOB_ID_PARAMETER],
        "responses": with_common(
            {
                "200": {
                    "description": "The job. Retry-After is there while it runs.",
                    "headers": RETRY_AFTER,
                    "content": _json(_JOB, queued=QUEUED, completed=COMPLETED, failed=FAILED),
                },
                "404": _NOT_FOUND,
            }
        ),
    }


def _content() -> Json:
    return {
        "operationId": "getImageContent",
        "summary": "Fetch a job's picture",
        "tags": ["images"],
        "parameters": [_JOB_ID_PARAMETER],
        "responses": with_common(
            {
                "302": {
                    "description": "To the picture, by a link signed at this moment.",
                    "headers": {
                        "Location": {
                            "description": "The link; it needs no key and must get none.",
                            "schema": {"type": "string", "format": "uri"},
                        }
                    },
                },
                "404": _NOT_FOUND,
                "409": error("There is no picture, or not yet.", "not_ready", "job_failed", retry_after=True),
            }
        ),
    }


def _notify() -> Json:
    return {
        "operationId": "notifyAgain",
        "summary": "Tell everybody who asked once more",
        "description": "One attempt each: the avatar's session of a completed job, and the callback_url.",
        "tags": ["images"],
        "parameters": [_JOB_ID_PARAMETER],
        "responses": with_common(
            {
                "202": {"description": "The job, with how it went.", "content": _json(_JOB, completed=COMPLETED)},
                "404": _NOT_FOUND,
                "409": error(
                    "The job has not ended, or nobody asked.", "not_ready", "nobody_to_notify", retry_after=True
                ),
            }
        ),
    }


def paths() -> Json:
    """The paths of image jobs."""
    listing, one, content = _list(), _get(), _content()
    return {
        "/images": {
            "post": _submit(),
            "get": listing,
            "head": _headed(listing, "headImages", "List your jobs: headers only"),
        },
        "/images/{job_id}": {"get": one, "head": _headed(one, "headImage", "Show a job: headers only")},
        "/images/{job_id}/content": {
            "get": content,
            "head": _headed(content, "headImageContent", "Find a job's picture, by a link that is for HEAD"),
        },
        "/images/{job_id}/notifications": {"post": _notify()},
    }
