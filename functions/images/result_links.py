"""Signed links to stored pictures whose end is known.

A link dies with the credentials that signed it, whatever it says of itself. So links are not signed with the function's
own credentials, whose end is not told, but with those of a role taken on for the purpose.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qs, urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from common import aws, settings
from common.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sts import STSClient

ROLE_SECONDS = 3600
"""The longest AWS lets a role taken on by another role last."""
FRESH = timedelta(seconds=60)
"""Credentials younger than this are not renewed for a link that could be longer: it would not gain a minute."""


@dataclass(frozen=True)
class SignedLink:
    """A link, and when it ends (ISO 8601, UTC)."""

    url: str
    expires_at: str


@dataclass(frozen=True)
class _Signer:
    client: "S3Client"
    taken_on: datetime
    ends: datetime


class LinkSigner:
    """Signs links to the objects of one bucket.

    Args:
        bucket: Where the pictures lie.
        role_arn: The role that may read them.
        seconds: How long a link should last.
        sts: Gives the role's credentials.
        now: The clock, in UTC.
    """

    def __init__(
        self,
        bucket: str,
        role_arn: str,
        seconds: int,
        *,
        sts: "STSClient",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._bucket = bucket
        self._role_arn = role_arn
        self._seconds = seconds
        self._sts = sts
        self._now = now
        self._signer: _Signer | None = None

    def sign(self, key: str, *, method: Literal["get_object", "head_object"] = "get_object") -> SignedLink:
        """A link that begins now.

        Raises:
            UnavailableError: STS does not give the role's credentials.
        """
        signer = self._current()
        url = signer.client.generate_presigned_url(
            method, Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=self._seconds
        )
        ends = min(_end_of(url), signer.ends)
        return SignedLink(url, ends.isoformat(timespec="seconds").replace("+00:00", "Z"))

    def _current(self) -> _Signer:
        signer, now = self._signer, self._now()
        if signer:
            lasts = signer.ends - now >= timedelta(seconds=self._seconds)
            fresh = now - signer.taken_on < FRESH and signer.ends > now
            if lasts or fresh:
                return signer
        self._signer = self._take_on(now)
        return self._signer

    def _take_on(self, now: datetime) -> _Signer:
        try:
            answer = self._sts.assume_role(
                RoleArn=self._role_arn, RoleSessionName="result-links", DurationSeconds=ROLE_SECONDS
            )
        except (ClientError, BotoCoreError) as error:
            raise UnavailableError(
                "Links to pictures cannot be signed at the moment. Please try again in a few seconds.", retry_after=2
            ) from error
        credentials = answer["Credentials"]
        client = boto3.client(
            "s3",
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
            # Only this style signs for the bucket's own region. The global host redirects, which breaks the signature.
            config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}),
        )
        return _Signer(client, now, credentials["Expiration"])


def _end_of(url: str) -> datetime:
    """When a signed link ends, by its own query: the signer's clock, cut to whole seconds, is what S3 goes by."""
    query = parse_qs(urlsplit(url).query)
    signed = datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return signed + timedelta(seconds=int(query["X-Amz-Expires"][0]))


@cache
def link_signer() -> LinkSigner:
    """The deployment's signer."""
    values = settings.read(settings.LinkSettings)
    return LinkSigner(values.results_bucket, values.result_link_role_arn, values.result_link_seconds, sts=aws.sts())
