"""The description of the API against the API: schemathesis asks for everything it allows, and for much it does not.

Every answer has to be a described one, and none may be a fault of ours.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.image_jobs import Provider
from tests.stack_fixture import RunningStack

SCHEMA = schemathesis.openapi.from_path(Path(__file__).parents[2] / "docs" / "openapi.yaml")
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 25
"""Requests for each operation: every one of them runs through the whole stack."""


@pytest.fixture(scope="module")
def described(embedded_stack: RunningStack) -> Iterator[RunningStack]:
    """The stack, with a provider whose jobs fail soon: nothing here looks at pictures."""
    provider = Provider(embedded_stack)
    provider.reset()
    provider.set(jobs={"outcome": "failed"})
    yield embedded_stack
    provider.reset()


def headers_for(case: schemathesis.Case, stack: RunningStack) -> dict[str, str]:
    """The credentials of whoever calls the operation."""
    if case.path.endswith(("/webhook", "/session-events")):
        return {"Authorization": f"Bearer {stack.trulience_api_key}"}
    return {"X-API-Key": stack.partner_api_keys[1]}


@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_described(case: schemathesis.Case, described: RunningStack) -> None:
    # What breaks a rule has to be refused. Elsewhere unknown parameters and fields are ignored on purpose.
    refusing = [negative_data_rejection] if (case.method, case.path) == ("POST", "/images") else []
    case.call_and_validate(
        base_url=described.api_url, headers=headers_for(case, described), checks=[*CHECKS, *refusing], timeout=30
    )
