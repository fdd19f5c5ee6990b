"""Copying results: whole or not at all, in one pass, and only what may be stored."""

import hashlib
import io
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from digital_twin.deadline import Deadline
from images import result_download
from images.job import StoredImage
from images.result_download import (
    CountedBody,
    DeadLinkError,
    Limits,
    ResultRefusedError,
    StorageRefusedError,
    TransientDownloadError,
    kind_of,
    store,
)

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
JPEG = b"\xff\xd8\xff\xe0" + b"jpeg" * 100
WEBP = b"RIFF\x00\x01\x00\x00WEBPVP8 " + b"webp" * 100
URL = "https://results.s3.amazonaws.com/a.png?X-Amz-Signature=a%2Fb"


class Stream(httpx.SyncByteStream):
    """A body in pieces, which may break off."""

    def __init__(self, pieces: list[bytes | Exception]) -> None:
        self.pieces = pieces
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    def close(self) -> None:
        self.closed = True


def answer(body: bytes, *, length: bool = True, **headers: str) -> httpx.Response:
    given_length = {"content-length": str(len(body))} if length else {}
    return httpx.Response(200, headers={**given_length, **headers}, stream=Stream([body[:5000], body[5000:]]))


@pytest.fixture
def copy(world: Any) -> Callable[..., StoredImage]:
    """Copies what a transport answers into the bucket."""

    def run(response: Any, *, url: str = URL, max_bytes: int = 1_000_000, s3: Any = None) -> StoredImage:
        def handle(request: httpx.Request) -> httpx.Response:
            if isinstance(response, Exception):
                raise response
            given: httpx.Response = response(request) if callable(response) else response
            return given

        return store(
            url,
            "job-1",
            limits=Limits(("amazonaws.com",), max_bytes),
            transport=httpx.MockTransport(handle),
            s3=s3 or world.s3,
            bucket="results-bucket",
            deadline=Deadline.after(30),
        )

    return run


def objects(world: Any) -> list[str]:
    return [entry["Key"] for entry in world.s3.list_objects_v2(Bucket="results-bucket").get("Contents", [])]


@pytest.mark.parametrize("length", [True, False], ids=["with length", "without length"])
@pytest.mark.parametrize(
    ("body", "content_type", "extension"),
    [(PNG, "image/png", "png"), (JPEG, "image/jpeg", "jpg"), (WEBP, "image/webp", "webp")],
    ids=["png", "jpeg", "webp"],
)
def test_a_picture_is_stored_byte_for_byte(
    copy: Any, world: Any, body: bytes, content_type: str, extension: str, length: bool
) -> None:
    image = copy(answer(body, length=length))
    stored = world.s3.get_object(Bucket="results-bucket", Key=image.key, ChecksumMode="ENABLED")
    assert stored["Body"].read() == body
    assert stored["ContentType"] == content_type
    assert image == StoredImage(
        key=f"results/job-1.{extension}",
        content_type=content_type,
        bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
    )


def test_the_link_is_called_as_it_was_given_and_asks_for_the_plain_file(copy: Any) -> None:
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answer(PNG)

    copy(handle)
    assert str(seen[0].url) == URL
    assert seen[0].headers["accept-encoding"] == "identity"
    assert "x-api-key" not in seen[0].headers


def test_a_repeat_overwrites_with_the_same(copy: Any, world: Any) -> None:
    assert copy(answer(PNG)) == copy(answer(PNG))
    assert objects(world) == ["results/job-1.png"]


@pytest.mark.parametrize(
    "url",
    [
        "http://results.s3.amazonaws.com/a.png",
        "https://amazonaws.com.evil.example/a.png",
        "https://evilamazonaws.com/a.png",
        "https://user@results.s3.amazonaws.com/a.png",
        "https://127.0.0.1/a.png",
        "file:///etc/passwd",
        "nonsense",
    ],
)
def test_results_come_from_result_hosts_only(copy: Any, url: str) -> None:
    with pytest.raises(ResultRefusedError) as refused:
        copy(AssertionError("called"), url=url)
    assert refused.value.code == "result_host_refused"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_link_that_does_not_work_is_dead(copy: Any, status: int) -> None:
    with pytest.raises(DeadLinkError):
        copy(httpx.Response(status))


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_host_in_trouble_is_tried_again(copy: Any, status: int) -> None:
    with pytest.raises(TransientDownloadError):
        copy(httpx.Response(status, text="<html>"))


@pytest.mark.parametrize("status", [206, 301, 302, 307])
def test_no_redirect_is_followed_and_no_part_taken(copy: Any, status: int) -> None:
    with pytest.raises(ResultRefusedError) as refused:
        copy(httpx.Response(status, headers={"location": "https://s3.amazonaws.com/b"}))
    assert refused.value.code == "result_unavailable"


@pytest.mark.parametrize("error", [httpx.ConnectError("x"), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x")])
def test_a_host_that_cannot_be_reached_is_tried_again(copy: Any, error: Exception) -> None:
    with pytest.raises(TransientDownloadError):
        copy(error)


@pytest.mark.parametrize("length", [True, False], ids=["with length", "without length"])
@pytest.mark.parametrize("cut", [3, 5000, 9000])
def test_a_download_cut_half_way_leaves_nothing(copy: Any, world: Any, cut: int, length: bool) -> None:
    headers = {"content-length": str(len(PNG))} if length else {}
    pieces: list[bytes | Exception] = [PNG[:cut], httpx.RemoteProtocolError("cut")]
    stream = Stream(pieces)
    with pytest.raises(TransientDownloadError):
        copy(httpx.Response(200, headers=headers, stream=stream))
    assert objects(world) == []
    assert stream.closed


def test_fewer_bytes_than_announced_leave_nothing(copy: Any, world: Any) -> None:
    with pytest.raises(TransientDownloadError):
        copy(httpx.Response(200, headers={"content-length": str(len(PNG))}, stream=Stream([PNG[:-1]])))
    assert objects(world) == []


def test_an_announced_size_above_the_limit_is_refused_unread(copy: Any) -> None:
    stream = Stream([AssertionError("read")])
    with pytest.raises(ResultRefusedError) as refused:
        copy(httpx.Response(200, headers={"content-length": "1001"}, stream=stream), max_bytes=1000)
    assert refused.value.code == "result_too_large"


def test_an_unannounced_size_above_the_limit_is_refused_on_the_way(copy: Any, world: Any) -> None:
    with pytest.raises(ResultRefusedError) as refused:
        copy(answer(PNG, length=False), max_bytes=len(PNG) - 1)
    assert refused.value.code == "result_too_large"
    assert objects(world) == []


def test_a_result_of_exactly_the_limit_is_stored(copy: Any) -> None:
    assert copy(answer(PNG), max_bytes=len(PNG)).bytes == len(PNG)


@pytest.mark.parametrize("response", [answer(b""), answer(b"", length=False), httpx.Response(204)])
def test_an_empty_result_is_refused(copy: Any, response: httpx.Response) -> None:
    with pytest.raises(ResultRefusedError) as refused:
        copy(response)
    assert refused.value.code == "empty_result"


@pytest.mark.parametrize(
    "response",
    [
        answer(b"<html></html>"),
        answer(b"GIF89a" + bytes(50)),
        answer(b"\x89PN"),
        answer(PNG, **{"content-encoding": "gzip"}),
    ],
    ids=["html", "gif", "short", "compressed"],
)
def test_anything_but_a_picture_is_refused(copy: Any, world: Any, response: httpx.Response) -> None:
    with pytest.raises(ResultRefusedError) as refused:
        copy(response)
    assert refused.value.code == "unexpected_content"
    assert objects(world) == []


def test_a_bucket_that_refuses_is_tried_again(copy: Any, world: Any) -> None:
    world.s3.delete_bucket(Bucket="results-bucket")
    with pytest.raises(StorageRefusedError):
        copy(answer(PNG))


class SilentBucket:
    """S3 cannot be reached."""

    class meta:  # noqa: N801 - boto3's name
        endpoint_url = "https://s3.amazonaws.com"

    def put_object(self, **members: Any) -> None:
        raise EndpointConnectionError(endpoint_url="https://s3.amazonaws.com")


def test_so_is_one_that_cannot_be_reached(copy: Any) -> None:
    with pytest.raises(StorageRefusedError):
        copy(answer(PNG), s3=SilentBucket())


class HungryBucket(SilentBucket):
    """Takes an upload in pieces and keeps none."""

    def put_object(self, **members: Any) -> None:
        while members["Body"].read(8192):
            pass


def test_a_large_result_passes_in_bounded_memory(copy: Any) -> None:
    piece = bytes(64 * 1024)
    count = 640
    size = len(PNG) + count * len(piece)
    stream = Stream([PNG, *[piece] * count])
    response = httpx.Response(200, headers={"content-length": str(size)}, stream=stream)
    tracemalloc.start()
    try:
        image = copy(response, max_bytes=size, s3=HungryBucket())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert image.bytes == size > 40_000_000
    assert peak < 4_000_000


@given(st.lists(st.binary(max_size=50), max_size=20), st.lists(st.integers(1, 60), min_size=1, max_size=60))
def test_a_counted_body_reads_like_a_file(pieces: list[bytes], sizes: list[int]) -> None:
    whole = b"".join(pieces)
    body = CountedBody(iter(pieces), max_bytes=10_000, length=len(whole))
    assert body.peek(16) == whole[:16]
    file = io.BytesIO(whole)
    for size in sizes:
        assert body.read(size) == file.read(size)
    assert body.read() == file.read()
    assert (body.count, body.sha256) == (len(whole), hashlib.sha256(whole).hexdigest())


@given(st.binary(max_size=64))
def test_only_three_kinds_of_pictures_are_known(head: bytes) -> None:
    expected = head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")) or (head[:4], head[8:12]) == (b"RIFF", b"WEBP")
    assert (kind_of(head) is not None) == expected


def test_a_head_is_long_enough_for_every_kind() -> None:
    assert kind_of(WEBP[: result_download.HEAD_BYTES]) is not None
