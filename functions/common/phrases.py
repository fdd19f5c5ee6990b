"""A sentence the avatar speaks, in one language or in several."""

import json
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

DEFAULT_LOCALE = "default"
_HINT = 'write one sentence, or a JSON map such as {"default": "Hello.", "de": "Hallo."}'


class Phrase:
    """One sentence, or one sentence per locale.

    Args:
        texts: Sentences by lower-case locale (``de-at``, ``de``); always has the key ``default``.
    """

    __slots__ = ("_texts",)

    def __init__(self, texts: dict[str, str]) -> None:
        self._texts = texts

    def __repr__(self) -> str:
        return f"Phrase({self._texts!r})"

    def for_locale(self, locale: str | None) -> str:
        """The sentence for a locale such as ``de-AT``: that locale's, else its language's, else the default."""
        wanted = (locale or "").replace("_", "-").lower()
        language = wanted.partition("-")[0]
        for key in (wanted, language):
            if key in self._texts:
                return self._texts[key]
        return self._texts[DEFAULT_LOCALE]

    @classmethod
    def parse(cls, text: str) -> "Phrase":
        """Reads a parameter's value.

        A value that begins with a brace is a map; only placeholders (``{url}``) are excepted.

        Raises:
            ValueError: The map is broken; the message says why.
        """
        stripped = text.strip()
        if not stripped.startswith("{") or stripped.startswith("{url}"):
            return cls({DEFAULT_LOCALE: text})
        try:
            entries = json.loads(stripped)
        except ValueError as error:
            raise ValueError(f"the locale map is not valid JSON ({error}); {_HINT}") from None
        if not isinstance(entries, dict) or not all(isinstance(value, str) for value in entries.values()):
            raise ValueError(f"each locale of the map needs a text in quotes; {_HINT}")
        texts = {key.replace("_", "-").lower(): value for key, value in entries.items()}
        if DEFAULT_LOCALE not in texts:
            raise ValueError(f'the locale map lacks the key "{DEFAULT_LOCALE}"; {_HINT}')
        return cls(texts)


def _to_phrase(value: Any) -> Phrase:
    return value if isinstance(value, Phrase) else Phrase.parse(str(value))


PhraseSetting = Annotated[Any, BeforeValidator(_to_phrase), WithJsonSchema({"type": "string"})]
"""A settings field that holds a `Phrase`."""
