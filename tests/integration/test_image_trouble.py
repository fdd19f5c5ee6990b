"""Image jobs under trouble: the real definition and the real handlers, with everything around them going wrong.

Waits are real seconds, so jobs that meet different trouble run side by side wherever the trouble can be told apart.
"""

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.image_jobs import Partner, Provider, Receiver, execution, objects, transitions
from tests.stack_fixture import RunningStack, launch


@pytest.fixture(scope="module")
def stack() -> Iterator[RunningStack]:
    """A stack with short deadlines and small pictures."""
    stack = launch(JOB_DEADLINE_SECONDS="10", MAX_RESULT_BYTES="200000")
    yield stack
    stack.stop()


@pytest.fixture
def provider(stack: RunningStack) -> Iterator[Provider]:
    provider = Provider(stack)
    provider.reset()
    yield provider
    stack.mend_aws()


@pytest.fixture(scope="module")
def partner(stack: RunningStack) -> Iterator[Partner]:
    partner = Partner(stack)
    yield partner
    partner.client.close()


def assert_stored(stack: RunningStack, partner: Partner, job_id: str) -> None:
    """The job is completed, its picture whole, its execution well."""
    job = partner.wait(job_id)
    assert job["status"] == "completed", job
    (key,) = objects(stack, job_id)
    assert stack.aws("s3").head_object(Bucket=stack.bucket, Key=key)["ContentLength"] == job["image"]["bytes"]
    assert execution(stack, job_id)["status"] == "SUCCEEDED"


def assert_failed(stack: RunningStack, partner: Partner, job_id: str, code: str) -> dict[str, Any]:
    """The job is failed, nothing is in the bucket, and its execution shows why."""
    job = partner.wait(job_id)
    assert (job["status"], job["error"]["code"]) == ("failed", code), job
    assert "image" not in job
    assert objects(stack, job_id) == []
    ended = execution(stack, job_id)
    assert (ended["status"], ended["error"], ended["cause"]) == ("FAILED", code, job["error"]["message"])
    return job


def test_every_fate_at_the_provider_has_its_end(stack: RunningStack, provider: Provider, partner: Partner) -> None:
    started = {}
    for outcome in ("completed", "failed", "unknown_status", "lost", "never"):
        provider.set(jobs={"outcome": outcome, "reason": "No paint left", "status_word": "paused"})
        started[outcome] = (partner.begin(), time.monotonic())
    # None of the links of the completed one works.
    provider.set(results={"dead_links": 1000})
    assert assert_failed(stack, partner, started["failed"][0], "provider_failed")["error"]["message"] == "No paint left"
    unknown = assert_failed(stack, partner, started["unknown_status"][0], "unknown_status")
    assert "paused" in unknown["error"]["message"]
    assert_failed(stack, partner, started["lost"][0], "job_lost")
    never, began = started["never"]
    assert_failed(stack, partner, never, "timeout")
    assert 9 <= time.monotonic() - began <= 15
    assert transitions(stack, never).count("CheckJob") == 3
    assert_failed(stack, partner, started["completed"][0], "result_unavailable")
    assert len(provider.requests("results")) == 6


STATUS_FAULTS = [
    {"status": 500, "body": "empty"},
    {"status": 502, "body": "html"},
    {"status": 503, "retry_after": 3},
    {"status": 429, "body": "message"},
    {"kind": "reset"},
    {"status": 504, "body": "html"},
]


def test_trouble_at_the_status_call_passes(stack: RunningStack, provider: Provider, partner: Partner) -> None:
    with ThreadPoolExecutor(6) as pool:
        job_ids = list(pool.map(lambda _: partner.begin(), STATUS_FAULTS))
    provider.fault("status", *STATUS_FAULTS)
    for job_id in job_ids:
        assert_stored(stack, partner, job_id)
    faults = [entry["fault"] for entry in provider.requests("status") if entry["fault"]]
    assert len(faults) == len(STATUS_FAULTS)
    for job_id in job_ids:
        polls = provider.polls(job_id)
        assert all(later - earlier >= 2 for earlier, later in itertools.pairwise(polls))


def test_trouble_at_the_download_passes(stack: RunningStack, provider: Provider, partner: Partner) -> None:
    provider.fault("results", *STATUS_FAULTS)
    provider.set(results={"cut_downloads": 1})
    with ThreadPoolExecutor(4) as pool:
        job_ids = list(pool.map(lambda _: partner.begin(), range(4)))
    for job_id in job_ids:
        assert_stored(stack, partner, job_id)


def test_a_dead_link_is_replaced_by_a_fresh_one(stack: RunningStack, provider: Provider, partner: Partner) -> None:
    provider.set(results={"dead_links": 3, "dead_status": 403})
    job_id = partner.begin()
    for count, status in ((1, 404), (2, 410)):
        wait_for(lambda count=count: len(provider.requests("results")) >= count)
        provider.set(results={"dead_status": status})
    assert_stored(stack, partner, job_id)
    assert [entry["status"] for entry in provider.requests("results")] == [403, 404, 410, 200]
    polls = provider.polls(job_id)
    assert all(later - earlier >= 2 for earlier, later in itertools.pairwise(polls))


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ({"content": "html"}, "unexpected_content"),
        ({"content": "empty"}, "empty_result"),
        ({"content": "huge", "huge_bytes": 200_001, "content_length": False}, "result_too_large"),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else value,
)
def test_a_result_that_may_not_be_stored_fails_the_job(
    stack: RunningStack, provider: Provider, partner: Partner, results: dict[str, Any], code: str
) -> None:
    provider.set(results=results)
    assert_failed(stack, partner, partner.begin(), code)


def test_a_result_without_a_length_is_stored(stack: RunningStack, provider: Provider, partner: Partner) -> None:
    provider.set(results={"content_length": False})
    assert_stored(stack, partner, partner.begin())


def test_functions_killed_in_the_middle_are_started_again(
    stack: RunningStack, provider: Provider, partner: Partner
) -> None:
    slow = {"latency_seconds": 0.6}
    provider.set(operations={"status": slow, "results": slow})
    with Receiver.serve() as receiver:
        stack.kill("CheckJobFunction", after_seconds=0.3)
        stack.kill("StoreResultFunction", after_seconds=0.3)
        stack.kill("NotifyFunction", after_seconds=0.0)
        job_id = partner.begin(callback_url=receiver.url)
        assert_stored(stack, partner, job_id)
        assert len(provider.polls(job_id)) == len(provider.requests("results")) == 2
        assert receiver.wait(1)[0].message["data"]["job_id"] == job_id
        assert len({received.headers["webhook-id"] for received in receiver.received}) == 1
        assert partner.wait_for_notification(job_id, "callback")["status"] == "delivered"


def test_a_submission_killed_in_the_middle_is_not_paid_twice(
    stack: RunningStack, provider: Provider, partner: Partner
) -> None:
    provider.fault("images", {"kind": "hang", "after_processing": True, "seconds": 2})
    stack.kill("ImageSubmissionFunction", after_seconds=0.5)
    key = f"killed-{time.time_ns()}"
    assert partner.submit(key=key).status_code == 502
    wait_for(lambda: len(provider.jobs()) == 1)
    # Powertools blocks the key while the dead call might still run; whatever happens then, nothing is paid again.
    assert partner.submit(key=key).status_code == 409
    assert len(provider.jobs()) == 1


def test_a_bucket_that_refuses_for_a_while_gets_the_picture(
    stack: RunningStack, provider: Provider, partner: Partner
) -> None:
    stack.break_aws("s3", "PutObject", status=503, times=2)
    assert_stored(stack, partner, partner.begin())


def test_a_table_that_refuses_for_a_while_gets_the_record(
    stack: RunningStack, provider: Provider, partner: Partner
) -> None:
    # Without a key a submission needs no table: the first to meet the trouble is the workflow.
    stack.break_aws("dynamodb", "UpdateItem", status=500)
    stack.break_aws("dynamodb", "PutItem", status=500)
    job_id = partner.begin()
    assert partner.job(job_id)["status"] == "queued"
    wait_for(lambda: transitions_so_far(stack, job_id) == ["RecordJob"])
    time.sleep(2)
    stack.mend_aws()
    stack.break_aws("dynamodb", "UpdateItem", status=500)
    wait_for(lambda: provider.polls(job_id))
    time.sleep(2)
    stack.mend_aws()
    assert_stored(stack, partner, job_id)
    assert transitions(stack, job_id).count("RecordJob") == 1


def test_a_table_that_refuses_at_submission_costs_nothing(
    stack: RunningStack, provider: Provider, partner: Partner
) -> None:
    stack.break_aws("dynamodb", "PutItem", status=500)
    refused = partner.submit(key=f"refused-{time.time_ns()}")
    assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable")
    assert provider.jobs() == []


def test_a_workflow_stopped_by_an_operator_leaves_no_job_behind(
    stack: RunningStack, provider: Provider, partner: Partner
) -> None:
    provider.set(jobs={"outcome": "never"})
    job_id = partner.begin()
    wait_for(lambda: "WaitToCheck" in transitions_so_far(stack, job_id))
    stack.aws("stepfunctions").stop_execution(executionArn=execution(stack, job_id, ended=False)["executionArn"])
    # What the clock would do in a minute: the record's deadline passes.
    stack.aws("dynamodb").update_item(
        TableName=jobs_table(stack),
        Key={"job_id": {"S": job_id}},
        UpdateExpression="SET deadline_at = :past",
        ExpressionAttributeValues={":past": {"N": str(int(time.time()) - 60)}},
    )
    job = partner.job(job_id)
    assert (job["status"], job["error"]["code"]) == ("failed", "internal_error")


def jobs_table(stack: RunningStack) -> str:
    return next(name for name in stack.aws("dynamodb").list_tables()["TableNames"] if "Jobs" in name)


def transitions_so_far(stack: RunningStack, job_id: str) -> list[str]:
    arn = execution(stack, job_id, ended=False)["executionArn"]
    events = stack.aws("stepfunctions").get_execution_history(executionArn=arn)["events"]
    return [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]


def wait_for(condition: Any, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.05)
