"""What the image routes refuse; needs nothing but HTTP, so that it runs against a deployment too."""

import httpx
import pytest


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '{"character_id": "1"}', '{"character_id": 1, "prompt": "x"}'])
def test_bad_bodies_are_told_why(partner: httpx.Client, body: str) -> None:
    answer = partner.post("/images", content=body, headers={"Content-Type": "application/json"})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (400, "invalid_request")
    assert problem["error"].endswith(".")
    assert problem["request_id"]


def test_a_job_nobody_submitted_is_not_there(partner: httpx.Client) -> None:
    for path in ("/images/nobody-submitted-this", "/images/nobody-submitted-this/content"):
        answer = partner.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert partner.head(path).status_code == 404


def test_a_caller_without_a_key_is_turned_away(api: httpx.Client) -> None:
    assert api.get("/images").status_code == 403
    assert api.post("/images", json={"character_id": "1", "prompt": "x"}).status_code == 403
