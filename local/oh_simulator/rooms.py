"""Rooms: where a character and a user talk, and what is remembered of it."""

from __future__ import annotations

import threading
import uuid
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from local.clock import Clock
from local.oh_simulator.conversation import Memory, reply_to
from local.oh_simulator.library import find_character

TextingStyle = Literal["default", "short-form", "long-form"]
TEXTING_STYLES: tuple[TextingStyle, ...] = get_args(TextingStyle)

_KEEP_MESSAGES = 20


@dataclass
class Room:
    """One conversation; its memory is what a new room would lack."""

    room_id: str
    character_id: str
    user_id: str
    created_at: str
    texting_style: TextingStyle = "default"
    memory: Memory = field(default_factory=Memory)


class Rooms:
    """All rooms of the simulated account; the oldest are forgotten beyond `keep`."""

    def __init__(self, clock: Clock, keep: int = 20_000) -> None:
        self._clock = clock
        self._keep = keep
        self._rooms: dict[str, Room] = {}
        self._lock = threading.Lock()

    def create(self, character_id: str, user_id: str, texting_style: TextingStyle = "default") -> Room:
        """Open a room; a second one for the same two people knows nothing of the first."""
        room = Room(str(uuid.uuid4()), character_id, user_id, self._clock.iso(), texting_style)
        with self._lock:
            self._rooms[room.room_id] = room
            if len(self._rooms) > self._keep:
                self._rooms.pop(next(iter(self._rooms)))
        return room

    def find(self, room_id: str) -> Room | None:
        """Give a room, or None."""
        with self._lock:
            return self._rooms.get(room_id)

    def forget(self, room_id: str) -> bool:
        """Delete a room, as if the provider had lost it; False when there is none."""
        with self._lock:
            return self._rooms.pop(room_id, None) is not None

    def set_style(self, room: Room, texting_style: TextingStyle) -> None:
        """Change how long the replies of a room are."""
        with self._lock:
            room.texting_style = texting_style

    def say(self, room: Room, message: str) -> str:
        """Give the character's reply to a message, and remember both."""
        character = find_character(room.character_id)
        with self._lock:
            reply = _in_style(reply_to(message, character, room.memory), room.texting_style)
            room.memory.remember(message, reply, keep=_KEEP_MESSAGES)
        return reply

    def followup(self, room: Room, prompt: str) -> str:
        """Give the line that accompanies a picture made in a room."""
        with self._lock:
            name = room.memory.user_name
        address = f", {name}" if name else ""
        return f"Here is your picture{address}: {prompt}. I hope you like it."

    def read(self) -> list[dict[str, Any]]:
        """Give all rooms as plain data, oldest first."""
        with self._lock:
            return [asdict(room) for room in self._rooms.values()]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._rooms.clear()


def _in_style(sentences: list[str], style: TextingStyle) -> str:
    """Write as many sentences as the style has room for."""
    if style == "short-form":
        return sentences[0]
    if style == "long-form":
        return " ".join(sentences)
    return " ".join(sentences[:2])
