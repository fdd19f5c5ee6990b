"""Reads and checks the bodies of API calls; whatever is wrong becomes a 400 or 404 with a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from flask import Request

from local.oh_simulator.answers import ApiProblem
from local.oh_simulator.jobs import LONGEST_SIDE, PRESET_SIZES, SMALLEST_SIDE
from local.oh_simulator.rooms import TEXTING_STYLES, TextingStyle

LONGEST_PROMPT = 10_000
LONGEST_ID = 256
_DEFAULT_PRESET = "9:16"


def json_object(request: Request) -> dict[str, Any]:
    """Give the decoded body of a call; it must be a JSON object sent as one."""
    if request.mimetype != "application/json":
        raise ApiProblem(400, "The body must be sent with Content-Type: application/json")
    data = request.get_json(silent=True)
    if not isinstance(data, dict):
        raise ApiProblem(400, "The body must be a JSON object")
    return data


def identifier(data: Mapping[str, Any], key: str) -> str:
    """Give a required id: ids are strings, although listings show some as numbers."""
    value = data.get(key)
    if value is None or value == "":
        raise ApiProblem(400, f"{key} is required")
    if not isinstance(value, str):
        raise ApiProblem(400, f"{key} must be a string")
    if len(value) > LONGEST_ID:
        raise ApiProblem(400, f"{key} must have at most {LONGEST_ID} characters")
    return value


def prompt(data: Mapping[str, Any], *keys: str) -> str:
    """Give a required text from the first of some keys that is there."""
    present = [key for key in keys if data.get(key) is not None]
    if not present:
        raise ApiProblem(400, f"{keys[0]} is required")
    value = data[present[0]]
    if not isinstance(value, str) or not value.strip():
        raise ApiProblem(400, f"{present[0]} must be a text that is not empty")
    if len(value) > LONGEST_PROMPT:
        raise ApiProblem(400, f"{present[0]} must have at most {LONGEST_PROMPT} characters")
    return value


def room_owner(data: Mapping[str, Any], wanted: Literal["any", "user_id", "user_gender"]) -> str:
    """Give the user of a new room: `user_id`, or the legacy `user_gender` in its place; or only the wanted one."""
    if wanted == "user_id" or (wanted == "any" and data.get("user_id") is not None):
        return identifier(data, "user_id")
    gender = user_gender(data)
    if gender is None:
        raise ApiProblem(400, f"{'user_id or ' if wanted == 'any' else ''}user_gender is required")
    return f"user_gender:{gender}"


def user_gender(data: Mapping[str, Any]) -> str | None:
    """Give the legacy field, checked, or None."""
    gender = data.get("user_gender")
    if gender is not None and gender not in ("male", "female"):
        raise ApiProblem(400, "user_gender must be male or female")
    return cast("str | None", gender)


def texting_style(data: Mapping[str, Any], *, required: bool) -> TextingStyle:
    """Give the texting style; `default` where it may be left out and is."""
    style = data.get("texting_style")
    if style is None and not required:
        return "default"
    if style not in TEXTING_STYLES:
        raise ApiProblem(400, f"texting_style must be one of: {', '.join(TEXTING_STYLES)}")
    return cast("TextingStyle", style)


def flag(data: Mapping[str, Any], key: str) -> bool:
    """Give an optional boolean, false when left out."""
    value = data.get(key)
    if value is not None and not isinstance(value, bool):
        raise ApiProblem(400, f"{key} must be true or false")
    return bool(value)


def picture_size(data: Mapping[str, Any]) -> tuple[int, int]:
    """Give width and height in pixels of the asked resolution; 9:16 when none is asked."""
    resolution = data.get("resolution")
    if resolution is None:
        return PRESET_SIZES[_DEFAULT_PRESET]
    if isinstance(resolution, str) and resolution in PRESET_SIZES:
        return PRESET_SIZES[resolution]
    if isinstance(resolution, list) and len(resolution) == 2:
        width, height = resolution
        if all(type(side) is int and SMALLEST_SIDE <= side <= LONGEST_SIDE for side in (width, height)):
            return width, height
    raise ApiProblem(
        400,
        f"resolution must be one of {', '.join(PRESET_SIZES)} or [width, height] with {SMALLEST_SIDE} to "
        f"{LONGEST_SIDE} pixels each",
    )


def web_address(data: Mapping[str, Any], key: str) -> str:
    """Give a required http or https URL."""
    value = data.get(key)
    if value is None:
        raise ApiProblem(400, f"{key} is required")
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ApiProblem(400, f"{key} must be an http or https URL")
    return cast("str", value)


def page_number(arguments: Mapping[str, str], key: str, default: int, highest: int) -> int:
    """Give a number of the query string, from 1."""
    text = arguments.get(key, str(default))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:12]) <= highest):
        raise ApiProblem(400, f"{key} must be a number from 1 to {highest}")
    return int(text)
