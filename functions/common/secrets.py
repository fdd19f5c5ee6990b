"""The deployment's secrets: one Secrets Manager secret, a JSON object, read and kept.

Kept by rules of its own (`_Reader`), for which a plain read is all that is needed: Powertools' parameters would add
boto3 to a start, see `common.aws`.
"""

import threading
import time
from functools import cache, lru_cache
from typing import Annotated

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from common import aws, settings
from common.errors import UnavailableError
from common.observability import describe, logger

MAX_AGE_SECONDS = 300
"""How long a value is used before it is read anew: a rotated one is picked up within five minutes."""
PATIENCE_SECONDS = 0.25
"""How long a request waits for a value to be read anew (usually 0.02) before it uses the last one."""
FRESH_SECONDS = 3.0
"""The same after a key was refused, where the last one will not do."""
RETRY_SECONDS = 10.0
"""How long the last value is used after it could not be read anew."""


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _prefixed(value: object) -> object:
    # Secrets Manager generates the value at the first deployment and cannot prefix it.
    return f"whsec_{value.removeprefix('whsec_')}" if isinstance(value, str) else value


class Secrets(BaseModel):
    """What the secret holds. Nothing of it shows in a representation."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    oh_api_key: Annotated[str, Field(min_length=1, repr=False)]
    trulience_api_key: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        BeforeValidator(_as_tuple),
        Field(min_length=1, repr=False),
    ]
    """Every bearer key that is accepted; two while one is being replaced."""
    webhook_signing_secret: Annotated[
        str, BeforeValidator(_prefixed), Field(pattern=r"^whsec_[A-Za-z0-9+/]+=*$", repr=False)
    ]


class _Reader:
    """Reads the secret and keeps the last good value.

    Once a value is known nobody waits long for the next: a conversation has less time than an outage of Secrets Manager
    takes.
    """

    def __init__(self, arn: str) -> None:
        self._arn = arn
        self._client = aws.secrets_manager()
        self._last: Secrets | None = None
        self._good_until = 0.0
        self._lock = threading.Lock()
        self._refresh: threading.Thread | None = None

    def read(self, *, fresh: bool) -> Secrets:
        if self._last is None:
            try:
                self._last = self._fetch()
            except (BotoCoreError, ClientError) as error:
                raise UnavailableError(
                    "The deployment's secret cannot be read at the moment.", code="secrets_unavailable", retry_after=5
                ) from error
        elif fresh or time.monotonic() >= self._good_until:
            self._begin_refresh().join(FRESH_SECONDS if fresh else PATIENCE_SECONDS)
        return self._last

    def _begin_refresh(self) -> threading.Thread:
        """The refresh that is under way, or a new one."""
        with self._lock:
            if self._refresh is None or not self._refresh.is_alive():
                self._refresh = threading.Thread(target=self._refresh_quietly, daemon=True)
                self._refresh.start()
            return self._refresh

    def _refresh_quietly(self) -> None:
        try:
            self._last = self._fetch()
        except (BotoCoreError, ClientError, settings.SettingsError) as error:
            self._good_until = time.monotonic() + RETRY_SECONDS
            logger().error("secret not refreshed; the last one stays in use", extra=describe(error))

    def _fetch(self) -> Secrets:
        secrets = _parse(self._client.get_secret_value(SecretId=self._arn).get("SecretString", ""))
        self._good_until = time.monotonic() + MAX_AGE_SECONDS
        return secrets


@lru_cache(maxsize=2)
def _parse(raw: str) -> Secrets:
    try:
        return Secrets.model_validate_json(raw)
    except ValidationError as error:
        fields = ", ".join(sorted({str(detail["loc"][0]) if detail["loc"] else "JSON" for detail in error.errors()}))
        # The cause is dropped on purpose: pydantic's message would quote the secret.
        raise settings.SettingsError(f"The deployment's secret is incomplete or malformed: check {fields}.") from None


@cache
def _reader() -> _Reader:
    return _Reader(settings.read(settings.UpstreamSettings).secret_arn)


def secrets(*, fresh: bool = False) -> Secrets:
    """The secrets.

    Args:
        fresh: Ask Secrets Manager even where a cached value is young, as after a key was refused.

    Raises:
        UnavailableError: Secrets Manager does not answer and no earlier value is known.
        SettingsError: The secret is not the JSON object it should be.
    """
    return _reader().read(fresh=fresh)
