"""Audio notes: a sound for each prompt, kept until the simulator ends or many others came."""

from __future__ import annotations

import threading
import uuid

from local.oh_simulator.sounds import play_words


class AudioNotes:
    """All audio notes of the simulated account; the oldest are forgotten beyond `keep`."""

    def __init__(self, keep: int = 2000) -> None:
        self._keep = keep
        self._notes: dict[str, str] = {}
        self._lock = threading.Lock()

    def create(self, prompt: str) -> str:
        """Make a note; gives its id."""
        note_id = str(uuid.uuid4())
        with self._lock:
            self._notes[note_id] = prompt
            if len(self._notes) > self._keep:
                self._notes.pop(next(iter(self._notes)))
        return note_id

    def sound(self, note_id: str) -> bytes | None:
        """Give a note's WAV file, or None."""
        with self._lock:
            prompt = self._notes.get(note_id)
        return None if prompt is None else play_words(prompt)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._notes.clear()
