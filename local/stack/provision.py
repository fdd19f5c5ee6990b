"""Creating the template's tables, buckets, secrets and state machines at the AWS endpoint."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from local.stack.aws_endpoint import CREDENTIALS
from local.stack.blueprint import Blueprint
from local.stack.template import ACCOUNT, REGION

_TABLE_PROPERTIES = (
    "TableName",
    "AttributeDefinitions",
    "KeySchema",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
    "ProvisionedThroughput",
)
_ROLE = f"arn:aws:iam::{ACCOUNT}:role/embedded"
"""The role of the state machines; nothing looks at it here."""


def provision(blueprint: Blueprint, endpoint_url: str, secret: Mapping[str, str]) -> dict[str, str]:
    """Create everything that is to exist before the functions run.

    Args:
        blueprint: What to create; it is told the ARNs of the secrets.
        endpoint_url: The AWS endpoint.
        secret: The value of each secret of the template, sent as JSON.

    Returns:
        The ARN of each state machine by its name.
    """
    import boto3

    session = boto3.session.Session(
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )

    def client(service: Any) -> Any:
        return session.client(service, endpoint_url=endpoint_url)

    manager = client("secretsmanager")
    for logical_id, name in blueprint.secrets():
        created = manager.create_secret(Name=name, SecretString=json.dumps(dict(secret)))
        blueprint.names.created(logical_id, created["ARN"])
    _create_tables(blueprint, client("dynamodb"))
    storage = client("s3")
    for bucket in blueprint.buckets():
        storage.create_bucket(Bucket=bucket)
    states = client("stepfunctions")
    return {
        machine.name: states.create_state_machine(name=machine.name, definition=machine.definition, roleArn=_ROLE)[
            "stateMachineArn"
        ]
        for machine in blueprint.machines()
    }


def _create_tables(blueprint: Blueprint, database: Any) -> None:
    for properties in blueprint.tables():
        database.create_table(**{name: properties[name] for name in _TABLE_PROPERTIES if name in properties})
        if "TimeToLiveSpecification" in properties:
            database.update_time_to_live(
                TableName=properties["TableName"], TimeToLiveSpecification=properties["TimeToLiveSpecification"]
            )
