"""The names and ARNs that the template's resources have in the embedded stack: what Ref and GetAtt give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.stack.template import ACCOUNT, REGION

STACK_NAME = "digital-twin-local"


@dataclass
class PhysicalNames:
    """Knows each resource's physical name.

    Args:
        resources: The transformed template's ``Resources``.

    """

    resources: Mapping[str, Mapping[str, Any]]

    def __post_init__(self) -> None:
        self._created: dict[str, str] = {}

    def created(self, logical_id: str, arn: str) -> None:
        """Note the ARN of a resource whose ARN is only known once it exists (a secret)."""
        self._created[logical_id] = arn

    def reference(self, logical_id: str) -> str:
        """What ``Ref`` gives. Raises `KeyError` for an unknown resource."""
        resource = self.resources[logical_id]
        match resource["Type"]:
            case "AWS::SecretsManager::Secret" | "AWS::StepFunctions::StateMachine" | "AWS::SNS::Topic":
                return self.attribute(logical_id, "Arn")
            case "AWS::Lambda::LayerVersion":
                return f"{_arn('lambda', 'layer:' + logical_id)}:1"
            case "AWS::Lambda::Version":
                return f"{self._function_arn(resource)}:1"
            case "AWS::Lambda::Alias":
                return f"{self._function_arn(resource)}:{resource['Properties']['Name']}"
            case "AWS::ApiGateway::Stage":
                return str(resource["Properties"]["StageName"])
            case _:
                return self.name(logical_id)

    def attribute(self, logical_id: str, attribute: str) -> str:
        """What ``Fn::GetAtt`` gives. Raises `KeyError` for an unknown resource or attribute."""
        kind = self.resources[logical_id]["Type"]
        name = self.name(logical_id)
        if attribute in ("Arn", "Id") and kind == "AWS::SecretsManager::Secret":
            return self._created.get(logical_id) or _arn("secretsmanager", f"secret:{name}")
        if attribute in ("Name", "TableName", "QueueName", "TopicName"):
            return name
        if attribute == "RootResourceId" and kind == "AWS::ApiGateway::RestApi":
            return "root"
        if attribute in ("Arn", "TopicArn"):
            return _ARNS[kind](name)
        raise KeyError(attribute)

    def name(self, logical_id: str) -> str:
        """The physical name: the one the template gives as plain text, else one made of the logical id."""
        resource = self.resources[logical_id]
        kind = resource["Type"]
        given = resource.get("Properties", {}).get(_NAME_PROPERTIES.get(kind, ""))
        if isinstance(given, str):
            return given
        match kind:
            case "AWS::Lambda::Function":
                return logical_id
            case "AWS::S3::Bucket":
                return f"{STACK_NAME}-{logical_id.lower()}"
            case "AWS::ApiGateway::RestApi":
                return "embedded"
            case _:
                return f"{STACK_NAME}-{logical_id}"

    def _function_arn(self, resource: Mapping[str, Any]) -> str:
        function = resource["Properties"]["FunctionName"]
        return self.attribute(function["Ref"] if isinstance(function, Mapping) else function, "Arn")


def _arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


_NAME_PROPERTIES = {
    "AWS::Lambda::Function": "FunctionName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
    "AWS::IAM::Role": "RoleName",
    "AWS::Logs::LogGroup": "LogGroupName",
}

_ARNS = {
    "AWS::Lambda::Function": lambda name: _arn("lambda", f"function:{name}"),
    "AWS::DynamoDB::Table": lambda name: _arn("dynamodb", f"table/{name}"),
    "AWS::S3::Bucket": lambda name: f"arn:aws:s3:::{name}",
    "AWS::StepFunctions::StateMachine": lambda name: _arn("states", f"stateMachine:{name}"),
    "AWS::IAM::Role": lambda name: f"arn:aws:iam::{ACCOUNT}:role/{name}",
    "AWS::Logs::LogGroup": lambda name: _arn("logs", f"log-group:{name}:*"),
    "AWS::SNS::Topic": lambda name: _arn("sns", name),
}
