"""What the paths of the avatar's routes hold."""

import re

from common.errors import InvalidInputError

_CHARACTER_ID = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)


def require_character_id(value: str) -> str:
    """The character's id from a path.

    Raises:
        InvalidInputError: It is not 1 to 128 letters, digits, `_` and `-`.
    """
    if not _CHARACTER_ID.fullmatch(value):
        raise InvalidInputError("The character id in the path must be 1 to 128 letters, digits, '_' or '-'.")
    return value
