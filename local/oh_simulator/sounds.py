"""Small real WAV files in place of spoken notes: a soft melody that the words decide."""

from __future__ import annotations

import array
import hashlib
import io
import math
import sys
import wave

_RATE = 8000
_NOTE_SECONDS = 0.18
_SCALE_HZ = (220.0, 247.5, 277.2, 330.0, 371.3, 440.0, 495.0, 554.4)
_MAX_NOTES = 24


def play_words(words: str) -> bytes:
    """Make a WAV file (mono, 16 bit, 8 kHz) with one note for each word, 24 at most; the same words, the same bytes."""
    digest = hashlib.sha256(words.encode("utf-8", "surrogatepass")).digest()
    notes = [
        _SCALE_HZ[digest[index % len(digest)] % len(_SCALE_HZ)] for index in range(min(len(words.split()), _MAX_NOTES))
    ]
    length = int(_RATE * _NOTE_SECONDS)
    samples = array.array("h")
    for hertz in notes or [_SCALE_HZ[0]]:
        samples.extend(
            int(9000 * math.sin(math.pi * i / length) * math.sin(math.tau * hertz * i / _RATE)) for i in range(length)
        )
    if sys.byteorder == "big":
        samples.byteswap()
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(_RATE)
        sound.writeframes(samples.tobytes())
    return file.getvalue()
