"""The table of jobs: records as written, listings newest first."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import InvalidInputError, UnavailableError
from images.job import ImageRequest, Job, JobError, Notification, new_job, timestamp
from images.job_store import from_record, to_record

NOW = 1_787_045_400.0


def list_ids(world: Any, *, limit: int = 100, cursor: str | None = None, status: Any = None, now: float = NOW) -> Any:
    page = world.jobs.page("partner-1", limit=limit, cursor=cursor, status=status, now=now)
    return [job.job_id for job in page.jobs], page.next_cursor


TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=64)


@given(
    metadata=st.dictionaries(TEXT.filter(bool), TEXT, max_size=16),
    resolution=st.one_of(st.none(), st.just("16:9"), st.lists(st.integers(64, 2048), min_size=2, max_size=2)),
)
def test_a_record_comes_back_as_it_went(metadata: dict[str, str], resolution: Any) -> None:
    request = ImageRequest(character_id="1", prompt="x", session_id="s", metadata=metadata, resolution=resolution)
    job = new_job(request, job_id="j", partner_id="p", now=NOW, deadline_seconds=300.5, retention_days=30)
    assert from_record(to_record(job)) == job


@pytest.mark.parametrize("record", [{}, {"job_id": {"S": "j"}}, {"job_id": {"N": "1"}}])
def test_what_is_no_record_is_none(record: Any) -> None:
    assert from_record(record) is None


def test_jobs_are_listed_newest_first_page_by_page(world: Any, make_job: Any) -> None:
    for number in range(5):
        world.put(make_job(f"job-{number}", now=NOW + number))
    world.put(make_job("theirs", partner_id="partner-2"))
    first, cursor = list_ids(world, limit=2)
    second, cursor = list_ids(world, limit=2, cursor=cursor)
    third, cursor = list_ids(world, limit=2, cursor=cursor)
    assert first + second + third == ["job-4", "job-3", "job-2", "job-1", "job-0"]
    assert cursor is None


def test_a_listing_by_status_fills_its_pages(world: Any, make_job: Any) -> None:
    for number in range(9):
        status = "failed" if number % 3 == 0 else "queued"
        world.put(make_job(f"job-{number}", now=NOW + number, status=status))
    assert list_ids(world, limit=3, status="failed")[0] == ["job-6", "job-3", "job-0"]


def test_a_listing_by_status_goes_on_where_it_was_cut(world: Any, make_job: Any) -> None:
    for number in range(7):
        world.put(make_job(f"job-{number}", now=NOW + number, status="failed"))
    found: list[str] = []
    cursor: str | None = None
    for _ in range(4):
        ids, cursor = list_ids(world, limit=2, status="failed", cursor=cursor)
        found += ids
    assert found == [f"job-{number}" for number in range(6, -1, -1)]
    assert cursor is None


def test_expired_jobs_are_not_listed(world: Any, make_job: Any) -> None:
    world.put(make_job(expires_at=int(NOW)))
    assert list_ids(world)[0] == []


def test_one_partners_cursor_shows_another_nothing_of_it(world: Any, make_job: Any) -> None:
    for number in range(3):
        world.put(make_job(f"theirs-{number}", now=NOW + number, partner_id="partner-2"))
    cursor = world.jobs.page("partner-2", limit=1, cursor=None, status=None, now=NOW).next_cursor
    assert list_ids(world, cursor=cursor)[0] == []


@pytest.mark.parametrize("cursor", ["x", "e30", "%00", "ü", "bnVsbA", "eyJqb2JfaWQiOiAxfQ"])
def test_a_broken_cursor_is_refused(world: Any, cursor: str) -> None:
    with pytest.raises(InvalidInputError, match="cursor"):
        list_ids(world, cursor=cursor)


def test_an_ended_job_cannot_fail_or_go_on(world: Any, make_job: Any) -> None:
    world.put(make_job(status="completed"))
    world.jobs.fail("job-1", JobError(code="x", message="x"), timestamp(NOW))
    world.jobs.progress("job-1", "processing", timestamp(NOW))
    assert world.jobs.find("job-1").status == "completed"


def test_nothing_is_written_for_a_job_that_is_not_there(world: Any) -> None:
    world.jobs.fail("none", JobError(code="x", message="x"), timestamp(NOW))
    world.jobs.note_notification("none", "callback", Notification())
    assert world.jobs.find("none") is None


def test_notifications_are_noted_one_by_one(world: Any, make_job: Any) -> None:
    world.put(make_job(request={"session_id": "s", "callback_url": "https://x/"}, status="completed"))
    world.jobs.note_notification("job-1", "callback", Notification(status="delivered", attempts=2))
    told: Job = world.jobs.find("job-1")
    assert told.notifications["callback"].attempts == 2
    assert told.notifications["session"].status == "pending"


def test_a_table_in_trouble_is_told_in_our_own_words(world: Any) -> None:
    world.dynamodb.delete_table(TableName="jobs")
    with pytest.raises(UnavailableError):
        world.jobs.find("job-1")
    with pytest.raises(UnavailableError):
        list_ids(world)
