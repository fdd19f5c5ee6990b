import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_twin.oh.wording import MAX_WORDS, asks_for, parse_json, says_moderated, words

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["error", "message", "detail", "code", "x"]) | st.text(max_size=5), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": "no such room"}, "no such room"),
        ({"message": "no such room"}, "no such room"),
        ({"error": "Bad Request", "message": "no such room"}, "Bad Request"),
        ({"error": "", "message": "no such room"}, "no such room"),
        ({"error": None, "message": "no such room"}, "no such room"),
        ({"error": {"code": "x1", "message": "no such room"}}, "no such room"),
        ({"error": {"code": "x1"}}, "x1"),
        ({"error": ["a", {"msg": "b"}]}, "a; b"),
        ({"error": 17, "message": "no such room"}, "no such room"),
        ({"error": True}, ""),
        ({"detail": [{"loc": ["body", "prompt"], "msg": "Field required"}]}, "Field required"),
        ("plain\n  words", "plain words"),
        ([], ""),
        (None, ""),
    ],
)
def test_finds_the_words_under_any_shape(body, said):
    assert words(body) == said


def test_keeps_words_short():
    assert len(words({"error": "y" * 5000})) == MAX_WORDS


@given(json_values)
def test_no_shape_makes_it_stumble(body):
    assert isinstance(words(body), str)
    assert isinstance(says_moderated(body), bool)
    assert isinstance(asks_for(body, "message"), bool)


@given(st.binary(max_size=60))
def test_no_bytes_make_it_stumble(body):
    value = parse_json(body)
    assert value is None or json.dumps(value)


def test_nesting_without_end_is_no_json():
    assert parse_json(b"[" * 200_000) is None


def test_nesting_without_end_has_no_words():
    body: object = "moderation"
    for _ in range(50):
        body = {"error": [body]}
    assert words(body) == ""
    assert not says_moderated(body)


@pytest.mark.parametrize(
    "body",
    [
        {"error": "Prompt failed moderation"},
        {"error": "Content moderation failed."},
        {"error": "MODERATION"},
        {"message": "This message was moderated"},
        {"error": "Bad Request", "message": "Your prompt was flagged by our filters"},
        {"error": "Invalid prompt", "code": "moderation_failed"},
        {"error": {"code": "content_policy_violation"}},
        {"error": "Bad Request", "errorCode": "MODERATION_BLOCKED"},
        {"error": {"type": "content-policy", "message": "no"}},
        {"error": "The prompt violates our community guidelines"},
        {"error": "Rejected", "suggestion": "Reword it so that it passes moderation"},
        {"error": "Request was rejected by our safety system"},
        {"error": "inappropriate content"},
        {"detail": [{"msg": "content policy"}]},
        "Blocked: policy violation",
    ],
)
def test_hears_that_moderation_said_no(body):
    assert says_moderated(body)


@pytest.mark.parametrize(
    "body",
    [
        {"error": "character_id is required"},
        {"error": "moderator_id missing"},
        {"error": "Missing field: moderator"},
        {"error": "moderation_level must be one of 1, 2, 3"},
        {"error": "moderationLevel is required"},
        {"error": "Invalid resolution", "prompt": "a moderation meeting"},
        {"error": "resolution violates nothing but is too large"},
        {"error": "Unknown room"},
        {},
        None,
        "",
    ],
)
def test_hears_no_moderation_where_there_is_none(body):
    assert not says_moderated(body)


@pytest.mark.parametrize(
    "body",
    [
        {"error": "message is required"},
        {"error": "Missing required field: message"},
        {"message": "Missing required fields: room_id, message"},
        {"error": 'The "message" field is missing'},
        {"detail": [{"loc": ["body", "message"], "msg": "Field required", "type": "missing"}]},
        {"error": "Please provide message"},
        {"errors": {"0": "message: expected string, received undefined"}},
    ],
)
def test_hears_that_a_field_is_missing(body):
    assert asks_for(body, "message")


@pytest.mark.parametrize(
    "body",
    [
        {"error": "room_id is required"},
        {"error": "message_id is required"},
        {"error": "The message is too long"},
        {"message": "room unknown"},
        None,
    ],
)
def test_hears_no_such_complaint_elsewhere(body):
    assert not asks_for(body, "message")
