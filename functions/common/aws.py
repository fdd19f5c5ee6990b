"""AWS clients: one per service and execution environment, each with timeouts and bounded retries."""

from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_sts import STSClient


def _config(*, read_timeout: float, attempts: int = 3) -> Config:
    # Standard mode backs off with jitter and stops at `total_max_attempts` calls, the first included.
    return Config(
        connect_timeout=1,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )


@cache
def dynamodb() -> "DynamoDBClient":
    """DynamoDB; an answer takes milliseconds, so that two seconds of silence are a lost connection."""
    return boto3.client("dynamodb", config=_config(read_timeout=2))


@cache
def s3() -> "S3Client":
    """S3 for uploads of results. One attempt: the body is a stream that cannot be rewound; the workflow retries."""
    return boto3.client("s3", config=_config(read_timeout=60, attempts=1))


@cache
def states() -> "SFNClient":
    """Step Functions."""
    return boto3.client("stepfunctions", config=_config(read_timeout=3))


@cache
def secrets_manager() -> "SecretsManagerClient":
    """Secrets Manager."""
    return boto3.client("secretsmanager", config=_config(read_timeout=2))


@cache
def sts() -> "STSClient":
    """Security Token Service."""
    return boto3.client("sts", config=_config(read_timeout=3))
