"""AWS clients: one per service and execution environment, each with timeouts and bounded retries."""

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import UnknownRegionError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_sts import STSClient


AWS_ROOTS = Path(boto3.__file__).parents[1] / "aws_roots.pem"
"""Where the layer's build leaves the six roots under which AWS's endpoints are certified."""


def trusted_roots() -> str | None:
    """The file of roots that AWS's endpoints are checked against; None for what botocore would take of itself.

    botocore reads its roots again for each connection: AWS's own in 2 ms, all of certifi's in 20. China, GovCloud and
    other partitions may certify otherwise, and a bundle that was set up by somebody has its reason.
    """
    if "AWS_CA_BUNDLE" in os.environ or not AWS_ROOTS.is_file():
        return None
    session = _session()
    try:
        partition = session.get_partition_for_region(session.region_name or "")
    except UnknownRegionError:
        return None
    return str(AWS_ROOTS) if partition == "aws" else None


@cache
def _session() -> boto3.session.Session:
    # Shared by all clients: it holds what was read of services' descriptions and the credentials.
    return boto3.session.Session()


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
    return _session().client("dynamodb", config=_config(read_timeout=2), verify=trusted_roots())


@cache
def s3() -> "S3Client":
    """S3 for uploads of results. One attempt: the body is a stream that cannot be rewound; the workflow retries."""
    return _session().client("s3", config=_config(read_timeout=60, attempts=1), verify=trusted_roots())


@cache
def states() -> "SFNClient":
    """Step Functions."""
    return _session().client("stepfunctions", config=_config(read_timeout=3), verify=trusted_roots())


@cache
def secrets_manager() -> "SecretsManagerClient":
    """Secrets Manager."""
    return _session().client("secretsmanager", config=_config(read_timeout=2), verify=trusted_roots())


@cache
def sts() -> "STSClient":
    """Security Token Service."""
    return _session().client("sts", config=_config(read_timeout=3), verify=trusted_roots())
