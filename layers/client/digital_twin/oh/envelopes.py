"""Taking answers out of the envelopes (`data`, `result`, `response`) that some of them come in."""

from collections.abc import Collection
from typing import Any

from digital_twin.oh.models import snake_keys

ENVELOPES = ("data", "result", "response")
_MAX_DEPTH = 4


def unwrap(payload: Any, wanted: Collection[str], depth: int = 0) -> Any:
    """Give the fields of an answer, with or without envelopes around them, nested ones too.

    `wanted` names fields (snake_case) of which the answer has at least one. Where the outer level has one, it is the
    answer and an envelope only adds what is missing; otherwise the envelope is the answer and the outer level adds
    (an id beside `data`).
    """
    fields = snake_keys(payload)
    if not isinstance(fields, dict) or depth >= _MAX_DEPTH:
        return fields
    inner: dict[str, Any] = {}
    for name in ENVELOPES:
        content = unwrap(fields.get(name), wanted, depth + 1)
        if isinstance(content, dict):
            inner = content
            break
    outer = {key: value for key, value in fields.items() if key not in ENVELOPES}
    if any(outer.get(name) is not None for name in wanted):
        return inner | _present(outer)
    return outer | _present(inner)


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}
