"""Reading an answer of the OH API into its model."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import ValidationError

from digital_twin.oh import errors
from digital_twin.oh.calls import Call, Received
from digital_twin.oh.envelopes import unwrap
from digital_twin.oh.models import Answer, UnknownJobStatusError

AnswerT = TypeVar("AnswerT", bound=Answer)


def read_answer(
    received: Received,
    model: type[AnswerT],
    call: Call,
    *,
    wanted: tuple[str, ...],
    known: Mapping[str, str] | None = None,
    any_of: tuple[str, ...] = (),
) -> AnswerT:
    """Read an answer, in or out of envelopes; `known` fills in what the call itself named. Raises `OhProtocolError`."""
    fields = unwrap(received.value, wanted)
    if not isinstance(fields, dict):
        raise errors.OhProtocolError(received.status, "the answer is not a JSON object", call.operation)
    if any_of and not any(name in fields for name in any_of):
        raise errors.OhProtocolError(received.status, f"the answer has none of {', '.join(any_of)}", call.operation)
    present = {name: value for name, value in fields.items() if value is not None}
    try:
        return model.model_validate({**(known or {}), **present})
    except ValidationError as error:
        failure = _unexpected(error, received.status, call)
    raise failure  # Outside of the block: pydantic's error holds what came, and with it the words of a conversation.


def _unexpected(error: ValidationError, status: int, call: Call) -> errors.OhProtocolError:
    """Say which fields are wrong, never what they hold."""
    details = error.errors(include_url=False, include_input=False)
    for detail in details:
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, UnknownJobStatusError):
            return errors.OhProtocolError(status, str(cause), call.operation, unknown_status=cause.word)
    places = "; ".join(f"{'.'.join(map(str, detail['loc'])) or 'answer'}: {detail['msg']}" for detail in details[:5])
    return errors.OhProtocolError(status, f"the answer is not as documented: {places}", call.operation)
