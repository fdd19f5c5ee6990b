"""The simulated account's customer library: characters and digital twins, in the spellings listings come in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Character:
    """Somebody to talk to: listings give the id as a number, every other call takes it as a string."""

    number: int
    first_name: str
    last_name: str
    trait: str
    """What the character's replies come back to."""


CHARACTERS = (
    Character(1021, "Mila", "Sommer", "the light over the harbour"),
    Character(1022, "Jonas", "Falk", "old maps"),
    Character(1023, "Aiko", "Tanaka", "the garden behind the house"),
    Character(1024, "Rafael", "Costa", "a good cup of coffee"),
    Character(1025, "Nora", "Lindqvist", "the first snow of the year"),
    Character(1026, "Sam", "Okafor", "a song that will not leave my head"),
)

_TWINS = ((501, CHARACTERS[0], "ready"), (502, CHARACTERS[3], "ready"), (503, CHARACTERS[4], "training"))


def is_listed(character_id: str) -> bool:
    """Tell whether the library has a character of this id."""
    return any(str(character.number) == character_id for character in CHARACTERS)


def find_character(character_id: str) -> Character:
    """Give the character of an id; an id that is not listed gets one of the same people, always the same."""
    for character in CHARACTERS:
        if str(character.number) == character_id:
            return character
    digest = hashlib.sha256(character_id.encode("utf-8", "surrogatepass")).digest()
    return CHARACTERS[digest[0] % len(CHARACTERS)]


def customer_library(portrait_link: Callable[[str], str]) -> dict[str, Any]:
    """Give the listing's body; every other character comes in the older of the two spellings.

    `portrait_link` gives the link to a named character's picture.
    """
    characters: list[dict[str, Any]] = []
    for index, character in enumerate(CHARACTERS):
        link = portrait_link(str(character.number))
        names = {"firstName": character.first_name, "lastName": character.last_name}
        if index % 2 == 0:
            characters.append({"characterId": character.number, **names, "sfwImage": link})
        else:
            characters.append({"cid": character.number, **names, "image_url": link})
    twins = [
        {
            "id": number,
            "characterId": character.number,
            "name": f"{character.first_name} {character.last_name}",
            "alias": character.first_name.lower(),
            "status": status,
            "profilePhotoUrl": portrait_link(str(character.number)),
        }
        for number, character, status in _TWINS
    ]
    return {"success": True, "characters": characters, "digitalTwins": twins}
