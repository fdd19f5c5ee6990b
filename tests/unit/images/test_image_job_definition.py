"""The workflow's definition keeps its promises: bounded everywhere, and in the portable subset of its language."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TEXT = (Path(__file__).parents[3] / "statemachines" / "image_job.asl.json").read_text()
STATES: dict[str, dict[str, Any]] = json.loads(TEXT)["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}


def followers(state: dict[str, Any]) -> Iterator[str]:
    if "Next" in state:
        yield state["Next"]
    for branch in state.get("Choices", []) + state.get("Catch", []):
        yield branch["Next"]
    if "Default" in state:
        yield state["Default"]


@pytest.mark.parametrize("name", TASKS)
def test_every_task_ends_retries_a_bounded_number_of_times_and_records_its_failure(name: str) -> None:
    task = TASKS[name]
    assert task["TimeoutSeconds"] > 0
    assert all(retry["MaxAttempts"] <= 40 for retry in task["Retry"])
    assert all("MaxDelaySeconds" in retry for retry in task["Retry"] if retry["MaxAttempts"])
    assert task["Retry"][-1]["ErrorEquals"] == ["States.ALL"]
    assert task["Catch"][-1]["ErrorEquals"] == ["States.ALL"]


def test_every_state_is_reached_and_leads_to_an_end() -> None:
    reached, open_ = set(), [json.loads(TEXT)["StartAt"]]
    while open_:
        name = open_.pop()
        if name not in reached:
            reached.add(name)
            open_ += followers(STATES[name])
    assert reached == set(STATES)
    assert {name for name, state in STATES.items() if state["Type"] in ("Succeed", "Fail")} == {"Completed", "Failed"}


def test_choices_compare_strings_and_have_a_default() -> None:
    for state in STATES.values():
        if state["Type"] == "Choice":
            assert state["Default"]
            assert all(set(choice) == {"Variable", "StringEquals", "Next"} for choice in state["Choices"])


@pytest.mark.parametrize("foreign", ["$$.", "Assign", "QueryLanguage", "JSONata", "{%"])
def test_nothing_is_used_that_an_emulator_does_not_know(foreign: str) -> None:
    assert foreign not in TEXT


def test_names_of_functions_and_tables_come_from_the_template() -> None:
    assert set(re.findall(r"\$\{(\w+)\}", TEXT)) == {
        "JobsTable",
        "CheckJobFunctionArn",
        "StoreResultFunctionArn",
        "NotifyFunctionArn",
    }
    assert re.findall(r"arn:aws:(?!states:::dynamodb:(?:put|update)Item\")", TEXT) == []


def test_a_record_that_has_ended_is_never_overwritten() -> None:
    for name in ("MarkCompleted", "MarkFailed"):
        condition = STATES[name]["Parameters"]["ConditionExpression"]
        assert condition == "attribute_exists(job_id) AND #status IN (:queued, :processing)"
