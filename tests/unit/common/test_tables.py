"""Items, cursors, and DynamoDB's errors in the bundle's own words."""

import base64
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from common.errors import InvalidInputError, UnavailableError
from common.tables import ConditionFailedError, decode_cursor, encode_cursor, from_item, store_errors, to_item

plain = st.recursive(
    st.text() | st.integers(-(10**30), 10**30) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(min_size=1), plain))
def test_values_come_back_as_they_were(values: dict[str, Any]) -> None:
    assert from_item(to_item(values)) == values


def test_what_is_none_is_left_out() -> None:
    assert to_item({"a": None, "b": "x"}) == {"b": {"S": "x"}}


def test_fractions_come_back_as_such() -> None:
    assert from_item({"n": {"N": "1.5"}, "whole": {"N": "2.0"}}) == {"n": 1.5, "whole": 2}


@given(st.dictionaries(st.sampled_from(["id", "at", "kind"]), st.text(min_size=1), min_size=1))
def test_a_cursor_comes_back_as_it_was(key: dict[str, str]) -> None:
    cursor = encode_cursor(key)
    assert cursor.isascii()
    assert not set(cursor) & set("=+/& ")
    assert decode_cursor(cursor, set(key)) == key


def _encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "é",
        "not base64!",
        _encoded([]),
        _encoded("id"),
        _encoded({}),
        _encoded({"id": "1"}),
        _encoded({"id": "1", "at": ""}),
        _encoded({"id": "1", "at": 2}),
        _encoded({"id": "1", "at": "2", "more": "3"}),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    ],
)
def test_another_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInputError, match="next_cursor"):
        decode_cursor(cursor, {"id", "at"})


@given(st.text())
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    try:
        key = decode_cursor(text, {"id"})
    except InvalidInputError:
        return
    assert set(key) == {"id"}


def _failing(error: Exception) -> None:
    with store_errors("things"):
        raise error


def test_a_failed_condition_carries_the_item() -> None:
    details: Any = {"Error": {"Code": "ConditionalCheckFailedException"}, "Item": {"id": {"S": "x"}}}
    with pytest.raises(ConditionFailedError) as failure:
        _failing(ClientError(details, "PutItem"))
    assert failure.value.item == {"id": "x"}


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "ThrottlingException", "Message": "secret words"}}, "GetItem"),
        ClientError({}, "GetItem"),
        ReadTimeoutError(endpoint_url="https://dynamodb"),
    ],
)
def test_other_trouble_is_an_outage_of_the_table(error: Exception) -> None:
    with pytest.raises(UnavailableError, match="table of things does not answer") as failure:
        _failing(error)
    assert "secret words" not in failure.value.message
    assert failure.value.code == "storage_unavailable"
