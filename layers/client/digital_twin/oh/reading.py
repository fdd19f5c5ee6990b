"""Reading an answer of the OH API into its model."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from digital_twin.oh import errors
from digital_twin.oh.calls import Call
from digital_twin.oh.envelopes import unwrap
from digital_twin.oh.models import Answer, UnknownJobStatusError

AnswerT = TypeVar("AnswerT", bound=Answer)


def read_answer(
    answer: Any,
    model: type[AnswerT],
    call: Call,
    *,
    wanted: tuple[str, ...],
    known: Mapping[str, str] | None = None,
    any_of: tuple[str, ...] = (),
) -> AnswerT:
    """Read an answer, in or out of envelopes; `known` fills in what the call itself named. Raises `OhProtocolError`."""
    fields = unwrap(answer, wanted)
    if not isinstance(fields, dict):
        raise errors.OhProtocolError(200, "the answer is not a JSON object", call.operation)
    if any_of and not any(name in fields for name in any_of):
        raise errors.OhProtocolError(200, f"the answer has none of {', '.join(any_of)}", call.operation)
    present = {name: value for name, value in fields.items() if value is not None}
    try:
        return model.model_validate({**(known or {}), **present})
    except ValidationError as error:
        failure = _unexpected(error, call)
    raise failure  # Outside of the block: pydantic's error holds what came, and with it the words of a conversation.


def _unexpected(error: ValidationError, call: Call) -> errors.OhProtocolError:
    """Say which fields are wrong, never what they hold."""
    details = error.errors(include_url=False, include_input=False)
    for detail in details:
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, UnknownJobStatusError):
            return errors.OhProtocolError(200, str(cause), call.operation, unknown_status=cause.word)
    places = "; ".join(f"{'.'.join(map(str, detail['loc'])) or 'answer'}: {detail['msg']}" for detail in details[:5])
    return errors.OhProtocolError(200, f"the answer is not as documented: {places}", call.operation)
