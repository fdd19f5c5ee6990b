"""CheckJob as the workflow calls it."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from common.errors import UnavailableError
from images import check_handler


@pytest.fixture
def check(
    world: Any, event: Callable[..., dict[str, Any]], context: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, Any]]:
    monkeypatch.setattr(check_handler, "oh_client", world.provider.client)

    def call(**changes: Any) -> dict[str, Any]:
        defaults = {"job_id": "job-1", "deadline_at": time.time() + 100}
        return check_handler.lambda_handler(event("check_job", **{**defaults, **changes}), context)

    return call


def test_the_provider_is_asked_once_even_in_trouble(check: Any, world: Any) -> None:
    world.provider.says(503, {"error": "busy"}, **{"retry-after": "7"})
    outcome = check()
    assert (outcome["decision"], outcome["wait_seconds"], outcome["polls"]) == ("processing", 7, 1)
    assert len(world.provider.requests) == 1


def test_a_changed_status_is_shown(check: Any, world: Any, make_job: Any) -> None:
    world.put(make_job())
    world.provider.says(200, {"job_id": "job-1", "status": "processing"})
    assert check()["status"] == "processing"
    assert world.jobs.find("job-1").status == "processing"


def test_a_status_that_cannot_be_written_is_shown_later(check: Any, world: Any) -> None:
    world.dynamodb.delete_table(TableName="jobs")
    world.provider.says(200, {"job_id": "job-1", "status": "processing"})
    outcome = check()
    assert (outcome["decision"], outcome["status"]) == ("processing", "queued")


def test_a_finished_job_keeps_what_the_provider_says_of_it(check: Any, world: Any, make_job: Any) -> None:
    world.put(make_job())
    results = {"image_prompt": "a prompt", "followup_text": "a line"}
    world.provider.says(200, {"job_id": "job-1", "status": "completed", "url": "https://x/y", "results": results})
    outcome = check()
    assert (outcome["decision"], outcome["url"]) == ("completed", "https://x/y")
    job = world.jobs.find("job-1")
    assert (job.status, job.image_prompt, job.followup_text) == ("processing", "a prompt", "a line")
    assert "a prompt" not in str(outcome)


def test_what_the_provider_says_is_not_lost_to_a_table_in_trouble(check: Any, world: Any) -> None:
    world.dynamodb.delete_table(TableName="jobs")
    results = {"followup_text": "a line"}
    world.provider.says(200, {"job_id": "job-1", "status": "completed", "url": "https://x/y", "results": results})
    with pytest.raises(UnavailableError):
        check()


def test_a_finished_job_with_nothing_new_writes_nothing(check: Any, world: Any) -> None:
    world.dynamodb.delete_table(TableName="jobs")
    world.provider.says(200, {"job_id": "job-1", "status": "completed", "url": "https://x/y"})
    assert check(status="processing")["decision"] == "completed"


def test_a_job_that_has_ended_stays_as_it_is(check: Any, world: Any, make_job: Any) -> None:
    world.put(make_job(status="failed"))
    world.provider.says(200, {"job_id": "job-1", "status": "processing"})
    check()
    assert world.jobs.find("job-1").status == "failed"


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (404, {"error": "no such job"}, "job_lost"),
        (200, {"job_id": "job-1", "status": "paused"}, "unknown_status"),
        (200, {"job_id": "job-1", "status": "failed", "error": "no"}, "provider_failed"),
        (403, {"message": "no credit"}, "upstream_refused"),
    ],
)
def test_a_final_answer_fails_the_job(check: Any, world: Any, status: int, body: Any, code: str) -> None:
    world.provider.says(status, body)
    outcome = check()
    assert (outcome["decision"], outcome["code"]) == ("failed", code)
    assert outcome["message"]


def test_the_deadline_ends_the_job(check: Any, world: Any) -> None:
    world.provider.says(200, {"job_id": "job-1", "status": "queued"})
    outcome = check(deadline_at=time.time() - 1)
    assert (outcome["decision"], outcome["code"]) == ("timed_out", "timeout")


def test_every_outcome_has_every_member(check: Any, world: Any) -> None:
    outcomes = []
    for body in ({"status": "queued"}, {"status": "completed", "url": "https://x/y"}, {"status": "failed"}):
        world.provider.says(200, {"job_id": "job-1", **body})
        outcomes.append(check(status="processing"))
    assert len({frozenset(outcome) for outcome in outcomes}) == 1
