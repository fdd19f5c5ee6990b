"""Pictures made from words: real files, of the asked size, the same for the same words."""

import struct
import time
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.pictures import MAX_SIDE, paint_png, plain_jpeg, plain_webp


def read_png(data: bytes) -> tuple[int, int, bytes]:
    """Width, height and the unfiltered RGB bytes of a PNG; checks signature and checksums."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    at, chunks = 8, {}
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length)[0] == zlib.crc32(kind + body)
        chunks[kind] = body
        at += 12 + length
    width, height, depth, colour, *_ = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, colour) == (8, 2)
    return width, height, zlib.decompress(chunks[b"IDAT"])


@settings(max_examples=25, deadline=None)
@given(words=st.text(), width=st.integers(1, 200), height=st.integers(1, 200))
def test_any_words_give_a_whole_png_of_the_asked_size(words: str, width: int, height: int) -> None:
    seen_width, seen_height, pixels = read_png(paint_png(words, width, height))

    assert (seen_width, seen_height) == (width, height)
    assert len(pixels) == height * (1 + 3 * width)


def test_the_same_words_give_the_same_bytes() -> None:
    assert paint_png("a heron by the river", 90, 160) == paint_png("a heron by the river", 90, 160)


def test_other_words_give_another_picture() -> None:
    assert paint_png("a heron by the river", 90, 160) != paint_png("a heron by the lake", 90, 160)


def test_a_picture_is_more_than_one_colour() -> None:
    _, _, pixels = read_png(paint_png("portrait", 64, 64))

    assert len({pixels[i : i + 3] for i in range(1, len(pixels) - 3, 193)}) > 20


def test_a_phone_sized_picture_takes_less_than_a_second() -> None:
    begin = time.process_time()
    paint_png("portrait", 1024, 1820)

    assert time.process_time() - begin < 1.0


@pytest.mark.parametrize(("width", "height"), [(0, 10), (10, 0), (MAX_SIDE + 1, 10), (10, MAX_SIDE + 1)])
def test_sides_out_of_range_are_refused(width: int, height: int) -> None:
    with pytest.raises(ValueError, match=r"sides of 1 to \d+ pixels"):
        paint_png("portrait", width, height)


def test_a_jpeg_says_its_size_and_ends() -> None:
    data = plain_jpeg(300, 200)

    assert data.startswith(b"\xff\xd8\xff\xe0")
    assert data.endswith(b"\xff\xd9")
    frame = data.index(b"\xff\xc0")
    assert struct.unpack_from(">HH", data, frame + 5) == (200, 300)


def test_a_webp_says_its_size_and_length() -> None:
    data = plain_webp(300, 200)

    assert data[:4] + data[8:16] == b"RIFFWEBPVP8L"
    assert struct.unpack_from("<I", data, 4)[0] == len(data) - 8
    bits = int.from_bytes(data[21:25], "little")
    assert ((bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1) == (300, 200)
