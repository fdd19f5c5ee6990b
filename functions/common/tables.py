"""What every DynamoDB store needs: items to and from Python, errors in domain words, cursors for paging."""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from common.errors import InvalidInputError, UnavailableError


def to_item(values: Mapping[str, Any]) -> dict[str, Any]:
    """A typed DynamoDB item; members that are None are left out.

    Raises:
        TypeError: A value is none of those that JSON has, or a float, of which DynamoDB keeps other digits.
    """
    return {name: _typed(value) for name, value in values.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values of a typed DynamoDB item; numbers come as int where they are whole, else float.

    Raises:
        TypeError: It holds a binary or a set, as no record of the bundle does.
    """
    return {name: _plain(value) for name, value in item.items()}


# boto3's own (de)serialisers come with all of boto3, see `common.aws`.
def _typed(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"S": value}
    # Before numbers: True is an int as well.
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, (int, Decimal)):
        return {"N": str(value)}
    if value is None:
        return {"NULL": True}
    if isinstance(value, Mapping):
        return {"M": {name: _typed(entry) for name, entry in value.items()}}
    if isinstance(value, (list, tuple)):
        return {"L": [_typed(entry) for entry in value]}
    raise TypeError(f"a {type(value).__name__} has no place in a table")


def _plain(typed: Mapping[str, Any]) -> Any:
    [(kind, value)] = typed.items()
    if kind in ("S", "BOOL"):
        return value
    if kind == "N":
        return _number(value)
    if kind == "NULL":
        return None
    if kind == "M":
        return {name: _plain(entry) for name, entry in value.items()}
    if kind == "L":
        return [_plain(entry) for entry in value]
    raise TypeError(f"values of type {kind} are none of ours")


def _number(text: str) -> int | float:
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else float(number)


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
