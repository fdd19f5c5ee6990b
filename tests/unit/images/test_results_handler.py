"""GET and HEAD of image jobs as API Gateway sends them."""

import functools
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from images import results_handler
from images.executions import execution_input
from images.job import Job, JobError, StoredImage

JOB = "0b7e4a52-1d0c-4a6e-8f0b-2f6a3c1d9e77"
IMAGE = StoredImage(key=f"results/{JOB}.png", content_type="image/png", bytes=12, sha256="0" * 64)


@pytest.fixture
def make_job(make_job: Callable[..., Job]) -> Callable[..., Job]:
    """Jobs of this moment: the handlers go by the clock."""
    return functools.partial(make_job, now=time.time())


@pytest.fixture
def get(world: Any, event: Callable[..., dict[str, Any]], context: Any) -> Callable[..., Any]:
    def call(name: str, *, method: str = "GET", query: Any = None, partner: str = "partner-1") -> Any:
        payload = event(name, httpMethod=method, queryStringParameters=query)
        payload["requestContext"]["httpMethod"] = method
        payload["requestContext"]["identity"]["apiKeyId"] = partner
        answer = results_handler.lambda_handler(payload, context)
        headers = {name: values[0] for name, values in answer["multiValueHeaders"].items()}
        return answer["statusCode"], headers, json.loads(answer["body"] or "null")

    return call


def test_a_running_job_says_when_to_look_again(get: Any, world: Any, make_job: Any) -> None:
    world.put(make_job(JOB, status="processing", request={"metadata": {"order": "A-17"}}))
    status, headers, body = get("get")
    assert (status, headers["Retry-After"]) == (200, "2")
    assert (body["status"], body["metadata"]) == ("processing", {"order": "A-17"})
    assert not {"image", "error", "partner_id", "expires_at", "deadline_at"} & body.keys()


def test_a_completed_job_shows_its_picture(get: Any, world: Any, make_job: Any) -> None:
    world.put(make_job(JOB, status="completed", image=IMAGE, image_prompt="p", followup_text="f"))
    status, headers, body = get("get")
    assert status == 200
    assert "Retry-After" not in headers
    assert {name: body["image"][name] for name in ("content_type", "bytes", "sha256")} == {
        "content_type": "image/png",
        "bytes": 12,
        "sha256": "0" * 64,
    }
    assert body["image"]["url"].startswith("https://results-bucket.s3.eu-central-1.amazonaws.com/results/")
    assert (body["image_prompt"], body["followup_text"]) == ("p", "f")


def test_a_failed_job_shows_why(get: Any, world: Any, make_job: Any) -> None:
    world.put(make_job(JOB, status="failed", error=JobError(code="timeout", message="Too late.")))
    assert get("get")[2]["error"] == {"code": "timeout", "message": "Too late."}


def test_a_job_just_submitted_is_there(get: Any, world: Any, make_job: Any) -> None:
    world.executions.start(JOB, execution_input(make_job(JOB), deadline_at=1.0))
    assert get("get")[2]["status"] == "queued"


@pytest.mark.parametrize("name", ["get", "content"])
def test_another_partner_finds_nothing(get: Any, world: Any, make_job: Any, name: str) -> None:
    world.put(make_job(JOB, status="completed", image=IMAGE))
    status, _, body = get(name, partner="partner-2")
    assert (status, body["code"]) == (404, "not_found")


def test_content_leads_to_the_picture(get: Any, world: Any, make_job: Any) -> None:
    world.put(make_job(JOB, status="completed", image=IMAGE))
    status, headers, body = get("content")
    assert (status, body) == (302, None)
    assert f"/results/{JOB}.png?" in headers["Location"]


@pytest.mark.parametrize(("job", "code"), [({"status": "queued"}, "not_ready"), ({"status": "failed"}, "job_failed")])
def test_content_that_is_not_there_is_a_conflict(get: Any, world: Any, make_job: Any, job: Any, code: str) -> None:
    world.put(make_job(JOB, **job))
    status, headers, body = get("content")
    assert (status, body["code"]) == (409, code)
    assert ("Retry-After" in headers) == (code == "not_ready")


@pytest.mark.parametrize("name", ["get", "list", "content"])
def test_head_is_get_without_a_body(get: Any, world: Any, make_job: Any, name: str) -> None:
    world.put(make_job(JOB, status="completed", image=IMAGE))
    status, headers, body = get(name, method="HEAD")
    assert (status, body) == (302 if name == "content" else 200, None)
    assert headers.keys() >= get(name)[1].keys()


def test_jobs_are_listed_with_a_cursor(get: Any, world: Any, make_job: Any) -> None:
    for number in range(3):
        world.put(make_job(f"job-{number}", now=time.time() + number))
    _, _, first = get("list", query={"limit": "2"})
    _, _, second = get("list", query={"limit": "2", "cursor": first["next_cursor"]})
    assert [job["job_id"] for job in first["jobs"] + second["jobs"]] == ["job-2", "job-1", "job-0"]
    assert second["next_cursor"] is None


def test_jobs_are_listed_by_status(get: Any, world: Any, make_job: Any) -> None:
    world.put(make_job("a", status="failed"))
    world.put(make_job("b"))
    assert [job["job_id"] for job in get("list", query={"status": "failed"})[2]["jobs"]] == ["a"]


@pytest.mark.parametrize(
    "query",
    [
        *({"limit": text} for text in ("0", "101", "-1", "x", "1.5", "", "٣", " 5")),
        {"status": "done"},
        {"status": ""},
        {"cursor": "x"},
        {"cursor": "eyJqb2JfaWQiOiIiLCJjcmVhdGVkX2F0IjoiIn0"},
    ],
)
def test_bad_queries_are_told_why(get: Any, query: dict[str, str]) -> None:
    status, _, body = get("list", query=query)
    assert (status, body["code"]) == (400, "invalid_request")
    assert next(iter(query)) in body["error"]
