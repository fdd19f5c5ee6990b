"""What the embedded stack builds, read from the transformed template: functions, routes, tables and the rest."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.stack.errors import ConfigurationError
from local.stack.intrinsics import Resolver
from local.stack.physical import STACK_NAME, PhysicalNames
from local.stack.template import ACCOUNT, REGION

_METHODS = frozenset({"get", "head", "post", "put", "patch", "delete", "options"})
_FUNCTION_IN_URI = re.compile(r":function:([A-Za-z0-9-_]+)(?::[A-Za-z0-9$_-]+)?/invocations$")


@dataclass(frozen=True)
class FunctionSpec:
    """One Lambda function: what its execution environments are made of. `timeout` in seconds, `memory` in MB."""

    name: str
    handler: str
    timeout: float
    memory: int
    environment: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class RouteSpec:
    """One method of one resource of the API, and the function that answers it."""

    method: str
    resource: str
    function: str
    key_required: bool


@dataclass(frozen=True)
class MachineSpec:
    """One state machine, its definition as JSON with the substitutions made."""

    name: str
    definition: str


class Blueprint:
    """The transformed template with everything in it resolved on demand.

    Args:
        template: Plain CloudFormation, as `local.stack.template.transform` gives it.
        parameters: Values of the template's parameters.

    """

    def __init__(self, template: Mapping[str, Any], parameters: Mapping[str, Any]) -> None:
        self._resources: Mapping[str, Mapping[str, Any]] = template["Resources"]
        self.names = PhysicalNames(self._resources)
        pseudo = {
            "AWS::Region": REGION,
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": STACK_NAME,
            "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK_NAME}/local",
        }
        self._resolver = Resolver(
            {**parameters, **pseudo},
            template.get("Conditions", {}),
            template.get("Mappings", {}),
            self.names.reference,
            self.names.attribute,
        )

    def functions(self) -> list[FunctionSpec]:
        """Every function, its environment variables resolved."""
        return [
            FunctionSpec(
                name=self.names.name(logical_id),
                handler=properties["Handler"],
                timeout=float(properties.get("Timeout", 3)),
                memory=int(properties.get("MemorySize", 128)),
                environment={
                    name: str(value) for name, value in properties.get("Environment", {}).get("Variables", {}).items()
                },
            )
            for logical_id, properties in self._of_type("AWS::Lambda::Function")
        ]

    def routes(self) -> list[RouteSpec]:
        """Every route of every API that a function answers."""
        return [
            route
            for _, properties in self._of_type("AWS::ApiGateway::RestApi")
            for resource, operations in properties.get("Body", {}).get("paths", {}).items()
            for route in self._routes_of(resource, operations)
        ]

    def stage(self) -> str:
        """The name of the API's stage."""
        return next((str(properties["StageName"]) for _, properties in self._of_type("AWS::ApiGateway::Stage")), "prod")

    def tables(self) -> list[dict[str, Any]]:
        """The properties of every table, `TableName` filled in."""
        return [
            {**properties, "TableName": self.names.name(logical_id)}
            for logical_id, properties in self._of_type("AWS::DynamoDB::Table")
        ]

    def buckets(self) -> list[str]:
        """The name of every bucket."""
        return [self.names.name(logical_id) for logical_id, _ in self._of_type("AWS::S3::Bucket")]

    def secrets(self) -> list[tuple[str, str]]:
        """The logical id and the name of every secret."""
        return [
            (logical_id, self.names.name(logical_id)) for logical_id, _ in self._of_type("AWS::SecretsManager::Secret")
        ]

    def machines(self) -> list[MachineSpec]:
        """Every state machine."""
        return [
            MachineSpec(self.names.name(logical_id), _definition(properties))
            for logical_id, properties in self._of_type("AWS::StepFunctions::StateMachine")
        ]

    def _of_type(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for logical_id, resource in self._resources.items():
            exists = "Condition" not in resource or self._resolver.condition(resource["Condition"])
            if resource["Type"] == kind and exists:
                yield logical_id, self._resolver.resolve(resource.get("Properties", {}))

    def _routes_of(self, resource: str, operations: Mapping[str, Any]) -> Iterator[RouteSpec]:
        for method, operation in operations.items():
            is_any = method == "x-amazon-apigateway-any-method"
            integration = operation.get("x-amazon-apigateway-integration", {})
            if (method not in _METHODS and not is_any) or integration.get("type") != "aws_proxy":
                continue
            function = _FUNCTION_IN_URI.search(integration.get("uri", ""))
            if function is None:
                raise ConfigurationError(f"The route {method.upper()} {resource} names no function of the template.")
            yield RouteSpec(
                method="ANY" if is_any else method.upper(),
                resource=resource,
                function=function[1],
                key_required=any("api_key" in requirement for requirement in operation.get("security", [])),
            )


def _definition(properties: Mapping[str, Any]) -> str:
    text = properties.get("DefinitionString") or json.dumps(properties["Definition"])
    for name, value in properties.get("DefinitionSubstitutions", {}).items():
        # The value stands inside a JSON string, so it is written as one, without the quotes.
        text = text.replace("${" + name + "}", json.dumps(str(value))[1:-1])
    return str(text)
