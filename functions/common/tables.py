"""What every DynamoDB store needs: items to and from Python, errors in domain words, cursors for paging."""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError

from common.errors import InvalidInputError, UnavailableError

_serializer = TypeSerializer()
_deserializer = TypeDeserializer()


def to_item(values: Mapping[str, Any]) -> dict[str, Any]:
    """A typed DynamoDB item; members that are None are left out."""
    return {name: _serializer.serialize(value) for name, value in values.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values of a typed DynamoDB item; numbers come as int where they are whole, else float."""
    return {name: _plain(_deserializer.deserialize(value)) for name, value in item.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return value


class ConditionFailedError(Exception):
    """A conditional write found the item in another state.

    Args:
        item: The item as it stands, where the write asked for it, else None.
    """

    def __init__(self, item: dict[str, Any] | None) -> None:
        super().__init__("the condition of the write does not hold")
        self.item = item


@contextmanager
def store_errors(what: str) -> Iterator[None]:
    """Turns botocore's errors into the bundle's own: none of them leaves a store.

    Args:
        what: The thing stored, in the plural ("sessions"), for the message.

    Raises:
        ConditionFailedError: The write's condition does not hold.
        UnavailableError: DynamoDB does not answer, refuses or throttles.
    """
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code == "ConditionalCheckFailedException":
            item: Any = error.response.get("Item")
            raise ConditionFailedError(from_item(item) if item else None) from None
        raise UnavailableError(_unavailable(what), code="storage_unavailable", retry_after=2) from error
    except BotoCoreError as error:
        raise UnavailableError(_unavailable(what), code="storage_unavailable", retry_after=2) from error


def _unavailable(what: str) -> str:
    return f"The table of {what} does not answer at the moment. Please try again in a few seconds."


def encode_cursor(key: Mapping[str, str]) -> str:
    """An opaque cursor for the place after which the next page begins."""
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, members: set[str]) -> dict[str, str]:
    """The place a cursor names.

    Args:
        cursor: What the caller sent back.
        members: The members a cursor of this listing has.

    Raises:
        InvalidInputError: It is no cursor of this listing.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        key = json.loads(base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        key = None
    fits = isinstance(key, dict) and set(key) == members and all(isinstance(v, str) and v for v in key.values())
    if not fits:
        raise InvalidInputError("The cursor is not one this listing gave out: send next_cursor back as it was.")
    return {str(name): str(value) for name, value in key.items()}
