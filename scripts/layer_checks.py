"""Checks of a built layer: whatever was cut away or chosen for another machine, nothing that is used may be missing."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts import certificates
from scripts.build_target import BuildTarget

# Every AWS operation the functions call, by boto3's name of the service, with the least it has to be called with; a
# unit test compares the template's policies.
OPERATIONS: Mapping[str, Mapping[str, Mapping[str, object]]] = {
    "dynamodb": {
        "BatchGetItem": {"RequestItems": {"table": {"Keys": [{"id": {"S": "1"}}]}}},
        "DeleteItem": {"TableName": "table", "Key": {"id": {"S": "1"}}},
        "GetItem": {"TableName": "table", "Key": {"id": {"S": "1"}}},
        "PutItem": {"TableName": "table", "Item": {"id": {"S": "1"}}},
        "Query": {"TableName": "table"},
        "UpdateItem": {"TableName": "table", "Key": {"id": {"S": "1"}}},
    },
    "s3": {
        "GetObject": {"Bucket": "bucket", "Key": "key"},
        "PutObject": {"Bucket": "bucket", "Key": "key", "Body": "body", "ChecksumAlgorithm": "SHA256"},
    },
    "secretsmanager": {"GetSecretValue": {"SecretId": "secret"}},
    "stepfunctions": {
        "DescribeExecution": {"executionArn": "arn:aws:states:eu-central-1:123456789012:execution:machine:name"},
        "StartExecution": {"stateMachineArn": "arn:aws:states:eu-central-1:123456789012:stateMachine:machine"},
    },
    "sts": {"AssumeRole": {"RoleArn": "arn:aws:iam::123456789012:role/role", "RoleSessionName": "session"}},
}

IMPORTS = (
    "digital_twin.oh",
    "digital_twin.trulience",
    "aws_lambda_powertools.event_handler",
    "aws_lambda_powertools.metrics",
    "aws_lambda_powertools.utilities.idempotency",
    "aws_lambda_powertools.utilities.parameters",
    "boto3",
    "httpx",
    "pydantic",
)

# AWS asks clients to trust these five: https://www.amazontrust.com/repository/
AWS_ROOTS = frozenset(
    {*(f"Amazon Root CA {number}" for number in (1, 2, 3, 4)), "Starfield Services Root Certificate Authority - G2"}
)

# Calls every operation up to the network and back: the request is built, resolved and signed, an empty answer is read.
_CALL = """
import json, sys
sys.path.insert(0, sys.argv[1])
import boto3, botocore
from botocore.awsrequest import AWSResponse
assert botocore.__file__.startswith(sys.argv[1]), botocore.__file__
session = boto3.Session(aws_access_key_id="unused", aws_secret_access_key="unused", region_name="eu-central-1")

class Empty:
    def __init__(self, body):
        self.body = body
    def stream(self, **options):
        yield self.body

def answer(request, **context):
    assert request.url.startswith("https://"), request.url
    assert "Authorization" in request.headers, request.url
    return AWSResponse(request.url, 200, {}, Empty(b"" if request.method in ("GET", "PUT") else BODIES[service]))

BODIES = {"sts": b"<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>"}
for service, operations in json.loads(sys.argv[2]).items():
    BODIES.setdefault(service, b"{}")
    client = session.client(service)
    client.meta.events.register("before-send", answer)
    for operation, parameters in operations.items():
        getattr(client, botocore.xform_name(operation))(**parameters)
"""

_IMPORT = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    module = importlib.import_module(name)
    assert module.__file__.startswith(sys.argv[1]), module.__file__
"""


class LayerError(Exception):
    """The built layer would not work."""


def missing_requirements(python: Path, target: BuildTarget) -> list[str]:
    """Requirements of the shipped packages that hold on the target and are not shipped.

    (pip judges conditions such as ``python_version < "3.12"`` by the Python it runs on, not by the target's.)
    """
    shipped = {}
    for metadata in python.glob("*.dist-info/METADATA"):
        headers = HeaderParser().parsestr(metadata.read_text(encoding="utf-8"))
        shipped[canonicalize_name(headers["Name"])] = (headers["Version"], headers.get_all("Requires-Dist") or [])
    environment = {
        "python_version": target.version,
        "python_full_version": f"{target.version}.0",
        "platform_machine": target.machine,
        "platform_system": "Linux",
        "sys_platform": "linux",
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "extra": "",
    }
    missing = []
    for name, (_, lines) in shipped.items():
        for requirement in map(Requirement, lines):
            if requirement.marker and not requirement.marker.evaluate(environment):
                continue
            version, _ = shipped.get(canonicalize_name(requirement.name), (None, []))
            if version is None or not requirement.specifier.contains(version, prereleases=True):
                missing.append(f"{name} needs {requirement}, and {version or 'nothing'} is shipped")
    return missing


def check_requirements(python: Path, target: BuildTarget) -> None:
    """Raises LayerError where a shipped package lacks another."""
    missing = missing_requirements(python, target)
    if missing:
        raise LayerError("; ".join(missing))


def _foreign(path: Path, machine: str) -> bool:
    # e_machine of the ELF header: two bytes at offset 18, little-endian on both processors.
    codes = {"x86_64": 0x3E, "aarch64": 0xB7}
    with path.open("rb") as file:
        header = file.read(20)
    return header[:4] != b"\x7fELF" or int.from_bytes(header[18:20], "little") != codes[machine]


def check_binaries(python: Path, target: BuildTarget) -> None:
    """Raises LayerError where a compiled module is for another processor or another Python."""
    tag = f"cpython-{target.version.replace('.', '')}-"
    for path in _compiled_modules(python):
        other_python = ".cpython-" in path.name and tag not in path.name
        if other_python or _foreign(path, target.machine):
            raise LayerError(f"{path.relative_to(python)} is not for {target}")


def _compiled_modules(python: Path) -> Iterator[Path]:
    return python.rglob("*.so")


def check_operations(python: Path) -> None:
    """Raises LayerError where boto3, as shipped, cannot make a call that the functions make.

    boto3 is pure Python: any Python of this machine can tell.
    """
    _run(sys.executable, _CALL, str(python), json.dumps(OPERATIONS))


def check_imports(python: Path, interpreter: str) -> None:
    """Raises LayerError where a package of the layer cannot be imported by an interpreter of the target's kind."""
    _run(interpreter, _IMPORT, str(python), *IMPORTS)


def check_certificates(python: Path) -> None:
    """Raises LayerError where one of certifi's roots is not found in the hashed folder, or AWS's bundle lacks one."""
    missing = certificates.untrusted(python / certificates.BUNDLE, python / certificates.HASHED_FOLDER)
    if missing:
        raise LayerError(f"not trusted from the hashed folder: {', '.join(missing)}")
    found = {
        certificates.subject_of(root)["commonName"] for root in certificates.roots(python / certificates.AWS_BUNDLE)
    }
    if not found >= AWS_ROOTS:
        raise LayerError(f"not in the bundle of AWS's roots: {', '.join(sorted(AWS_ROOTS - found))}")


def _run(interpreter: str, program: str, *arguments: str) -> None:
    # -I: neither this folder nor the user's packages may lend what the layer lacks. -B: leave no byte code behind.
    command = [interpreter, "-I", "-B", "-S", "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=_bare_environment(), check=False, timeout=120)
    if done.returncode:
        raise LayerError(done.stderr.strip()[-2000:])


def _bare_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
