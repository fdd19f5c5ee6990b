"""Submitting: asked for once, paid for once, started whatever happens in between."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from common.errors import (
    ConflictError,
    GatewayTimeoutError,
    InvalidInputError,
    KeyReusedError,
    ProblemError,
    UnavailableError,
)
from digital_twin import oh
from images.idempotency import answer_once, key_of
from images.job import ImageRequest
from images.submission import Submissions, body_of
from images.submission_ledger import SubmissionLedger

REQUEST = ImageRequest(character_id="1234", prompt="A beach")


def allow(url: str) -> None:
    """A check that lets every callback_url pass."""


@pytest.fixture
def build(world: Any) -> Callable[..., Submissions]:
    def make(**changes: Any) -> Submissions:
        parts = {
            "provider": world.provider.client(),
            "ledger": SubmissionLedger(world.dynamodb, "idempotency"),
            "executions": world.executions,
            "check_callback": allow,
            "deadline_seconds": 300,
            "retention_days": 30,
        }
        return Submissions(**{**parts, **changes})

    return make


class BrokenExecutions:
    """Step Functions refuses."""

    def start(self, job_id: str, input_json: str) -> None:
        raise UnavailableError("no")


class BrokenLedger(SubmissionLedger):
    """DynamoDB refuses once the provider has been asked."""

    def accept(self, *args: Any) -> None:
        raise UnavailableError("no")

    def release(self, *args: Any) -> None:
        raise UnavailableError("no")


def test_an_accepted_job_starts_a_workflow_named_after_it(build: Callable[..., Submissions], world: Any) -> None:
    world.provider.accepts("job-1")
    answer = build().submit(REQUEST, "partner-1")
    assert (answer["job_id"], answer["status"]) == ("job-1", "queued")
    assert world.started() == ["job-1"]


def test_the_workflow_knows_the_deadline_and_no_prompt(build: Callable[..., Submissions], world: Any) -> None:
    world.provider.accepts("job-1")
    build(now=lambda: 1000.5).submit(REQUEST, "partner-1")
    given = world.input_of("job-1")
    assert given["job"] == {"job_id": "job-1", "deadline_at": 1300.5}
    assert given["check"]["wait_seconds"] == 2
    assert "A beach" not in json.dumps(given)


def test_the_provider_gets_what_was_asked_for(build: Callable[..., Submissions], world: Any) -> None:
    world.provider.accepts()
    asked = {"resolution": [512, 640], "prompt_enhancement": True, "room_id": "r"}
    build().submit(ImageRequest.model_validate({**body_of(REQUEST), **asked}), "partner-1")
    assert json.loads(world.provider.requests[0].content) == {"character_id": "1234", "prompt": "A beach", **asked}


def test_a_refused_callback_url_costs_nothing(build: Callable[..., Submissions], world: Any) -> None:
    def refuse(url: str) -> None:
        raise InvalidInputError("no")

    request = REQUEST.model_copy(update={"callback_url": "https://10.0.0.1/"})
    with pytest.raises(InvalidInputError):
        build(check_callback=refuse).submit(request, "partner-1")
    assert world.provider.requests == []


def test_moderation_reaches_the_caller_and_frees_the_key(build: Callable[..., Submissions], world: Any) -> None:
    world.provider.says(400, {"error": "Prompt failed moderation"})
    with pytest.raises(oh.OhModerationError):
        build().submit_under("key", REQUEST, "partner-1")
    world.provider.accepts("job-2")
    assert build().submit_under("key", REQUEST, "partner-1")["job_id"] == "job-2"


@pytest.mark.parametrize("status", [401, 403, 404, 422])
def test_any_refusal_frees_the_key(build: Callable[..., Submissions], world: Any, status: int) -> None:
    world.provider.says(status, {"error": "no"})
    with pytest.raises(oh.OhApiError):
        build().submit_under("key", REQUEST, "partner-1")
    world.provider.accepts()
    assert build().submit_under("key", REQUEST, "partner-1")["status"] == "queued"


def test_a_key_that_cannot_be_freed_does_not_hide_the_refusal(build: Callable[..., Submissions], world: Any) -> None:
    world.provider.says(404, {"error": "no such character"})
    with pytest.raises(oh.OhNotFoundError):
        build(ledger=BrokenLedger(world.dynamodb, "idempotency")).submit_under("key", REQUEST, "partner-1")


UNKNOWN = [
    httpx.ReadTimeout("silence"),
    httpx.ReadError("reset"),
    httpx.Response(202, text="<html>"),
    httpx.Response(202, json={"message": "but no id"}),
]


@pytest.mark.parametrize("outcome", UNKNOWN, ids=["timeout", "reset", "html", "no id"])
def test_an_unknown_outcome_is_told_and_never_repeated(
    build: Callable[..., Submissions], world: Any, outcome: Any
) -> None:
    world.provider.answers.append(outcome)
    with pytest.raises(GatewayTimeoutError) as unknown:
        build().submit_under("key", REQUEST, "partner-1")
    assert unknown.value.code == "submission_unknown"
    assert "may exist" in unknown.value.message
    with pytest.raises(GatewayTimeoutError):
        build().submit_under("key", REQUEST, "partner-1")
    assert len(world.provider.requests) == 1


def test_without_a_key_an_unknown_outcome_is_told_too(build: Callable[..., Submissions], world: Any) -> None:
    world.provider.breaks(httpx.ReadTimeout("silence"))
    with pytest.raises(GatewayTimeoutError):
        build().submit(REQUEST, "partner-1")


def test_a_repeat_continues_a_job_whose_workflow_could_not_start(build: Callable[..., Submissions], world: Any) -> None:
    world.provider.accepts("job-1")
    with pytest.raises(UnavailableError) as problem:
        build(executions=BrokenExecutions()).submit_under("key", REQUEST, "partner-1")
    assert (problem.value.code, problem.value.details["job_id"]) == ("workflow_not_started", "job-1")
    assert world.started() == []
    assert build().submit_under("key", REQUEST, "partner-1")["job_id"] == "job-1"
    assert world.started() == ["job-1"]
    assert len(world.provider.requests) == 1


def test_a_caller_without_a_key_is_given_one_to_continue_with(build: Callable[..., Submissions], world: Any) -> None:
    world.provider.accepts("job-1")
    with pytest.raises(UnavailableError) as problem:
        build(executions=BrokenExecutions()).submit(REQUEST, "partner-1")
    key = str(problem.value.details["idempotency_key"])
    assert key in problem.value.message
    assert build().submit_under(key, REQUEST, "partner-1")["job_id"] == "job-1"
    assert len(world.provider.requests) == 1


def test_where_nothing_can_be_kept_the_job_id_is_told(build: Callable[..., Submissions], world: Any) -> None:
    world.provider.accepts("job-1")
    broken = build(executions=BrokenExecutions(), ledger=BrokenLedger(world.dynamodb, "idempotency"))
    with pytest.raises(UnavailableError) as problem:
        broken.submit(REQUEST, "partner-1")
    assert problem.value.details == {"job_id": "job-1"}


def test_a_job_is_started_even_if_its_acceptance_cannot_be_noted(build: Callable[..., Submissions], world: Any) -> None:
    world.provider.accepts("job-1")
    submissions = build(ledger=BrokenLedger(world.dynamodb, "idempotency"))
    assert submissions.submit_under("key", REQUEST, "partner-1")["job_id"] == "job-1"
    assert world.started() == ["job-1"]


def test_a_started_job_may_be_started_again(build: Callable[..., Submissions], world: Any) -> None:
    world.provider.accepts("job-1")
    first = build().submit_under("key", REQUEST, "partner-1")
    assert build().submit_under("key", REQUEST, "partner-1") == first
    assert world.started() == ["job-1"]


def test_another_body_under_the_same_key_is_refused(build: Callable[..., Submissions], world: Any) -> None:
    world.provider.accepts("job-1")
    build().submit_under("key", REQUEST, "partner-1")
    other = REQUEST.model_copy(update={"prompt": "A forest"})
    with pytest.raises(KeyReusedError):
        build().submit_under("key", other, "partner-1")
    assert len(world.provider.requests) == 1


def test_two_partners_keys_have_nothing_to_do_with_each_other(build: Callable[..., Submissions], world: Any) -> None:
    world.provider.accepts("job-1")
    world.provider.accepts("job-2")
    assert build().submit_under("key", REQUEST, "partner-1")["job_id"] == "job-1"
    assert build().submit_under("key", REQUEST, "partner-2")["job_id"] == "job-2"


def test_a_key_is_free_again_after_a_day(build: Callable[..., Submissions], world: Any) -> None:
    world.provider.accepts("job-1")
    world.provider.accepts("job-2")
    build(now=lambda: 1_000.0).submit_under("key", REQUEST, "partner-1")
    answer = build(now=lambda: 1_001.0 + 24 * 3600).submit_under("key", REQUEST, "partner-1")
    assert answer["job_id"] == "job-2"


# --- Powertools' part


def once(
    context: Any, answer: Callable[[], dict[str, Any]], *, key: str = "key", prompt: str = "x", partner: str = "p"
) -> Any:
    return answer_once(partner, key, {"prompt": prompt}, context, answer)


def test_an_answer_is_worked_out_once(world: Any, context: Any) -> None:
    calls: list[int] = []

    def answer() -> dict[str, Any]:
        calls.append(1)
        return {"job_id": "j", "status": "queued"}

    assert once(context, answer) == once(context, answer) == {"job_id": "j", "status": "queued"}
    assert len(calls) == 1


def test_a_request_in_flight_is_a_conflict(world: Any, context: Any) -> None:
    def meanwhile() -> dict[str, Any]:
        with pytest.raises(ConflictError) as conflict:
            once(context, dict)
        assert conflict.value.retry_after
        return {"n": 1}

    assert once(context, meanwhile) == {"n": 1}


def test_another_body_is_refused_even_while_the_first_is_in_flight(world: Any, context: Any) -> None:
    def meanwhile() -> dict[str, Any]:
        with pytest.raises(KeyReusedError):
            once(context, dict, prompt="y")
        return {"n": 1}

    once(context, meanwhile)
    with pytest.raises(KeyReusedError):
        once(context, dict, prompt="y")


def test_keys_and_partners_are_told_apart(world: Any, context: Any) -> None:
    assert once(context, lambda: {"n": 1}) == {"n": 1}
    assert once(context, lambda: {"n": 2}, partner="q") == {"n": 2}
    assert once(context, lambda: {"n": 3}, key="other") == {"n": 3}


def test_a_failure_is_not_remembered(world: Any, context: Any) -> None:
    def fail() -> dict[str, Any]:
        raise InvalidInputError("no")

    with pytest.raises(InvalidInputError):
        once(context, fail)
    assert once(context, lambda: {"n": 1}) == {"n": 1}


def test_without_the_table_nothing_is_worked_out(world: Any, context: Any) -> None:
    world.dynamodb.delete_table(TableName="idempotency")
    with pytest.raises(UnavailableError):
        once(context, lambda: pytest.fail("worked out"))


def test_what_was_worked_out_stands_if_the_table_goes_meanwhile(world: Any, context: Any) -> None:
    def answer() -> dict[str, Any]:
        world.dynamodb.delete_table(TableName="idempotency")
        return {"n": 1}

    assert once(context, answer) == {"n": 1}


def test_so_does_what_failed(world: Any, context: Any) -> None:
    def fail() -> dict[str, Any]:
        world.dynamodb.delete_table(TableName="idempotency")
        raise InvalidInputError("no")

    with pytest.raises(InvalidInputError):
        once(context, fail)


@pytest.mark.parametrize("key", ["k", "x" * 255, "!~#[]{}"])
def test_a_key_is_up_to_255_visible_characters(key: str) -> None:
    assert key_of({"IDEMPOTENCY-KEY": key}) == key


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "kö", "a\n", "\t"])
def test_any_other_key_is_refused(key: str) -> None:
    with pytest.raises(ProblemError) as refused:
        key_of({"Idempotency-Key": key})
    assert "1 to 255" in refused.value.message


def test_no_key_is_fine() -> None:
    assert key_of({"Accept": "*/*"}) is None
