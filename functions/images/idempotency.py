"""Answering a repeated request with the first one's answer: Powertools' idempotency on DynamoDB."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyInconsistentStateError,
    IdempotencyPersistenceLayerError,
    IdempotencyValidationError,
)

from common import aws, settings
from common.errors import ConflictError, InvalidInputError, KeyReusedError, UnavailableError
from common.observability import describe, logger
from images.submission_ledger import KEPT_SECONDS

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

HEADER = "Idempotency-Key"
IN_FLIGHT_RETRY_SECONDS = 2
_KEY = re.compile(r"[!-~]{1,255}")

Answer = dict[str, Any]


def key_of(headers: Mapping[str, str]) -> str | None:
    """The idempotency key a request brings, None where it brings none.

    Raises:
        InvalidInputError: It is not 1 to 255 visible ASCII characters.
    """
    given = next((value for name, value in headers.items() if name.lower() == HEADER.lower()), None)
    if given is None:
        return None
    if not _KEY.fullmatch(given):
        raise InvalidInputError(
            f"The header {HEADER} must be 1 to 255 visible ASCII characters, without blanks.",
            code="invalid_idempotency_key",
        )
    return given


def key_reused() -> KeyReusedError:
    """The refusal of a key that came with another body before."""
    return KeyReusedError(
        f"This {HEADER} was used for another request in the last 24 hours: send the same body, or a new key."
    )


@cache
def _persistence() -> DynamoDBPersistenceLayer:
    return DynamoDBPersistenceLayer(
        settings.read(settings.SubmissionSettings).idempotency_table, boto3_client=aws.dynamodb()
    )


def answer_once(
    partner_id: str, key: str, body: Mapping[str, Any], context: "LambdaContext", answer: Callable[[], Answer]
) -> Answer:
    """The answer to a request, worked out at most once in 24 hours for a partner's key.

    Args:
        partner_id: Whose key it is.
        key: The idempotency key.
        body: What was asked for; must be the same each time.
        context: Says how long this function may still run: a call that dies blocks the key no longer than that.
        answer: Works the answer out. What it raises is not remembered.

    Raises:
        ConflictError: The same request is being worked on.
        KeyReusedError: The key came with another body.
        UnavailableError: DynamoDB does not answer; nothing was done.
    """
    # What was worked out stands, even if it cannot be remembered.
    done: list[Answer] = []
    failed: list[Exception] = []

    def run(*, data: Mapping[str, Any]) -> Answer:  # noqa: ARG001 - read by Powertools, by its name
        try:
            done.append(answer())
        except Exception as error:
            failed.append(error)
            raise
        return done[0]

    config = IdempotencyConfig(
        event_key_jmespath="[partner_id, key]",
        payload_validation_jmespath="body",
        raise_on_no_idempotency_key=True,
        expires_after_seconds=KEPT_SECONDS,
        hash_function="sha256",
        lambda_context=context,
    )
    once = idempotent_function(
        run, data_keyword_argument="data", persistence_store=_persistence(), config=config, key_prefix="answer"
    )
    try:
        answered: Answer = once(data={"partner_id": partner_id, "key": key, "body": dict(body)})
    except IdempotencyValidationError:
        raise key_reused() from None
    except (IdempotencyAlreadyInProgressError, IdempotencyInconsistentStateError):
        raise ConflictError(
            "A request with this key is being worked on. Send it again in a moment to get its answer.",
            code="request_in_progress",
            retry_after=IN_FLIGHT_RETRY_SECONDS,
        ) from None
    except IdempotencyPersistenceLayerError as error:
        logger().error("the idempotency table does not answer", extra=describe(error))
        if done:
            return done[0]
        if failed:
            raise failed[0] from None
        raise UnavailableError(
            "Requests with an idempotency key cannot be taken at the moment; nothing was submitted.",
            code="storage_unavailable",
            retry_after=2,
        ) from error
    return answered
