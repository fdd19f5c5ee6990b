"""Finding the provider's words in an error body, whatever shape it has, and reading what they mean.

Documented is `{"error": "…"}`; seen as well are `{"message": …}`, values that are objects or lists, HTML from proxies
and nothing at all. Nothing here raises.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

MAX_WORDS = 500
"""Longest text kept of what the provider says, in characters: enough for a sentence, too little for a page of HTML."""

_SAYING = ("error", "message", "msg", "detail", "details", "errors", "description", "title", "reason", "code")
_MODERATION_KEYS = frozenset({*_SAYING, "type", "suggestion", "error_code", "errorcode"})
_MAX_DEPTH = 6

# "moderation" and "moderated", also inside codes such as moderation_failed, but not the names of settings or people
# (moderator_id, moderation_level): those appear in complaints about missing fields.
_MODERATION = re.compile(
    r"(?<![a-z])moderat(?:ion|ed)(?![a-z])(?!_(?:id|level|mode|settings?|config|key|token|url|webhook|enabled)(?![a-z]))"
    r"|content[ _-]?(?:polic(?:y|ies)|filter)"
    r"|(?<![a-z])flagged(?![a-z])"
    r"|violat\w* .{0,60}?(?:polic(?:y|ies)|guidelines?|terms|rules)"
    r"|(?:polic(?:y|ies)|guidelines?)[ _-]violat"
    r"|safety[ _-](?:system|filter|check|polic)"
    r"|(?:inappropriate|unsafe|prohibited|disallowed)[ _-]content"
)


def parse_json(body: bytes) -> Any:
    """Give the JSON value in `body`, `None` where there is none that can be read."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def words(value: object, depth: int = 0) -> str:
    """Give the text a value holds, at most `MAX_WORDS` characters; empty where there is none.

    A mapping speaks through its `error`, then `message`, then its less usual relatives; a list through all of its
    members.
    """
    if depth > _MAX_DEPTH:
        return ""
    if isinstance(value, str):
        return " ".join(value.split())[:MAX_WORDS]
    if isinstance(value, dict):
        said = (words(value.get(key), depth + 1) for key in _SAYING)
        return next(filter(None, said), "")
    if isinstance(value, list):
        return "; ".join(filter(None, (words(item, depth + 1) for item in value[:20])))[:MAX_WORDS]
    return ""


def says_moderated(body: object) -> bool:
    """Tell whether an error body (its JSON value, or plain text) says that moderation turned the text down."""
    return any(_MODERATION.search(text.lower()) for text in _texts(body, _MODERATION_KEYS))


def asks_for(body: object, field: str) -> bool:
    """Tell whether an error body complains that `field` is missing."""
    complaint = re.compile(
        rf"(?<![a-z_]){re.escape(field)}(?![a-z_]).{{0,80}}(?:missing|required|needed|expected|must)"
        rf"|(?:missing|required?s?|needs?|expected|provide|without).{{0,80}}(?<![a-z_]){re.escape(field)}(?![a-z_])"
    )
    # Validators name the field in one value and the complaint in the next: {"loc": ["body", "message"], "msg": "Field
    # required"}.
    return bool(complaint.search(" ".join(_texts(body, None)).lower()))


def _texts(value: object, keys: frozenset[str] | None, depth: int = 0) -> Iterator[str]:
    """Give the strings in a value, of a mapping only those under `keys` (`None`: all), at most six levels deep."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, str):
        yield value[:MAX_WORDS]
    elif isinstance(value, dict):
        for key, item in value.items():
            if keys is None or str(key).lower() in keys:
                yield from _texts(item, keys, depth + 1)
    elif isinstance(value, list):
        for item in value[:20]:
            yield from _texts(item, keys, depth + 1)
