"""Finding jobs: before they are recorded, and after their workflow died."""

from typing import Any

import pytest

from common.errors import NotFoundError
from images.executions import execution_input
from images.job import Job, StoredImage
from images.job_finder import GRACE_SECONDS, JobFinder

NOW = 1_787_045_400.0
LATE = NOW + 301 + GRACE_SECONDS + 1


def finder(world: Any, now: float = NOW) -> JobFinder:
    return JobFinder(world.jobs, world.executions, now=lambda: now)


def start(world: Any, job: Job) -> None:
    world.executions.start(job.job_id, execution_input(job, deadline_at=NOW + 300))


def stop(world: Any) -> None:
    for execution in world.states.list_executions(stateMachineArn=world.state_machine_arn)["executions"]:
        world.states.stop_execution(executionArn=execution["executionArn"])


def test_a_job_is_there_before_its_workflow_recorded_it(world: Any, make_job: Any) -> None:
    start(world, make_job())
    assert finder(world).find("job-1", "partner-1") == make_job()


def test_a_workflow_that_died_before_recording_is_a_failed_job(world: Any, make_job: Any) -> None:
    start(world, make_job())
    stop(world)
    found = finder(world).find("job-1", "partner-1")
    assert found.status == "failed"
    assert found.error is not None
    assert found.error.code == "internal_error"


@pytest.mark.parametrize("recorded", [True, False])
def test_another_partners_job_is_not_there(world: Any, make_job: Any, recorded: bool) -> None:
    job = make_job()
    world.put(job) if recorded else start(world, job)
    with pytest.raises(NotFoundError):
        finder(world).find("job-1", "partner-2")


def test_an_unknown_job_is_not_there(world: Any) -> None:
    with pytest.raises(NotFoundError):
        finder(world).find("none", "partner-1")


@pytest.mark.parametrize("recorded", [True, False])
def test_an_expired_job_is_not_there_although_it_is_still_stored(world: Any, make_job: Any, recorded: bool) -> None:
    job = make_job(expires_at=int(NOW))
    world.put(job) if recorded else start(world, job)
    with pytest.raises(NotFoundError):
        finder(world).find("job-1", "partner-1")


def test_a_job_left_behind_by_its_workflow_fails_for_good(world: Any, make_job: Any) -> None:
    world.put(make_job(status="processing"))
    start(world, make_job())
    stop(world)
    assert finder(world, NOW + 10).find("job-1", "partner-1").status == "processing"
    assert finder(world, LATE).find("job-1", "partner-1").status == "failed"
    assert world.jobs.find("job-1").error.code == "internal_error"


def test_a_job_late_but_alive_goes_on(world: Any, make_job: Any) -> None:
    world.put(make_job(status="processing"))
    start(world, make_job())
    assert finder(world, LATE).find("job-1", "partner-1").status == "processing"


def test_a_job_finished_while_it_was_looked_after_is_finished(world: Any, make_job: Any) -> None:
    world.put(make_job(status="processing"))

    class Racing(JobFinder):
        """The workflow marks the job between the two reads."""

    image = StoredImage(key="results/job-1.png", content_type="image/png", bytes=1, sha256="0" * 64)

    class RacingExecutions:
        def find(self, job_id: str) -> None:
            world.put(make_job(status="completed", image=image))

    racing: Any = RacingExecutions()
    found = JobFinder(world.jobs, racing, now=lambda: LATE).find("job-1", "partner-1")
    assert (found.status, found.image) == ("completed", image)


def test_a_listing_settles_jobs_left_behind(world: Any, make_job: Any) -> None:
    world.put(make_job(status="queued"))
    page = finder(world, LATE).page("partner-1", limit=10, cursor=None, status=None)
    assert [job.status for job in page.jobs] == ["failed"]


def test_and_does_not_show_them_under_the_status_they_had(world: Any, make_job: Any) -> None:
    world.put(make_job(status="queued"))
    assert finder(world, LATE).page("partner-1", limit=10, cursor=None, status="queued").jobs == []
