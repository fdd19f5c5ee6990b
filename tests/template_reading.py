"""The template as tests see it: as written, and as plain CloudFormation after the serverless transformation."""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from local.stack.parameters import resolve_parameters
from local.stack.template import REGION, load, transform

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "template.yaml"


@cache
def written() -> dict[str, Any]:
    """The template as written."""
    return load(TEMPLATE)


@cache
def deployed() -> dict[str, dict[str, Any]]:
    """The resources that a deployment with the default parameters makes, by logical id."""
    template = load(TEMPLATE)
    # The transformation asks for a region, which it finds nowhere but here.
    with patch.dict(os.environ, {"AWS_DEFAULT_REGION": REGION}):
        resources: dict[str, dict[str, Any]] = transform(template, defaults(), ROOT)["Resources"]
    return resources


def defaults() -> dict[str, Any]:
    """The default of each parameter, as text."""
    return resolve_parameters(load(TEMPLATE)["Parameters"], {})


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    """The properties of the deployed resources of one type, by logical id."""
    return {name: entry.get("Properties", {}) for name, entry in deployed().items() if entry["Type"] == kind}


def references(value: Any) -> Iterator[str]:
    """Every name that a value refers to by Ref, GetAtt or Sub."""
    if isinstance(value, list):
        for entry in value:
            yield from references(entry)
    elif isinstance(value, dict):
        for key, entry in value.items():
            if key == "Ref":
                yield entry
            elif key == "Fn::GetAtt":
                yield entry[0] if isinstance(entry, list) else entry.split(".")[0]
            elif key == "Fn::Sub":
                text = entry if isinstance(entry, str) else entry[0]
                yield from (part.split("}")[0].split(".")[0] for part in text.split("${")[1:])
            else:
                yield from references(entry)


def statements(role: str) -> list[dict[str, Any]]:
    """All policy statements of a role: its own, and those of policies attached to it."""
    own = [policy["PolicyDocument"] for policy in deployed()[role]["Properties"].get("Policies", [])]
    attached = [
        policy["PolicyDocument"] for policy in of_type("AWS::IAM::Policy").values() if {"Ref": role} in policy["Roles"]
    ]
    found: list[dict[str, Any]] = []
    for document in own + attached:
        statement = document["Statement"]
        found.extend(statement if isinstance(statement, list) else [statement])
    return found


def actions(statement: dict[str, Any]) -> list[str]:
    """The actions of a policy statement."""
    action = statement["Action"]
    return [action] if isinstance(action, str) else action
