"""Reading requests: values in, a sentence for people out where they do not fit."""

import re
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from common.errors import InvalidInputError

DEFAULT_PAGE, MAX_PAGE = 20, 100
"""Entries of a listing's page where nobody asks for a number, and at most: as many as one BatchGetItem returns."""

M = TypeVar("M", bound=BaseModel)

_TYPES = {
    "string_type": "a string",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "dict_type": "an object",
    "list_type": "a list",
}


def parse_body(model: type[M], raw: bytes | str) -> M:
    """A request body as a model.

    Args:
        model: What the body should be.
        raw: The body as it came.

    Raises:
        InvalidInputError: It is no JSON or does not fit; the message has one sentence for each trouble, and quotes
            nothing of the body.
    """
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise InvalidInputError(" ".join(dict.fromkeys(map(_sentence, details[:5])))) from None


def page_limit(text: str | None) -> int:
    """How many entries a page should have, from the query parameter ``limit`` (None where there is none).

    Raises:
        InvalidInputError: It is no whole number in the range.
    """
    if text is None:
        return DEFAULT_PAGE
    if not re.fullmatch(r"[0-9]{1,3}", text, re.ASCII) or not 1 <= int(text) <= MAX_PAGE:
        raise InvalidInputError(f"The parameter limit must be a whole number from 1 to {MAX_PAGE}.")
    return int(text)


def _sentence(detail: Any) -> str:
    kind, context = str(detail["type"]), detail.get("ctx", {})
    if kind == "json_invalid":
        return "The body is not valid JSON."
    if not detail["loc"]:
        return "The body must be a JSON object."
    field = _path(detail["loc"])
    if kind == "missing":
        return f"The field {field} is missing."
    if kind in _TYPES:
        return f"The field {field} must be {_TYPES[kind]}."
    if kind == "string_too_short":
        return f"The field {field} needs at least {context['min_length']} character(s)."
    if kind == "string_too_long":
        return f"The field {field} may have at most {context['max_length']} characters."
    if kind == "string_pattern_mismatch":
        return f"The field {field} does not match {context['pattern']}."
    if kind == "value_error":
        return f"The field {field} {str(detail['msg']).removeprefix('Value error, ')}."
    return f"The field {field} cannot be used: {detail['msg']}."


def _path(location: tuple[str | int, ...]) -> str:
    # A key of a map is the caller's own text and may be anything: only names of fields are repeated.
    return str(location[0])
