"""What a simulated character says: a few rules, no model, always the same for the same conversation.

The replies show what a partner needs to see: that the message arrived, that the character is the right one, and that
the room's context was kept (the user's name, what was said before, how long the talk has been going on).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from local.oh_simulator.library import Character

_NAME = re.compile(r"\b(?:my name is|call me|my name's)\s+([^\W\d_][\w'-]{0,39})", re.IGNORECASE)
_QUOTED_CHARACTERS = 160


@dataclass
class Memory:
    """What a room keeps of its conversation."""

    turns: int = 0
    user_name: str | None = None
    messages: list[str] = field(default_factory=list)
    replies: list[str] = field(default_factory=list)

    def remember(self, message: str, reply: str, *, keep: int) -> None:
        """Take in a turn; only the last `keep` messages and replies stay."""
        self.turns += 1
        self.user_name = name_in(message) or self.user_name
        self.messages = [*self.messages, message][-keep:]
        self.replies = [*self.replies, reply][-keep:]


def name_in(message: str) -> str | None:
    """Give the name by which a message introduces the user, or None."""
    found = _NAME.search(message)
    return found.group(1) if found else None


def reply_to(message: str, character: Character, memory: Memory) -> list[str]:
    """Answer a message with three sentences, the most important one first."""
    name = name_in(message) or memory.user_name
    if answer := _answer_to_known_question(message, character, memory, name):
        first = answer
    else:
        first = _remark(message, character, name)
    return [first, _context(memory), f"It makes me think of {character.trait}."]


def _answer_to_known_question(message: str, character: Character, memory: Memory, name: str | None) -> str | None:
    if name_in(message):
        return f"Lovely to meet you, {name}; I am {character.first_name}."
    rules: Sequence[tuple[str, Callable[[], str]]] = (
        (r"\b(what is|what's|do you know|remember) my name\b", lambda: _your_name(name)),
        (
            r"\b(your name|who are you)\b",
            lambda: f"I am {character.first_name} {character.last_name}{f', {name}' if name else ''}.",
        ),
        (r"\bwhat (did|have) i (just )?(say|said|tell|told)\b|\bdo you remember\b", lambda: _last_words(memory)),
        (r"\bhow (many|often)\b.*\b(messages|turns|times)\b", lambda: f"So far you wrote {memory.turns} times."),
        (r"^\W*(hello|hi|hey|good (morning|evening|day))\W*$", lambda: f"Hello{f', {name}' if name else ''}!"),
        (r"^\W*(bye|goodbye|see you)\W*$", lambda: f"Goodbye{f', {name}' if name else ''}, until next time."),
    )
    for pattern, answer in rules:
        if re.search(pattern, message, re.IGNORECASE):
            return answer()
    return None


def _your_name(name: str | None) -> str:
    return f"Your name is {name}, of course." if name else "You have not told me your name yet."


def _last_words(memory: Memory) -> str:
    if not memory.messages:
        return "You have not said anything before this."
    return f"Before this you said: “{_quote(memory.messages[-1])}”."


def _remark(message: str, character: Character, name: str | None) -> str:
    """Take up the message itself, in one of a few ways that depends on the message and the character."""
    address = f", {name}" if name else ""
    quoted = _quote(message)
    ways = (
        f"“{quoted}”: that is worth a thought{address}.",
        f"You say “{quoted}”, and I like how you put it{address}.",
        f"I keep turning “{quoted}” over in my mind{address}.",
        f"Tell me more about “{quoted}”{address}.",
        f"With “{quoted}” you have my full attention{address}.",
    )
    key = f"{character.number}\n{message}".encode("utf-8", "surrogatepass")
    return ways[hashlib.sha256(key).digest()[0] % len(ways)]


def _context(memory: Memory) -> str:
    if memory.turns == 0:
        return "This is the first thing you tell me here."
    before = _quote(memory.messages[-1], 60)
    return f"This is message {memory.turns + 1} between us; just before came “{before}”."


def _quote(text: str, characters: int = _QUOTED_CHARACTERS) -> str:
    """Shorten a text to one line of at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= characters else line[: characters - 1].rstrip() + "…"
