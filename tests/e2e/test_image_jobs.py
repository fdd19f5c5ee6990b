"""The partner API of image jobs, black box over HTTP."""

import hashlib
import itertools
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx
import pytest

from tests.image_jobs import Partner, Provider, Receiver, execution, objects, transitions
from tests.stack_fixture import RunningStack


@pytest.fixture
def provider(embedded_stack: RunningStack) -> Iterator[Provider]:
    """The OH API, in good health before and after each test."""
    provider = Provider(embedded_stack)
    provider.reset()
    yield provider
    provider.reset()


@pytest.fixture(scope="module", autouse=True)
def unlucky(embedded_stack: RunningStack) -> Iterator[tuple[str, Receiver]]:
    """A job whose first delivery failed as this module began: the second is due 14 s later, by the last test."""
    provider, partner = Provider(embedded_stack), Partner(embedded_stack)
    provider.reset()
    with Receiver.serve() as receiver:
        receiver.statuses = [302]
        job_id = partner.begin(callback_url=receiver.url)
        receiver.wait(1)
        yield job_id, receiver
    partner.client.close()


@pytest.fixture
def ours(embedded_stack: RunningStack) -> Iterator[Partner]:
    partner = Partner(embedded_stack)
    yield partner
    partner.client.close()


def test_a_job_from_submission_to_picture(embedded_stack: RunningStack, provider: Provider, ours: Partner) -> None:
    provider.set(jobs={"seconds_to_complete": 5})
    metadata = {"order": "A-17", "größe": "S ✓"}
    answer = ours.submit(metadata=metadata, key=f"whole-{time.time_ns()}")
    assert (answer.status_code, answer.headers["retry-after"]) == (202, "2")
    job_id = answer.json()["job_id"]
    at_once = ours.client.get(httpx.URL(embedded_stack.api_url).join(answer.headers["location"]))
    assert (at_once.status_code, at_once.json()["status"]) == (200, "queued")
    assert at_once.headers["retry-after"]
    not_ready = ours.client.get(f"/images/{job_id}/content")
    assert (not_ready.status_code, not_ready.json()["code"]) == (409, "not_ready")

    job = ours.wait(job_id)
    assert (job["status"], job["metadata"], job["image_prompt"]) == ("completed", metadata, "A lighthouse at dusk")
    expires = datetime.fromisoformat(job["image"]["expires_at"])
    assert 800 < (expires - datetime.now(UTC)).total_seconds() <= 900

    redirect = ours.client.get(f"/images/{job_id}/content")
    assert redirect.status_code == 302
    picture = httpx.get(redirect.headers["location"])
    assert picture.headers["content-type"] == job["image"]["content_type"] == "image/png"
    assert hashlib.sha256(picture.content).hexdigest() == job["image"]["sha256"]
    assert len(picture.content) == job["image"]["bytes"]
    assert httpx.get(job["image"]["url"]).content == picture.content
    assert httpx.head(ours.client.head(f"/images/{job_id}/content").headers["location"]).status_code == 200

    gaps = [later - earlier for earlier, later in itertools.pairwise(provider.polls(job_id))]
    assert gaps
    assert all(2 <= gap <= 5 for gap in gaps), gaps
    assert execution(embedded_stack, job_id)["status"] == "SUCCEEDED"
    assert len(transitions(embedded_stack, job_id)) <= 1 + 3 * len(provider.polls(job_id)) + 5


def test_partners_see_their_own_jobs_only(embedded_stack: RunningStack, provider: Provider, ours: Partner) -> None:
    job_id = ours.begin()
    theirs = Partner(embedded_stack, 1)
    for path in (f"/images/{job_id}", f"/images/{job_id}/content"):
        assert theirs.client.get(path).status_code == 404
        assert theirs.client.head(path).status_code == 404
    assert theirs.client.post(f"/images/{job_id}/notifications").status_code == 404
    ours.wait(job_id)
    assert theirs.client.get(f"/images/{job_id}").status_code == 404
    assert job_id not in theirs.client.get("/images", params={"limit": 100}).text
    assert job_id in ours.client.get("/images").text
    assert job_id in ours.client.get("/images", params={"status": "completed"}).text
    assert job_id not in ours.client.get("/images", params={"status": "failed"}).text


def test_a_listing_goes_on_by_its_cursor(provider: Provider, ours: Partner) -> None:
    with ThreadPoolExecutor(4) as pool:
        job_ids = set(pool.map(lambda _: ours.begin(), range(4)))
    for job_id in job_ids:
        ours.wait(job_id)
    found: list[str] = []
    cursor: dict[str, str] = {}
    while len(found) < 4:
        page = ours.client.get("/images", params={"limit": 3, **cursor}).json()
        found += [job["job_id"] for job in page["jobs"]]
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else {}
    assert job_ids <= set(found)
    assert len(found) == len(set(found))


def test_ten_submissions_under_one_key_pay_once(provider: Provider, ours: Partner) -> None:
    provider.set(operations={"images": {"latency_seconds": 1}})
    key = f"race-{time.time_ns()}"
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: ours.submit(key=key), range(10)))
    statuses = {answer.status_code for answer in answers}
    assert statuses <= {202, 409}
    assert all(answer.headers["retry-after"] for answer in answers)
    repeat = ours.submit(key=key)
    assert repeat.status_code == 202
    assert {answer.text for answer in answers if answer.status_code == 202} == {repeat.text}
    assert len(provider.jobs()) == 1
    other = ours.submit(key=key, prompt="Something else")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_moderation_reaches_the_caller_and_costs_nothing(provider: Provider, ours: Partner) -> None:
    key = f"moderated-{time.time_ns()}"
    answer = ours.submit(prompt="something forbidden", key=key)
    assert (answer.status_code, answer.json()["code"]) == (400, "moderation_failed")
    assert ours.submit(key=key).status_code == 202
    assert len(provider.jobs()) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500, "body": "empty"},
        {"status": 502, "body": "html"},
        {"status": 503, "retry_after": 1},
        {"status": 429, "retry_after": 1},
    ],
    ids=lambda fault: str(fault["status"]),
)
def test_a_submission_survives_trouble_that_passes(provider: Provider, ours: Partner, fault: dict[str, object]) -> None:
    provider.fault("images", fault)
    assert ours.submit().status_code == 202
    assert len(provider.jobs()) == 1


@pytest.mark.parametrize("fault", ["reset", "hang"])
def test_silence_after_a_submission_is_never_repeated(provider: Provider, ours: Partner, fault: str) -> None:
    seconds = {"seconds": 0.5} if fault == "hang" else {}
    provider.fault("images", {"kind": fault, "after_processing": True, **seconds})
    key = f"silence-{time.time_ns()}"
    for _ in range(2):
        answer = ours.submit(key=key)
        assert (answer.status_code, answer.json()["code"]) == (504, "submission_unknown")
    assert len(provider.jobs()) == len(provider.requests("images")) == 1


def test_a_job_whose_workflow_cannot_start_is_continued(
    embedded_stack: RunningStack, provider: Provider, ours: Partner
) -> None:
    key = f"unstarted-{time.time_ns()}"
    embedded_stack.break_aws("states", "StartExecution", status=400)
    try:
        refused = ours.submit(key=key)
    finally:
        embedded_stack.mend_aws()
    assert (refused.status_code, refused.json()["code"]) == (503, "workflow_not_started")
    assert "SubmissionsNotStarted" in embedded_stack.read_log()
    job_id = ours.begin(key=key)
    assert job_id == refused.json()["job_id"]
    assert ours.wait(job_id)["status"] == "completed"
    assert len(provider.jobs()) == 1


@pytest.mark.parametrize(
    "callback_url",
    [
        "http://example.com/hook",
        "https://10.0.0.1/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:10.0.0.1]/hook",
        "https://user:word@example.com/hook",
        "nonsense",
    ],
)
def test_callbacks_go_to_public_https_addresses_only(provider: Provider, ours: Partner, callback_url: str) -> None:
    answer = ours.submit(callback_url=callback_url)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_callback_url")
    assert provider.jobs() == []


def test_a_partner_is_called_back(embedded_stack: RunningStack, provider: Provider, ours: Partner) -> None:
    secret = embedded_stack.webhook_signing_secret
    with Receiver.serve() as good, Receiver.serve() as gone:
        gone.statuses = [410]
        completed = ours.begin(callback_url=good.url)
        unwanted = ours.begin(callback_url=gone.url)
        provider.set(jobs={"outcome": "failed", "reason": "No paint left"})
        failed = ours.begin(callback_url=good.url)
        ours.wait(completed)
        ours.wait(failed)

        first, second = sorted(good.wait(2), key=lambda received: str(received.message["type"]))
        assert first.is_signed_with(secret)
        assert second.is_signed_with(secret)
        assert (first.message["type"], first.message["data"]["job_id"]) == ("image.completed", completed)
        assert httpx.get(first.message["data"]["image"]["url"]).status_code == 200
        assert (second.message["type"], second.message["data"]["error"]["message"]) == ("image.failed", "No paint left")
        assert ours.wait_for_notification(completed, "callback")["status"] == "delivered"
        assert ours.wait_for_notification(failed, "callback")["status"] == "delivered"
        assert execution(embedded_stack, failed)["status"] == "FAILED"

        assert ours.wait_for_notification(unwanted, "callback")["last_error"] == "answered 410"
        assert execution(embedded_stack, unwanted)["status"] == "SUCCEEDED"
        assert len(gone.received) == 1

        again = ours.client.post(f"/images/{completed}/notifications")
        assert again.status_code == 202
        assert good.received[-1].headers["webhook-id"] == first.headers["webhook-id"]


def test_an_avatar_is_told(embedded_stack: RunningStack, provider: Provider, ours: Partner) -> None:
    trulience = embedded_stack.trulience_simulator_url
    session_id = f"images-{time.time_ns()}"
    registered = {"session_id": session_id, "auth_token": "token-of-the-session"}
    httpx.post(f"{trulience}/_simulator/sessions", json=registered).raise_for_status()
    login = {
        "action": "LOGIN",
        "sessionId": session_id,
        "userId": "user",
        "locale": "en-US",
        "lastSeen": "",
        "authToken": "token-of-the-session",
        "callbackUrl": f"{trulience}/tglisten",
    }
    bearer = {"Authorization": f"Bearer {embedded_stack.trulience_api_key}"}
    answer = httpx.post(f"{embedded_stack.api_url}/avatars/1021/webhook", json=login, headers=bearer)
    assert answer.status_code == 200, answer.text

    told, ended = ours.begin(session_id=session_id), ours.begin(session_id="never-opened")
    ours.wait(told)
    assert ours.wait_for_notification(told, "session")["status"] == "delivered"
    spoken = httpx.get(f"{trulience}/_simulator/messages", params={"session_id": session_id}).json()
    assert "Your picture is ready." in json.dumps(spoken)
    lost = ours.wait_for_notification(ended, "session")
    assert (lost["status"], lost["last_error"]) == ("failed", "the session has ended")
    assert ours.job(ended)["status"] == "completed"
    assert objects(embedded_stack, ended)


def test_a_failed_delivery_is_repeated(
    embedded_stack: RunningStack, ours: Partner, unlucky: tuple[str, Receiver]
) -> None:
    job_id, receiver = unlucky
    once, twice = receiver.wait(2)
    assert 13 <= twice.monotonic - once.monotonic <= 18
    assert once.headers["webhook-id"] == twice.headers["webhook-id"]
    assert once.headers["webhook-timestamp"] != twice.headers["webhook-timestamp"]
    assert once.is_signed_with(embedded_stack.webhook_signing_secret)
    assert twice.is_signed_with(embedded_stack.webhook_signing_secret)
    told = ours.wait_for_notification(job_id, "callback")
    assert (told["status"], told["attempts"]) == ("delivered", 2)
