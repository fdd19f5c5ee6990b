"""Links that look and behave like presigned S3 links: they carry an expiry and a signature, and errors are S3's XML."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape

from flask import Response

from local.clock import Clock

_STAMP = "%Y%m%dT%H%M%SZ"


class LinkProblem(Exception):  # noqa: N818 - an answer to the reader of a link, not a fault of the simulator
    """Why a link does not open: the status, and S3's code and words."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Links:
    """Issues and checks links to files of the simulator."""

    clock: Clock
    secret: bytes

    @classmethod
    def with_new_secret(cls, clock: Clock) -> Links:
        """Make an issuer whose links nobody else can make."""
        return cls(clock, secrets.token_bytes(32))

    def issue(self, base_url: str, name: str, *, seconds: int, serial: int) -> str:
        """Make a link to a file.

        Args:
            base_url: scheme, host and port of the simulator as its client sees it.
            name: the file's name.
            seconds: life of the link.
            serial: 0 for the link of a submission, else which of the job's links this is.

        Returns:
            The whole URL.

        """
        date = datetime.fromtimestamp(self.clock.wall(), UTC).strftime(_STAMP)
        query = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Date": date,
            "X-Amz-Expires": str(seconds),
            "X-Amz-SignedHeaders": "host",
            "x-link": str(serial),
            "X-Amz-Signature": self._sign(name, date, str(seconds), str(serial)),
        }
        return f"{base_url}/results/{quote(name)}?{urlencode(query)}"

    def check(self, name: str, query: Mapping[str, str], *, method: str = "GET") -> int:
        """Check the query of a link; give its serial number, or raise `LinkProblem`.

        Links are signed for GET, as presigned S3 links are: HEAD does not match the signature.
        """
        date, seconds, serial = (query.get(key, "") for key in ("X-Amz-Date", "X-Amz-Expires", "x-link"))
        if not (date and seconds and serial):
            raise LinkProblem(403, "AccessDenied", "Access Denied")
        if method != "GET" or not hmac.compare_digest(
            self._sign(name, date, seconds, serial).encode(), query.get("X-Amz-Signature", "").encode()
        ):
            raise LinkProblem(
                403,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided.",
            )
        issued = datetime.strptime(date, _STAMP).replace(tzinfo=UTC).timestamp()
        if self.clock.wall() > issued + int(seconds):
            raise LinkProblem(403, "AccessDenied", "Request has expired")
        return int(serial)

    def _sign(self, *parts: str) -> str:
        return hmac.new(self.secret, "\n".join(parts).encode(), hashlib.sha256).hexdigest()


def s3_error(problem: LinkProblem, name: str) -> Response:
    """Give S3's error answer."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{escape(problem.code)}</Code><Message>{escape(problem.message)}</Message>"
        f"<Key>{escape(name)}</Key><RequestId>{secrets.token_hex(8).upper()}</RequestId></Error>"
    )
    return Response(body, status=problem.status, content_type="application/xml")
