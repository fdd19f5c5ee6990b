"""What each function's execution environments are made of, in AWS's terms."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from local.stack.aws_endpoint import CREDENTIALS
from local.stack.blueprint import FunctionSpec
from local.stack.template import ACCOUNT, REGION
from local.stack.worker import EnvironmentSpec

CODE_DIRECTORIES = ("functions", "layers/client")
"""The functions' code and the layer's, in the order of Lambda's import path."""


def code_directories(root: Path) -> tuple[str, ...]:
    """Where a function's imports start from."""
    return tuple(str(root / directory) for directory in CODE_DIRECTORIES)


def environment_spec(function: FunctionSpec, root: Path, aws_url: str, *, quiet: bool) -> EnvironmentSpec:
    """What to make a function's environments of.

    Args:
        function: The function.
        root: The project's directory.
        aws_url: The AWS endpoint.
        quiet: Drop what the function prints.

    """
    return EnvironmentSpec(
        function=function.name,
        arn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function.name}",
        handler=function.handler,
        timeout=function.timeout,
        memory=function.memory,
        variables={**function.environment, **_platform_variables(function, root, aws_url)},
        code=code_directories(root),
        hidden=(str(root),),
        quiet=quiet,
    )


def _platform_variables(function: FunctionSpec, root: Path, aws_url: str) -> Mapping[str, str]:
    """What Lambda sets, the endpoint in place of AWS, and the word that loopback addresses are fine here."""
    code = code_directories(root)
    return {
        **CREDENTIALS,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_REGION": REGION,
        "EMBEDDED_STACK": "true",
        "LAMBDA_TASK_ROOT": code[0],
        "LANG": "en_US.UTF-8",
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(code),
        "TZ": ":UTC",
        "_HANDLER": function.handler,
    }
