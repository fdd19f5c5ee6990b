"""AWS clients: one per service and execution environment, each with timeouts and bounded retries.

They are boto3's clients, which are botocore's, taken from there directly: importing boto3 brings its resources and
s3transfer along, which take 18 ms and 3 MB of a start, and which nothing here needs.
"""

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import UnknownRegionError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_sts import STSClient


AWS_ROOTS = Path(botocore.session.__file__).parents[1] / "aws_roots.pem"
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
        partition = session.get_partition_for_region(session.get_config_variable("region") or "")
    except UnknownRegionError:
        return None
    return str(AWS_ROOTS) if partition == "aws" else None


@cache
def _session() -> botocore.session.Session:
    # Shared by all clients: it holds what was read of services' descriptions and the credentials.
    return botocore.session.get_session()


def _client(service: str, config: Config) -> Any:
    return _session().create_client(service, config=config, verify=trusted_roots())


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
    client: DynamoDBClient = _client("dynamodb", _config(read_timeout=2))
    return client


@cache
def s3() -> "S3Client":
    """S3 for uploads of results. One attempt: the body is a stream that cannot be rewound; the workflow retries."""
    client: S3Client = _client("s3", _config(read_timeout=60, attempts=1))
    return client


@cache
def states() -> "SFNClient":
    """Step Functions."""
    client: SFNClient = _client("stepfunctions", _config(read_timeout=3))
    return client


@cache
def secrets_manager() -> "SecretsManagerClient":
    """Secrets Manager."""
    client: SecretsManagerClient = _client("secretsmanager", _config(read_timeout=2))
    return client


@cache
def sts() -> "STSClient":
    """Security Token Service."""
    client: STSClient = _client("sts", _config(read_timeout=3))
    return client
