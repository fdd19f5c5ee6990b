"""What the avatar says, by locale."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.phrases import Phrase

LOCALES = '{"default": "Hello.", "de": "Hallo.", "de-CH": "Grüezi.", "PT_br": "Olá."}'


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        (None, "Hello."),
        ("", "Hello."),
        ("en-US", "Hello."),
        ("de", "Hallo."),
        ("de-AT", "Hallo."),
        ("DE_at", "Hallo."),
        ("de-CH", "Grüezi."),
        ("de_ch", "Grüezi."),
        ("pt-BR", "Olá."),
        ("pt", "Hello."),
        ("default", "Hello."),
        ("deutsch", "Hello."),
    ],
)
def test_the_locale_decides_then_its_language_then_the_default(locale: str | None, said: str) -> None:
    assert Phrase.parse(LOCALES).for_locale(locale) == said


@pytest.mark.parametrize("text", ["Hello.", "", "  ", "Look: {url}", "{url} is here", '"quoted"', "[1]", "null"])
def test_a_sentence_is_said_as_it_is_in_every_locale(text: str) -> None:
    assert Phrase.parse(text).for_locale("de-AT") == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "not valid JSON"),
        ('{"default": "Hello."', "not valid JSON"),
        ("{hello}", "not valid JSON"),
        ("{'default': 'Hello.'}", "not valid JSON"),
        ('{"default": 5}', "in quotes"),
        ('{"default": null}', "in quotes"),
        ('{"default": {"de": "x"}}', "in quotes"),
        ("{}", 'lacks the key "default"'),
        ('{"de": "Hallo."}', 'lacks the key "default"'),
        (' {"de": "Hallo."} ', 'lacks the key "default"'),
    ],
)
def test_a_broken_map_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Phrase.parse(text)


@given(
    texts=st.dictionaries(st.from_regex(r"[a-z]{2}(-[A-Z]{2})?", fullmatch=True), st.text()),
    default=st.text(),
    locale=st.text(max_size=8) | st.none(),
)
def test_whatever_the_locale_something_of_the_map_is_said(
    texts: dict[str, str], default: str, locale: str | None
) -> None:
    phrase = Phrase.parse(json.dumps({"default": default, **texts}))
    assert phrase.for_locale(locale) in {default, *texts.values()}
    for known, text in texts.items():
        assert phrase.for_locale(known) == text
