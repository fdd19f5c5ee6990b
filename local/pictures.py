"""Paints pictures from words with the standard library alone: a landscape whose colours and shapes the prompt decides.

The same words, width and height give the same bytes. Every row of a picture is put together from slices of prepared
strips of colour, never pixel by pixel, so that a phone-sized picture takes a fraction of a second.
"""

from __future__ import annotations

import colorsys
import hashlib
import math
import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

Colour = tuple[int, int, int]

MAX_SIDE = 4096
"""The longest side, in pixels, that is painted."""

_HILL_LAYERS = 5
_HALO_RINGS = 14
_WORD_HUES = {
    "sunset": 0.04,
    "autumn": 0.06,
    "fire": 0.02,
    "desert": 0.09,
    "beach": 0.52,
    "sea": 0.55,
    "ocean": 0.56,
    "snow": 0.58,
    "forest": 0.36,
    "garden": 0.30,
    "meadow": 0.28,
    "night": 0.66,
    "space": 0.72,
    "flower": 0.90,
    "rose": 0.93,
}
_DARK_WORDS = ("night", "space", "moon", "star", "dark", "midnight")


def paint_png(words: str, width: int, height: int) -> bytes:
    """Paint the landscape that belongs to some words.

    Args:
        words: what decides colours and shapes; any text.
        width: pixels, 1 to `MAX_SIDE`.
        height: pixels, 1 to `MAX_SIDE`.

    Returns:
        A PNG file, 8 bits per channel, RGB.

    Raises:
        ValueError: a side is out of range.

    """
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise ValueError(f"a picture has sides of 1 to {MAX_SIDE} pixels, not {width} by {height}")
    rows = _paint_rows(_Scene.imagine(words), width, height)
    raw = b"".join(b"\x00" + row for row in rows)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (_png_chunk(b"IHDR", header), _png_chunk(b"IDAT", zlib.compress(raw, 2)), _png_chunk(b"IEND", b""))
    )


def plain_webp(width: int, height: int) -> bytes:
    """Make a lossless WebP file of one colour, of the asked size (1 to 16384 pixels a side).

    Each of the five prefix codes of the VP8L format has a single symbol, so that a pixel costs no bits at all.
    """
    bits = _BitWriter()
    bits.put(width - 1, 14)
    bits.put(height - 1, 14)
    bits.put(0, 1 + 3)  # no alpha, version 0
    bits.put(0, 1 + 1 + 1)  # no transform, no colour cache, no meta prefix codes
    for symbol in (110, 80, 190, 255, 0):  # green, red, blue, alpha, distance
        bits.put(1, 1)  # a simple code
        bits.put(0, 1)  # of one symbol
        bits.put(1, 1)  # written in 8 bits
        bits.put(symbol, 8)
    data = b"\x2f" + bits.done()
    data += b"\x00" * (len(data) % 2)
    chunk = b"VP8L" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def plain_jpeg(width: int, height: int) -> bytes:
    """Make a baseline JPEG file of one grey, of the asked size (1 to 65535 pixels a side).

    With one Huffman code of one bit for "no change" and one for "end of block", a block of 8 by 8 costs two bits.
    """
    blocks = -(-width // 8) * -(-height // 8)
    ones = -(2 * blocks) % 8
    scan = int("0" * (2 * blocks) + "1" * ones, 2).to_bytes((2 * blocks + ones) // 8, "big")
    one_code = bytes([1] + [0] * 15) + b"\x00"
    return b"".join(
        (
            b"\xff\xd8",
            _jpeg_segment(0xE0, b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"),
            _jpeg_segment(0xDB, b"\x00" + b"\x10" * 64),
            _jpeg_segment(0xC0, struct.pack(">BHHBBBB", 8, height, width, 1, 1, 0x11, 0)),
            _jpeg_segment(0xC4, b"\x00" + one_code),
            _jpeg_segment(0xC4, b"\x10" + one_code),
            _jpeg_segment(0xDA, b"\x01\x01\x00\x00\x3f\x00"),
            scan,
            b"\xff\xd9",
        )
    )


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _jpeg_segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


class _BitWriter:
    """Packs numbers least significant bit first."""

    def __init__(self) -> None:
        self._value = 0
        self._count = 0

    def put(self, number: int, bits: int) -> None:
        self._value |= number << self._count
        self._count += bits

    def done(self) -> bytes:
        return self._value.to_bytes((self._count + 7) // 8, "little")


@dataclass(frozen=True)
class _Hill:
    """A wavy ridge: its height above the ground as a share of the picture's, and its colours from ridge to foot."""

    base: float
    waves: tuple[tuple[float, float, float], ...]  # amplitude (share of height), waves per width, phase
    ridge: Colour
    foot: Colour

    def edge(self, width: int, height: int) -> list[float]:
        """The row at which the hill begins, for every column."""
        return [
            height * (1 - self.base - sum(a * math.sin(math.tau * f * x / width + p) for a, f, p in self.waves))
            for x in range(width)
        ]


@dataclass(frozen=True)
class _Scene:
    """What a picture shows, independent of its size."""

    sky: tuple[Colour, Colour, Colour]
    sun_at: tuple[float, float]
    sun_radius: float
    sun: Colour
    hills: tuple[_Hill, ...]
    stars: tuple[tuple[float, float], ...]

    @classmethod
    def imagine(cls, words: str) -> _Scene:
        """Choose a scene: named places and times of day tint it, everything else comes from a hash of the words."""
        lowered = words.lower()
        seed = int.from_bytes(hashlib.sha256(words.encode("utf-8", "surrogatepass")).digest(), "big")
        dice = random.Random(seed)  # noqa: S311 - deterministic on purpose
        named = [hue for word, hue in _WORD_HUES.items() if word in lowered]
        hue = (named[0] if named else dice.random()) + dice.uniform(-0.03, 0.03)
        dark = any(word in lowered for word in _DARK_WORDS) or dice.random() < 0.2
        light = 0.28 if dark else 0.62
        warm = hue + dice.choice((-0.12, 0.1, 0.14))
        sky = (
            _colour(hue, light * 0.75, 0.55),
            _colour((hue + warm) / 2, light, 0.6),
            _colour(warm, min(light + 0.2, 0.86), 0.7),
        )
        stars = tuple((dice.random(), dice.random() * 0.6) for _ in range(90 if dark else 0))
        return cls(
            sky=sky,
            sun_at=(dice.uniform(0.2, 0.8), dice.uniform(0.18, 0.5)),
            sun_radius=dice.uniform(0.07, 0.14),
            sun=_colour(warm, 0.9 if dark else 0.93, 0.5),
            hills=tuple(_hill(dice, layer, hue, sky[2], dark=dark) for layer in range(_HILL_LAYERS)),
            stars=stars,
        )


def _hill(dice: random.Random, layer: int, hue: float, haze: Colour, *, dark: bool) -> _Hill:
    """One ridge; the further it is (a low layer number), the more it takes the colour of the haze."""
    nearness = (layer + 1) / _HILL_LAYERS
    deep = _colour(hue + 0.04 * layer, (0.1 if dark else 0.2) + 0.03 * layer, 0.4)
    waves = tuple(
        (0.055 / octave * dice.uniform(0.5, 1.2), octave * dice.uniform(0.5, 1.4), dice.uniform(0, math.tau))
        for octave in (1, 2.3, 5.1)
    )
    return _Hill(
        base=0.5 - 0.42 * layer / _HILL_LAYERS + dice.uniform(-0.02, 0.02),
        waves=waves,
        ridge=_mix(haze, deep, nearness * 0.85),
        foot=_mix(haze, deep, max(nearness * 0.85 - 0.22, 0.0)),
    )


def _colour(hue: float, lightness: float, saturation: float) -> Colour:
    red, green, blue = colorsys.hls_to_rgb(hue % 1.0, lightness, saturation)
    return round(red * 255), round(green * 255), round(blue * 255)


def _mix(first: Colour, second: Colour, share: float) -> Colour:
    """Blend two colours; a share of 1 is the second."""
    return (
        round(first[0] + (second[0] - first[0]) * share),
        round(first[1] + (second[1] - first[1]) * share),
        round(first[2] + (second[2] - first[2]) * share),
    )


def _paint_rows(scene: _Scene, width: int, height: int) -> list[bytearray]:
    """Paint from the back to the front: sky, stars, halo and sun, hills."""
    rows = list(_sky_rows(scene, width, height))
    for across, down in scene.stars:
        x, y = int(across * (width - 1)), int(down * (height - 1))
        _blend(rows[y], x, (255, 255, 255), 0.25 + 0.6 * ((across * 7919) % 1))
    _paint_sun(rows, scene, width, height)
    for hill in scene.hills:
        _paint_hill(rows, hill, width, height)
    return rows


def _sky_rows(scene: _Scene, width: int, height: int) -> Iterator[bytearray]:
    """Give the sky row by row: one diagonal strip of colour, of which each row shows the next part."""
    slant = max(width // 4, 1)
    length = width + slant + height
    strip = bytearray()
    top, middle, low = scene.sky
    for position in range(length):
        share = min(position / (length - 1) * 1.5, 1.0)
        strip += bytes(_mix(top, middle, share * 2) if share < 0.5 else _mix(middle, low, share * 2 - 1))
    for y in range(height):
        yield strip[3 * y : 3 * (y + width)]


def _paint_sun(rows: list[bytearray], scene: _Scene, width: int, height: int) -> None:
    side = min(width, height)
    x, y = scene.sun_at[0] * width, scene.sun_at[1] * height
    radius = scene.sun_radius * side
    behind = rows[int(y)][3 * int(x) : 3 * int(x) + 3]
    sky = (behind[0], behind[1], behind[2])
    for ring in range(_HALO_RINGS, 0, -1):
        glow = (1 - ring / (_HALO_RINGS + 1)) ** 2
        _paint_disc(rows, x, y, radius * (1 + ring * 0.09), _mix(sky, scene.sun, 0.7 * glow), width)
    _paint_disc(rows, x, y, radius, scene.sun, width)


def _paint_disc(rows: list[bytearray], x: float, y: float, radius: float, colour: Colour, width: int) -> None:
    """Fill a disc, its left and right edge smoothed."""
    paint = bytes(colour)
    for line in range(max(math.ceil(y - radius), 0), min(math.floor(y + radius) + 1, len(rows))):
        half = math.sqrt(max(radius * radius - (line - y) ** 2, 0.0))
        left, right = x - half, x + half
        begin, end = max(math.ceil(left), 0), min(math.floor(right) + 1, width)
        if end <= begin:
            continue
        rows[line][3 * begin : 3 * end] = paint * (end - begin)
        if begin > 0:
            _blend(rows[line], begin - 1, colour, math.ceil(left) - left)
        if end < width:
            _blend(rows[line], end, colour, right - math.floor(right))


def _paint_hill(rows: list[bytearray], hill: _Hill, width: int, height: int) -> None:
    """Fill everything below the ridge, span by span, and smooth the ridge itself."""
    edge = hill.edge(width, height)
    tops = [min(max(math.ceil(value), 0), height) for value in edge]
    crossings: list[list[int]] = [[] for _ in range(height)]
    for x in range(1, width):
        for line in range(min(tops[x - 1], tops[x]), max(tops[x - 1], tops[x])):
            crossings[line].append(x)
    first, last = min(tops), height - 1
    for line in range(first, height):
        paint = bytes(_mix(hill.ridge, hill.foot, (line - first) / max(last - first, 1)))
        inside, begin = tops[0] <= line, 0
        for end in (*crossings[line], width):
            if inside:
                rows[line][3 * begin : 3 * end] = paint * (end - begin)
            inside, begin = not inside, end
    for x, value in enumerate(edge):
        line = tops[x] - 1
        if 0 <= line < height:
            _blend(rows[line], x, hill.ridge, tops[x] - value)


def _blend(row: bytearray, x: int, colour: Colour, share: float) -> None:
    """Lay a colour over one pixel."""
    share = min(max(share, 0.0), 1.0)
    for channel in range(3):
        at = 3 * x + channel
        row[at] += round((colour[channel] - row[at]) * share)
