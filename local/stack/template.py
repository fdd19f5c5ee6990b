"""Reading template.yaml and turning it into plain CloudFormation, as a deployment does."""

from __future__ import annotations

import copy
import json
import logging
from pathlib import Path
from typing import Any

from local.stack.errors import ConfigurationError

REGION = "us-east-1"
ACCOUNT = "123456789012"
"""The account that moto puts everything into."""

_DUMMY_URI = "s3://local/code"
"""The transformation wants code on S3; nothing reads it from there."""


def load(path: Path) -> dict[str, Any]:
    """The template as written, short intrinsic functions (``!Ref``) spelled out.

    Raises:
        ConfigurationError: There is no such file, or it is not YAML.
    """
    from samcli.yamlhelper import yaml_parse

    try:
        return json.loads(json.dumps(yaml_parse(path.read_text(encoding="utf-8")), default=str))  # type: ignore[no-any-return]
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise ConfigurationError(f"{path} is not a template: {error}") from error


def transform(template: dict[str, Any], parameters: dict[str, Any], root: Path) -> dict[str, Any]:
    """The template after the serverless transformation: plain CloudFormation, intrinsic functions still in it.

    Args:
        template: What `load` gave.
        parameters: Values of the parameters; the transformation looks into some of them.
        root: The directory the template's own paths start from.

    Raises:
        ConfigurationError: The template is not valid, or names a file that does not exist.
    """
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.public.translator import ManagedPolicyLoader
    from samtranslator.translator.transform import transform as to_cloudformation

    # It says twice that a rollout switch of its own makers is missing; nothing here has one.
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    source = _without_local_files(template, root)
    try:
        return to_cloudformation(source, dict(parameters), ManagedPolicyLoader(_NoManagedPolicies()))  # type: ignore[no-any-return]
    except InvalidDocumentException as error:
        reasons = "; ".join(str(cause.message) for cause in error.causes)
        raise ConfigurationError(f"The template is not valid: {reasons}") from error


class _NoManagedPolicies:
    """Stands in for IAM: policies given by a managed policy's name have no meaning here."""

    def get_paginator(self, _operation: str) -> _NoManagedPolicies:
        return self

    def paginate(self, **_arguments: Any) -> list[dict[str, Any]]:
        return []


def _without_local_files(template: dict[str, Any], root: Path) -> dict[str, Any]:
    """The template with a state machine's definition in place of its file, and made-up places for code."""
    source = copy.deepcopy(template)
    source.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
    for resource in source["Resources"].values():
        properties = resource.setdefault("Properties", {})
        match resource["Type"]:
            case "AWS::Serverless::Function":
                properties["CodeUri"] = _DUMMY_URI
            case "AWS::Serverless::LayerVersion":
                properties["ContentUri"] = _DUMMY_URI
            case "AWS::Serverless::StateMachine" if "DefinitionUri" in properties:
                properties["Definition"] = load(root / properties.pop("DefinitionUri"))
    return source
