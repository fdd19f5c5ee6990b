"""Simulated image jobs and the links to their results: every fate a job or a download can meet."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from local.clock import Clock
from local.oh_simulator import create_app
from local.servers import AbortConnection

KEY = {"X-API-Key": "secret-key"}


class Time:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def app(time: Time) -> Flask:
    return create_app(api_keys=["secret-key"], clock=Clock(monotonic=time, wall=time))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def switch(client: FlaskClient, **switches: Any) -> None:
    assert client.patch("/_simulator/switches", json=switches).status_code == 200


def submit(client: FlaskClient, **more: Any) -> dict[str, Any]:
    body = {"character_id": "1021", "prompt": "a heron", "resolution": [64, 96], **more}
    answer = client.post("/api/v1/images", json=body, headers=KEY)
    assert answer.status_code == 202
    return dict(answer.get_json())


def status(client: FlaskClient, job: dict[str, Any]) -> dict[str, Any]:
    answer = client.get(f"/api/v1/jobs/{job['job_id']}/status", headers=KEY)
    assert answer.status_code == 200
    return dict(answer.get_json())


def finished_link(client: FlaskClient, time: Time, **more: Any) -> str:
    job = submit(client, **more)
    time.now += 60
    return str(status(client, job)["url"])


# From queued to an end


def test_a_submission_is_queued_with_a_link_that_leads_nowhere_yet(client: FlaskClient, time: Time) -> None:
    job = submit(client)
    before = client.get(job["presigned_url"])
    time.now += 60

    assert (set(job), job["status"]) == ({"message", "job_id", "status", "presigned_url"}, "queued")
    assert (before.status_code, "<Code>NoSuchKey</Code>" in before.text) == (404, True)
    assert client.get(job["presigned_url"]).status_code == 200


def test_the_early_link_can_be_null(client: FlaskClient) -> None:
    switch(client, jobs={"early_link": False})

    assert submit(client)["presigned_url"] is None


def test_a_job_goes_from_queued_over_processing_to_completed(client: FlaskClient, time: Time) -> None:
    job, seen = submit(client), []
    for _ in range(8):
        seen.append(status(client, job))
        time.now += 1

    assert [answer["status"] for answer in seen] == ["queued"] * 2 + ["processing"] * 4 + ["completed"] * 2
    assert [bool(answer["url"]) for answer in seen] == [False] * 6 + [True] * 2
    assert {answer["error"] for answer in seen} == {None}


def test_enhancement_takes_longer_and_rewrites_the_prompt(client: FlaskClient, time: Time) -> None:
    plain, enhanced = submit(client), submit(client, prompt_enhancement=True)
    time.now += 8
    words = {job["job_id"]: status(client, job)["status"] for job in (plain, enhanced)}
    time.now += 8
    prompts = [status(client, job)["results"]["image_prompt"] for job in (plain, enhanced)]

    assert list(words.values()) == ["completed", "processing"]
    assert prompts[0] == "a heron"
    assert prompts[1].startswith("a heron, ")


def test_a_job_in_a_room_comes_with_a_line(client: FlaskClient, time: Time) -> None:
    room = client.post("/api/v1/rooms", json={"character_id": "1021", "user_id": "ann"}, headers=KEY).get_json()
    jobs = submit(client), submit(client, room_id=room["room_id"])
    time.now += 60
    alone, in_room = (status(client, job)["results"] for job in jobs)

    assert "followup_text" not in alone
    assert "a heron" in in_room["followup_text"]


def test_the_link_may_come_under_the_other_key(client: FlaskClient, time: Time) -> None:
    job = submit(client)
    time.now += 60
    switch(client, dialect={"link_key": "presigned_url"})
    answer = status(client, job)

    assert "url" not in answer
    assert client.get(answer["presigned_url"]).status_code == 200


@pytest.mark.parametrize(
    ("fate", "word", "error"),
    [
        ({"outcome": "failed", "reason": "No canvas left"}, "failed", "No canvas left"),
        ({"outcome": "never"}, "processing", None),
        ({"outcome": "unknown_status", "status_word": "on_hold"}, "on_hold", None),
    ],
)
def test_jobs_can_end_otherwise(
    client: FlaskClient, time: Time, fate: dict[str, str], word: str, error: str | None
) -> None:
    switch(client, jobs=fate)
    job = submit(client)
    time.now += 100_000
    answer = status(client, job)

    assert (answer["status"], answer["error"], answer["url"]) == (word, error, None)


def test_a_lost_job_is_404_like_one_that_never_was(client: FlaskClient) -> None:
    switch(client, jobs={"outcome": "lost"})
    lost = client.get(f"/api/v1/jobs/{submit(client)['job_id']}/status", headers=KEY)
    never = client.get("/api/v1/jobs/nothing/status", headers=KEY)

    assert (lost.status_code, never.status_code) == (404, 404)


def test_the_fate_is_that_of_the_submission(client: FlaskClient, time: Time) -> None:
    job = submit(client)
    switch(client, jobs={"outcome": "failed"})
    time.now += 60

    assert status(client, job)["status"] == "completed"


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompt": ""},
        {"prompt": None},
        {"character_id": 7},
        {"resolution": "2:1"},
        {"resolution": [63, 64]},
        {"resolution": [64, 2049]},
        {"resolution": [64.0, 64]},
        {"resolution": [True, 64]},
        {"resolution": [64]},
        {"resolution": {"width": 64}},
        {"prompt_enhancement": "yes"},
        {"user_gender": "other"},
        {"room_id": 7},
    ],
)
def test_invalid_submissions_are_400(client: FlaskClient, wrong: dict[str, Any]) -> None:
    body = {"character_id": "1021", "prompt": "a heron"} | wrong
    answer = client.post("/api/v1/images", json=body, headers=KEY)

    assert answer.status_code == 400
    assert answer.get_json()["error"]


def test_a_job_for_an_unknown_room_is_404(client: FlaskClient) -> None:
    body = {"character_id": "1021", "prompt": "a heron", "room_id": "nobody"}

    assert client.post("/api/v1/images", json=body, headers=KEY).status_code == 404


# Pictures and links


@pytest.mark.parametrize(
    ("resolution", "size"),
    [
        (None, (1024, 1820)),
        ("9:16", (1024, 1820)),
        ("16:9", (1820, 1024)),
        ("1:1", (1024, 1024)),
        ("4:3", (1365, 1024)),
        ("3:4", (1024, 1365)),
        ([100, 70], (100, 70)),
    ],
)
def test_the_picture_is_a_png_of_the_asked_size(
    client: FlaskClient, time: Time, resolution: Any, size: tuple[int, int]
) -> None:
    file = client.get(finished_link(client, time, resolution=resolution))

    assert (file.status_code, file.mimetype) == (200, "image/png")
    assert file.data.startswith(b"\x89PNG\r\n\x1a\n")
    assert (int.from_bytes(file.data[16:20], "big"), int.from_bytes(file.data[20:24], "big")) == size


def test_the_prompt_decides_the_picture(client: FlaskClient, time: Time) -> None:
    heron, again, stork = (
        client.get(finished_link(client, time, prompt=prompt)).data for prompt in ("a heron", "a heron", "a stork")
    )

    assert heron == again
    assert heron != stork


def test_each_status_issues_a_fresh_link_and_old_ones_expire(client: FlaskClient, time: Time) -> None:
    switch(client, results={"link_seconds": 30})
    job = submit(client)
    time.now += 60
    first = status(client, job)["url"]
    time.now += 29
    in_time = client.get(first)
    time.now += 2
    late = client.get(first)
    fresh = status(client, job)["url"]

    assert {"X-Amz-Expires", "X-Amz-Signature", "X-Amz-Date"} <= set(parse_qs(urlsplit(first).query))
    assert in_time.status_code == 200
    assert (late.status_code, late.mimetype) == (403, "application/xml")
    assert "<Message>Request has expired</Message>" in late.text
    assert first != fresh
    assert client.get(fresh).status_code == 200


def test_a_link_that_was_tampered_with_does_not_open(client: FlaskClient, time: Time) -> None:
    link = finished_link(client, time)
    prolonged = client.get(link.replace("X-Amz-Expires=300", "X-Amz-Expires=9999"))
    bare = client.get(link.partition("?")[0])
    head = client.head(link)

    assert (prolonged.status_code, bare.status_code, head.status_code) == (403, 403, 403)
    assert "<Code>SignatureDoesNotMatch</Code>" in prolonged.text
    assert "<Code>AccessDenied</Code>" in bare.text


def test_a_part_of_a_picture_can_be_asked_for(client: FlaskClient, time: Time) -> None:
    part = client.get(finished_link(client, time), headers={"Range": "bytes=0-7"})

    assert (part.status_code, part.data) == (206, b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize("dead", [403, 404, 410])
def test_the_first_links_can_be_dead(client: FlaskClient, time: Time, dead: int) -> None:
    switch(client, results={"dead_links": 2, "dead_status": dead})
    job = submit(client)
    time.now += 60
    links = [status(client, job)["url"] for _ in range(3)]

    assert [client.get(link).status_code for link in [job["presigned_url"], *links]] == [dead, dead, dead, 200]


def test_the_first_download_can_break_off_half_way(client: FlaskClient, time: Time) -> None:
    switch(client, results={"cut_downloads": 1})
    link = finished_link(client, time)
    cut = client.get(link)
    promised, pieces = int(cut.headers["Content-Length"]), cut.iter_encoded()
    received = next(pieces)
    with pytest.raises(AbortConnection) as broken:
        next(pieces)

    assert broken.value.reset is False
    assert len(received) == promised // 2
    assert len(client.get(link).data) == promised


def test_a_file_can_come_without_its_length(client: FlaskClient, time: Time) -> None:
    link = finished_link(client, time)
    whole = client.get(link).data
    switch(client, results={"content_length": False})
    chunked = client.get(link)

    assert "Content-Length" not in chunked.headers
    assert chunked.data == whole


@pytest.mark.parametrize(
    ("content", "begins", "content_type"),
    [
        ("jpeg", b"\xff\xd8\xff", "image/jpeg"),
        ("webp", b"RIFF", "image/webp"),
        ("gif", b"GIF89a", "image/gif"),
        ("html", b"<!doctype html>", "text/html"),
        ("empty", b"", "image/png"),
    ],
)
def test_a_file_can_be_something_else(
    client: FlaskClient, time: Time, content: str, begins: bytes, content_type: str
) -> None:
    switch(client, results={"content": content})
    file = client.get(finished_link(client, time))

    assert (file.status_code, file.mimetype) == (200, content_type)
    assert file.data.startswith(begins)
    assert bool(file.data) == (content != "empty")


def test_a_huge_file_has_as_many_bytes_as_asked(client: FlaskClient, time: Time) -> None:
    switch(client, results={"content": "huge", "huge_bytes": 1_000_003})
    file = client.get(finished_link(client, time))

    assert file.headers["Content-Length"] == "1000003"
    assert len(file.data) == 1_000_003
    assert file.data.startswith(b"\x89PNG")
