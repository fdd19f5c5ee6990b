"""The deployment's secrets: one Secrets Manager secret, a JSON object, read through Powertools' cache."""

from functools import cache, lru_cache
from typing import Annotated

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from common import aws, settings
from common.errors import UnavailableError

MAX_AGE_SECONDS = 300
"""How long a value is used before it is read anew: a rotated one is picked up within five minutes."""


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
    """Reads the secret and keeps the last good value, so that an outage of Secrets Manager ends no conversation."""

    def __init__(self, arn: str) -> None:
        self._arn = arn
        self._provider = SecretsProvider(boto3_client=aws.secrets_manager())
        self._last: Secrets | None = None

    def read(self, *, fresh: bool) -> Secrets:
        try:
            raw = self._provider.get(self._arn, max_age=MAX_AGE_SECONDS, force_fetch=fresh)
        except GetParameterError as error:
            if self._last is None:
                raise UnavailableError(
                    "The deployment's secret cannot be read at the moment.", code="secrets_unavailable", retry_after=5
                ) from error
            return self._last
        self._last = _parse(str(raw))
        return self._last


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
