"""Copying a result into the bucket: one pass, bounded memory, nothing half-way.

A picture goes from the provider's link straight into one upload while it is counted and hashed. Where its length is not
known before the upload begins it goes through a temporary file first.
"""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from digital_twin.deadline import Deadline
from digital_twin.urls import is_allowed_url
from images.job import StoredImage

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

HEAD_BYTES = 16
"""How much of a file tells its type."""
SPOOL_BYTES = 1024 * 1024
"""How much of a file of unknown length is kept in memory; the rest goes to a temporary file."""
_PIECE = 64 * 1024
_TIMEOUTS = {"connect": 5.0, "read": 15.0, "write": 5.0, "pool": 5.0}
_TRANSIENT = frozenset({408, 425, 429})


class TransientDownloadError(Exception):
    """The file did not come, or not whole; another attempt may get it. The workflow retries by this class's name."""


class StorageRefusedError(Exception):
    """The bucket did not take the file; another attempt may. The workflow retries by this class's name."""


class DeadLinkError(Exception):
    """The link does not work, or no more: only a new one helps."""


class ResultRefusedError(Exception):
    """The file is none that may be stored, and no attempt will change that.

    Args:
        code: A stable word for programs.
        message: A sentence for people.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Limits:
    """What may be stored: from which hosts, up to how many bytes; `allow_loopback` in the embedded stack only."""

    hosts: tuple[str, ...]
    max_bytes: int
    allow_loopback: bool = False


@dataclass(frozen=True)
class Kind:
    """A kind of picture: its media type and the end of its name."""

    content_type: Literal["image/png", "image/jpeg", "image/webp"]
    extension: str


def kind_of(head: bytes) -> Kind | None:
    """The kind of a picture by its first bytes, None for anything else."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return Kind("image/png", "png")
    if head.startswith(b"\xff\xd8\xff"):
        return Kind("image/jpeg", "jpg")
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Kind("image/webp", "webp")
    return None


class CountedBody:
    """A download as a file that can be read once, from the front: counts, caps and hashes what passes.

    Args:
        pieces: The bytes as they come.
        max_bytes: More than this is refused.
        length: How many bytes were announced, None if that is not known.

    Attributes:
        failure: What went wrong while somebody else was reading: an upload wraps it in an error of its own.
    """

    def __init__(self, pieces: Iterator[bytes], *, max_bytes: int, length: int | None) -> None:
        self._pieces = pieces
        self._max_bytes = max_bytes
        self._length = length
        self._pending = b""
        self._over = False
        self._hash = hashlib.sha256()
        self.count = 0
        self.failure: Exception | None = None

    def __len__(self) -> int:
        """The announced length: what an upload of a stream needs to know."""
        return self._length or 0

    def __bool__(self) -> bool:
        return True

    @property
    def sha256(self) -> str:
        """The checksum of what has been read, in hexadecimal."""
        return self._hash.hexdigest()

    def peek(self, size: int) -> bytes:
        """The first bytes, which stay unread; fewer if there are no more."""
        while len(self._pending) < size and self._fetch():
            pass
        return self._pending[:size]

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most `size`; empty at the end.

        Raises:
            TransientDownloadError: The download broke.
            ResultRefusedError: There is more than may be stored.
        """
        try:
            while (size < 0 or len(self._pending) < size) and self._fetch():
                pass
        except (TransientDownloadError, ResultRefusedError) as error:
            self.failure = error
            raise
        cut = len(self._pending) if size < 0 else size
        part, self._pending = self._pending[:cut], self._pending[cut:]
        self._hash.update(part)
        return part

    def _fetch(self) -> bool:
        """Takes one more piece; False at the end."""
        if self._over:
            return False
        try:
            piece = next(self._pieces, None)
        except (httpx.TransportError, httpx.StreamError) as error:
            raise TransientDownloadError(f"The download broke off: {type(error).__name__}.") from None
        if piece is None:
            self._over = True
            if self._length is not None and self.count != self._length:
                raise TransientDownloadError("The download ended before its announced length.")
            return False
        self.count += len(piece)
        if self.count > self._max_bytes:
            raise too_large(self._max_bytes)
        self._pending += piece
        return True


def too_large(max_bytes: int) -> ResultRefusedError:
    """The refusal of a file above the limit."""
    return ResultRefusedError("result_too_large", f"The result is larger than the {max_bytes} bytes that are stored.")


def store(
    url: str,
    name: str,
    *,
    limits: Limits,
    transport: httpx.BaseTransport,
    s3: "S3Client",
    bucket: str,
    deadline: Deadline,
) -> StoredImage:
    """Copies the file at a link into the bucket.

    Args:
        url: The provider's link.
        name: What the object is named after; the same name is overwritten with the same.
        limits: What may be stored.
        transport: Reaches the link; does not follow redirects.
        s3: Reaches the bucket.
        bucket: Where the file goes.
        deadline: When the download has to be over.

    Raises:
        DeadLinkError: The link does not work, or no more.
        ResultRefusedError: The file may not be stored.
        TransientDownloadError: The file did not come whole.
        StorageRefusedError: The bucket did not take it.
    """
    with closing(_open(url, limits, transport, deadline)) as response:
        length = _length(response)
        if length == 0:
            raise _empty()
        if length is not None and length > limits.max_bytes:
            raise too_large(limits.max_bytes)
        body = CountedBody(response.iter_raw(_PIECE), max_bytes=limits.max_bytes, length=length)
        head = body.peek(HEAD_BYTES)
        if not head:
            raise _empty()
        kind = kind_of(head)
        if kind is None:
            raise ResultRefusedError("unexpected_content", "The result is neither a PNG, a JPEG nor a WebP picture.")
        key = f"results/{name}.{kind.extension}"
        # Over plain http, as in an emulator, a signature needs the whole body before it is sent.
        streams = length is not None and urlsplit(s3.meta.endpoint_url).scheme == "https"
        if streams:
            _put(s3, bucket, key, kind, body, length or 0, body)
        else:
            with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as spool:
                while part := body.read(_PIECE):
                    spool.write(part)
                spool.seek(0)
                _put(s3, bucket, key, kind, spool, body.count, body)
        return StoredImage(key=key, content_type=kind.content_type, bytes=body.count, sha256=body.sha256)


def _open(url: str, limits: Limits, transport: httpx.BaseTransport, deadline: Deadline) -> httpx.Response:
    if not is_allowed_url(url, limits.hosts, allow_loopback=limits.allow_loopback):
        raise ResultRefusedError("result_host_refused", "The result lies on a host that results are not taken from.")
    try:
        request = httpx.Request(
            "GET",
            url,
            # What is stored is the file itself, not a compressed form of it.
            headers={"Accept": "image/*", "Accept-Encoding": "identity"},
            extensions={"deadline": deadline, "timeout": _TIMEOUTS},
        )
        response = transport.handle_request(request)
    except httpx.InvalidURL:
        raise DeadLinkError from None
    except httpx.TransportError as error:
        raise TransientDownloadError(f"The result cannot be reached: {type(error).__name__}.") from None
    response.request = request
    if response.status_code == httpx.codes.OK:
        return response
    response.close()
    raise _status_failure(response.status_code)


def _status_failure(status: int) -> Exception:
    if status >= 500 or status in _TRANSIENT:
        return TransientDownloadError(f"The result's host answered {status}.")
    if status >= 400:
        return DeadLinkError(f"The result's host answered {status}.")
    if status == httpx.codes.NO_CONTENT:
        return _empty()
    return ResultRefusedError("result_unavailable", f"The result's host answered {status}; redirects are not followed.")


def _length(response: httpx.Response) -> int | None:
    """How many bytes the file has, None if the answer does not say, or says it of a compressed form."""
    if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise ResultRefusedError("unexpected_content", "The result came compressed although that was not asked for.")
    text = response.headers.get("content-length", "")
    return int(text) if text.isdecimal() and "transfer-encoding" not in response.headers else None


def _empty() -> ResultRefusedError:
    return ResultRefusedError("empty_result", "The result is an empty file.")


def _put(
    s3: "S3Client", bucket: str, key: str, kind: Kind, file: IO[bytes] | Any, length: int, body: CountedBody
) -> None:
    """Uploads a file in one request: it is there whole, or not at all."""
    try:
        s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=file,
            ContentLength=length,
            ContentType=kind.content_type,
            CacheControl="private, max-age=31536000, immutable",
            ChecksumAlgorithm="SHA256",
        )
    except (ClientError, BotoCoreError) as error:
        if body.failure:
            raise body.failure from None
        raise StorageRefusedError(f"The bucket refused the result: {type(error).__name__}.") from error
