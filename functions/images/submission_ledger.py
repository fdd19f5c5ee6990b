"""What was submitted under which idempotency key, so that nothing is paid twice even when a function dies half-way.

Powertools' idempotency remembers answers; it forgets a call that died. The ledger remembers that the provider was about
to be asked, and afterwards what it accepted. Both live in the same table, under prefixes of their own.
"""

import hashlib
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.tables import ConditionFailedError, from_item, store_errors, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT_SECONDS = 24 * 3600
"""How long an idempotency key is remembered, by the ledger and by Powertools alike."""
_WHAT = "submissions"


@dataclass(frozen=True)
class Entry:
    """A submission under an idempotency key.

    Attributes:
        body_hash: Of the request that came with the key.
        accepted: Whether the provider is known to have accepted it.
        answer: What the caller is told, as JSON; once accepted.
        job_id: The provider's id; once accepted.
        execution_input: What the workflow begins with, as JSON; once accepted.
    """

    body_hash: str
    accepted: bool
    job_id: str = ""
    answer: str = ""
    execution_input: str = ""


@dataclass(frozen=True)
class Slot:
    """The place in the ledger of one partner's key; `attempt` tells this call's entry from an earlier one's."""

    id: str
    attempt: str


def slot(partner_id: str, key: str) -> Slot:
    """The place of a key. Two partners' equal keys have nothing to do with each other."""
    digest = hashlib.sha256(json.dumps([partner_id, key]).encode()).hexdigest()
    return Slot(f"submission#{digest}", uuid.uuid4().hex)


class SubmissionLedger:
    """The ledger's part of the idempotency table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def open(self, place: Slot, body_hash: str, now: float) -> Entry | None:
        """Notes that the provider is about to be asked.

        Returns:
            None where the way is free, else the entry of an earlier call, which stays as it is.

        Raises:
            UnavailableError: DynamoDB does not answer; nothing may be asked then.
        """
        item = {
            "id": place.id,
            "state": "asking",
            "attempt": place.attempt,
            "body_hash": body_hash,
            "expiration": int(now) + KEPT_SECONDS,
        }
        try:
            with store_errors(_WHAT):
                self._client.put_item(
                    TableName=self._table,
                    Item=to_item(item),
                    # Deletion by TTL lags for days: an entry past its time does not count.
                    ConditionExpression="attribute_not_exists(id) OR expiration < :now",
                    ExpressionAttributeValues=to_item({":now": int(now)}),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ConditionFailedError as conflict:
            found = conflict.item or self._read(place)
            # A write whose answer was lost is repeated by the SDK and then meets itself.
            return None if found.get("attempt") == place.attempt else _entry(found)
        return None

    def accept(self, place: Slot, entry: Entry, now: float) -> None:
        """Notes what the provider accepted.

        Raises:
            UnavailableError: DynamoDB does not answer.
        """
        item = {
            "id": place.id,
            "state": "accepted",
            "attempt": place.attempt,
            "body_hash": entry.body_hash,
            "job_id": entry.job_id,
            "answer": entry.answer,
            "execution_input": entry.execution_input,
            "expiration": int(now) + KEPT_SECONDS,
        }
        with store_errors(_WHAT):
            self._client.put_item(TableName=self._table, Item=to_item(item))

    def release(self, place: Slot) -> None:
        """Frees the key: the provider has not accepted anything.

        Raises:
            UnavailableError: DynamoDB does not answer.
        """
        try:
            with store_errors(_WHAT):
                self._client.delete_item(
                    TableName=self._table,
                    Key=to_item({"id": place.id}),
                    ConditionExpression="attempt = :attempt",
                    ExpressionAttributeValues=to_item({":attempt": place.attempt}),
                )
        except ConditionFailedError:
            return

    def _read(self, place: Slot) -> dict[str, Any]:
        with store_errors(_WHAT):
            answer = self._client.get_item(TableName=self._table, Key=to_item({"id": place.id}), ConsistentRead=True)
        return from_item(answer.get("Item", {}))


def _entry(item: dict[str, Any]) -> Entry:
    return Entry(
        body_hash=str(item.get("body_hash", "")),
        accepted=item.get("state") == "accepted",
        job_id=str(item.get("job_id", "")),
        answer=str(item.get("answer", "")),
        execution_input=str(item.get("execution_input", "")),
    )
