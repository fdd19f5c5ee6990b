"""What starting a function must not bring along: told by modules, not by time."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

HANDLERS = sorted(f"{path.parent.name}.{path.stem}" for path in (ROOT / "functions").glob("*/*_handler.py"))

_START = """
import gc, importlib, json, sys
importlib.import_module(sys.argv[1])
print(json.dumps({"modules": list(sys.modules), "collecting": gc.isenabled(), "frozen": gc.get_freeze_count()}))
"""

NEEDLESS = {
    "boto3": "botocore's clients are all that is used (18 ms, 3 MB)",
    "s3transfer": "comes with boto3",
    "multiprocessing": "comes with s3transfer",
    "aws_xray_sdk": "nothing is traced by hand (100 ms)",
    "aws_lambda_powertools.utilities.idempotency": "images are submitted elsewhere",
    "aws_lambda_powertools.utilities.parameters": "imports boto3",
    "aws_lambda_powertools.utilities.validation": "the models validate",
    "aws_lambda_powertools.event_handler.middlewares.openapi_validation": "the models validate",
    "avatar.models": "the webhook shows no sessions (8 ms)",
    "images": "another feature",
}
"""Modules the webhook has no use for, and why."""


@cache
def start(handler: str) -> Any:
    """What an interpreter looks like that has imported a handler and nothing else."""
    path = os.pathsep.join(map(str, (ROOT / "functions", ROOT / "layers" / "client")))
    done = subprocess.run(
        [sys.executable, "-c", _START, handler],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("module", NEEDLESS)
def test_the_webhook_starts_without(module: str) -> None:
    loaded = start("avatar.webhook_handler")["modules"]

    assert [name for name in loaded if name == module or name.startswith(f"{module}.")] == [], NEEDLESS[module]


@pytest.mark.parametrize("handler", HANDLERS)
def test_the_collector_rests_while_libraries_are_imported_and_works_afterwards(handler: str) -> None:
    environment = start(handler)
    order = environment["modules"]

    for library in ("aws_lambda_powertools", "botocore", "httpx", "pydantic"):
        assert order.index("common.startup") < order.index(library)
    assert environment["collecting"]
    assert environment["frozen"] > 10_000


def test_building_the_clients_reads_no_trusted_roots() -> None:
    program = (
        "from digital_twin import oh, transport, trulience\n"
        "clients = oh.OhClient('https://api.example', str), trulience.CallbackClient()\n"
        "print(transport.tls_context.cache_info().currsize)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(ROOT / "layers" / "client")},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert done.stdout.strip() == "0"
