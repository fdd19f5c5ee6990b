"""Executions: named after their jobs, started once, found again."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import UnavailableError
from images.executions import execution_input, safe_name


@given(st.from_regex(r"[A-Za-z0-9_-]{1,80}", fullmatch=True))
def test_an_id_that_can_be_a_name_is_one(job_id: str) -> None:
    assert safe_name(job_id) == job_id


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1))
def test_any_id_has_a_name_that_step_functions_takes(job_id: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,80}", safe_name(job_id))


def test_different_ids_have_different_names() -> None:
    assert safe_name("a b") != safe_name("a_b") != safe_name("a/b")


def test_starting_twice_is_starting_once(world: Any, make_job: Any) -> None:
    given_input = execution_input(make_job(), deadline_at=1.5)
    world.executions.start("job-1", given_input)
    world.executions.start("job-1", given_input)
    assert world.started() == ["job-1"]


def test_starting_an_ended_one_again_does_nothing(world: Any, make_job: Any) -> None:
    given_input = execution_input(make_job(), deadline_at=1.5)
    world.executions.start("job-1", given_input)
    arn = world.states.list_executions(stateMachineArn=world.state_machine_arn)["executions"][0]["executionArn"]
    world.states.stop_execution(executionArn=arn)
    world.executions.start("job-1", given_input)
    assert world.started() == ["job-1"]


def test_an_execution_is_found_with_its_record(world: Any, make_job: Any) -> None:
    world.executions.start("job-1", execution_input(make_job(), deadline_at=1.5))
    found = world.executions.find("job-1")
    assert found.running
    assert found.record["job_id"] == {"S": "job-1"}


def test_what_was_never_started_is_not_found(world: Any) -> None:
    assert world.executions.find("none") is None


def test_an_execution_started_by_hand_is_no_job(world: Any) -> None:
    world.states.start_execution(stateMachineArn=world.state_machine_arn, name="by-hand", input="[1]")
    assert world.executions.find("by-hand").record == {}


def test_step_functions_in_trouble_is_told_in_our_own_words(world: Any, make_job: Any) -> None:
    world.states.delete_state_machine(stateMachineArn=world.state_machine_arn)
    with pytest.raises(UnavailableError):
        world.executions.start("job-1", execution_input(make_job(), deadline_at=1.5))


@pytest.mark.parametrize(
    ("request_", "first", "callback"),
    [
        ({}, "nobody", "no"),
        ({"session_id": "s"}, "session", "no"),
        ({"callback_url": "https://x/"}, "callback", "yes"),
        ({"session_id": "s", "callback_url": "https://x/"}, "session", "yes"),
    ],
)
def test_the_workflow_is_told_whom_to_tell(make_job: Any, request_: Any, first: str, callback: str) -> None:
    asked = json.loads(execution_input(make_job(request=request_), deadline_at=1.5))["asked"]
    assert asked == {"first": first, "callback": callback}
