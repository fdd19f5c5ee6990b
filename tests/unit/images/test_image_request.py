"""What partners may ask for, and the sentences they get for what they may not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import InvalidInputError
from common.validation import parse_body
from images.job import PRESETS, ImageRequest, new_job

GOOD = {"character_id": "1234", "prompt": "A beach"}


def parse(**changes: Any) -> ImageRequest:
    return parse_body(ImageRequest, json.dumps({**GOOD, **changes}))


def test_the_least_request_has_plain_defaults() -> None:
    request = parse()
    assert (request.character_id, request.prompt, request.prompt_enhancement) == ("1234", "A beach", False)
    assert request.resolution is request.session_id is request.callback_url is request.metadata is None


def test_a_prompt_is_trimmed_before_it_is_measured() -> None:
    assert parse(prompt="  \n" + "x" * 4000 + " \t").prompt == "x" * 4000


def test_unknown_members_are_ignored() -> None:
    assert not hasattr(parse(colour="red"), "colour")


@pytest.mark.parametrize("preset", PRESETS)
def test_each_preset_is_a_resolution(preset: str) -> None:
    assert parse(resolution=preset).resolution == preset


@given(st.integers(64, 2048), st.integers(64, 2048))
def test_any_size_in_range_is_a_resolution(width: int, height: int) -> None:
    assert parse(resolution=[width, height]).resolution == [width, height]


def test_a_whole_number_may_be_written_with_a_fraction_of_zero() -> None:
    request = parse_body(ImageRequest, '{"character_id": "1", "prompt": "x", "resolution": [512.0, 64]}')
    assert request.resolution == [512, 64]


@pytest.mark.parametrize(
    "resolution",
    [
        "2:1",
        "",
        [63, 64],
        [64, 2049],
        [512],
        [512, 512, 512],
        [True, 512],
        ["512", 512],
        [512.5, 512],
        {"w": 1},
        512,
        [None, 64],
    ],
)
def test_anything_else_is_none(resolution: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"field resolution must be one of 9:16, .* or \[width, height\]"):
        parse(resolution=resolution)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"prompt": "   "}, "prompt needs at least 1"),
        ({"prompt": "x" * 4001}, "prompt may have at most 4000"),
        ({"prompt": 7}, "prompt must be a string"),
        ({"prompt": None}, "prompt must be a string"),
        ({"character_id": 1234}, "character_id must be a string"),
        ({"character_id": ""}, "character_id does not match"),
        ({"character_id": "x" * 129}, "character_id does not match"),
        ({"character_id": "a/b"}, "character_id does not match"),
        ({"character_id": "abc\n"}, "character_id does not match"),
        ({"prompt_enhancement": "yes"}, "prompt_enhancement must be true or false"),
        ({"prompt_enhancement": 1}, "prompt_enhancement must be true or false"),
        ({"session_id": ""}, "session_id needs at least 1"),
        ({"session_id": "x" * 257}, "session_id may have at most 256"),
        ({"callback_url": "https://x/" + "y" * 2048}, "callback_url may have at most 2048"),
        ({"metadata": {str(n): "" for n in range(17)}}, "metadata must be an object with at most 16"),
        ({"metadata": []}, "metadata must be an object"),
        ({"metadata": {"": "x"}}, "metadata has a name"),
        ({"metadata": {"k" * 65: "x"}}, "metadata has a name"),
        ({"metadata": {"k": 1}}, "metadata has a value"),
        ({"metadata": {"k": "v" * 513}}, "metadata has a value"),
    ],
)
def test_each_rule_has_its_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse(**changes)
    assert sentence in refused.value.message


@pytest.mark.parametrize("raw", ["", "{", "nonsense", '{"a": NaN', b"\xff\xfe", '"\\ud800"', "[" * 5000])
def test_what_is_not_json_is_called_so(raw: str | bytes) -> None:
    with pytest.raises(InvalidInputError, match="not valid JSON"):
        parse_body(ImageRequest, raw)


@pytest.mark.parametrize("raw", ["[]", "1", '"text"', "null", "true"])
def test_json_that_is_no_object_is_called_so(raw: str) -> None:
    with pytest.raises(InvalidInputError, match="must be a JSON object"):
        parse_body(ImageRequest, raw)


def test_all_troubles_are_told_at_once() -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse_body(ImageRequest, '{"prompt": 1}')
    assert "character_id is missing" in refused.value.message
    assert "prompt must be a string" in refused.value.message


def test_a_refusal_quotes_nothing_of_the_body() -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse(metadata={"secret-key-name": 1}, resolution="secret-text", callback_url=["secret"])
    assert "secret" not in refused.value.message


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=64),
        st.text(st.characters(exclude_categories=("Cs",)), max_size=512),
        max_size=16,
    )
)
def test_metadata_comes_through_untouched(metadata: dict[str, str]) -> None:
    assert parse(metadata=metadata).metadata == metadata


def test_the_record_of_a_job_holds_no_prompt() -> None:
    job = new_job(
        parse(prompt="very private"), job_id="j", partner_id="p", now=0.0, deadline_seconds=300, retention_days=1
    )
    assert "very private" not in job.model_dump_json()
