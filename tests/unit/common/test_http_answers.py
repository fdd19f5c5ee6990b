"""From exceptions to answers: one table, in which every class has its place."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import errors
from common.http import INTERNAL_ERROR, Problem, build_api, json_response, partner_id, problem_of
from digital_twin import oh


def _all(kind: type[Exception]) -> list[type[Any]]:
    return [found for child in kind.__subclasses__() for found in (child, *_all(child))]


@pytest.mark.parametrize("kind", _all(errors.ProblemError), ids=lambda kind: kind.__name__)
def test_every_problem_of_ours_has_a_status(kind: type[errors.ProblemError]) -> None:
    problem = problem_of(kind("What is wrong.", retry_after=3, details={"job_id": "j"}), "r1")
    assert 400 <= problem.status <= 504
    assert problem.body() == {"error": "What is wrong.", "code": problem.code, "request_id": "r1", "job_id": "j"}
    assert problem.retry_after == 3


@pytest.mark.parametrize("kind", [oh.OhApiError, *_all(oh.OhApiError)], ids=lambda kind: kind.__name__)
def test_every_failure_of_the_upstream_has_a_status(kind: type[oh.OhApiError]) -> None:
    problem = problem_of(kind(500, "provider's words", "POST /api/v1/text", 2.4), "r1")
    assert problem.status in (400, 404, 502, 504)
    assert problem.retry_after == 2


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (oh.OhModerationError(400, "words", "op"), 400, "moderation_failed"),
        (oh.OhInvalidInputError(422, "words", "op"), 400, "invalid_request"),
        (oh.OhNotFoundError(404, "words", "op"), 404, "not_found"),
        (oh.OhCredentialsError(401, "words", "op"), 502, "upstream_refused"),
        (oh.OhForbiddenError(403, "words", "op"), 502, "upstream_refused"),
        (oh.OhThrottledError(429, "words", "op"), 502, "upstream_throttled"),
        (oh.OhConnectionError(None, "words", "op"), 502, "upstream_unreachable"),
        (oh.OhTimeoutError(None, "words", "op"), 504, "upstream_timeout"),
        (oh.OhUpstreamError(500, "words", "op"), 502, "upstream_failed"),
    ],
)
def test_what_a_caller_is_told_about_the_upstream(error: oh.OhApiError, status: int, code: str) -> None:
    problem = problem_of(error, "r1")
    assert (problem.status, problem.code) == (status, code)
    # The provider's words reach the caller only where the caller can do something about them.
    assert ("words" in problem.message) is (status in (400, 404))


@given(st.text())
def test_a_fault_of_ours_tells_nothing_of_itself(words: str) -> None:
    problem = problem_of(RuntimeError(words), "r1")
    assert (problem.status, problem.message) == (500, INTERNAL_ERROR)


def _event(resource: str, method: str = "GET", **parameters: str) -> dict[str, Any]:
    return {
        "resource": resource,
        "path": "/as/sent",
        "httpMethod": method,
        "headers": {},
        "multiValueHeaders": {},
        "pathParameters": parameters or None,
        "requestContext": {"requestId": "r1", "identity": {"apiKeyId": None}},
        "body": None,
        "isBase64Encoded": False,
    }


@given(st.text(min_size=1))
def test_a_path_parameter_arrives_as_the_gateway_decoded_it(value: str) -> None:
    api = build_api()
    api.get("/things/<thing_id>/parts")(lambda thing_id: json_response({"thing": thing_id}))
    answer = api.resolve(_event("/things/{thing_id}/parts", thing_id=value), SimpleNamespace())
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["thing"] == value


def test_without_a_resource_the_path_decides() -> None:
    api = build_api()
    api.get("/things/<thing_id>")(lambda thing_id: json_response({"thing": thing_id}))
    event = _event("") | {"path": "/things/t1"}
    assert json.loads(api.resolve(event, SimpleNamespace())["body"]) == {"thing": "t1"}


def test_an_unknown_route_is_not_found() -> None:
    answer = build_api().resolve(_event("/nowhere"), SimpleNamespace())
    assert answer["statusCode"] == 404
    assert json.loads(answer["body"])["code"] == "not_found"


def test_an_error_is_answered_in_the_shape_of_the_api_with_its_headers() -> None:
    def shape(problem: Problem) -> dict[str, object]:
        return {"status": "ERROR", "error": problem.message}

    def fail() -> None:
        raise errors.UnavailableError("Busy.", retry_after=7)

    api = build_api(shape)
    api.get("/x")(fail)
    answer = api.resolve(_event("/x"), SimpleNamespace())
    assert answer["statusCode"] == 503
    assert json.loads(answer["body"]) == {"status": "ERROR", "error": "Busy."}
    assert answer["multiValueHeaders"]["Retry-After"] == ["7"]


def test_a_crash_is_logged_without_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    def crash() -> None:
        raise RuntimeError("the prompt and the key")

    api = build_api()
    api.get("/x")(crash)
    answer = api.resolve(_event("/x"), SimpleNamespace())
    logged = capsys.readouterr().out
    assert answer["statusCode"] == 500
    assert "RuntimeError" in logged
    assert "r1" in logged
    assert "the prompt" not in logged + answer["body"]


def test_a_request_without_api_key_has_no_partner() -> None:
    api = build_api()
    api.get("/x")(lambda: json_response({"partner": partner_id(api)}))
    assert api.resolve(_event("/x"), SimpleNamespace())["statusCode"] == 401
    event = _event("/x")
    event["requestContext"]["identity"]["apiKeyId"] = "partner-1"
    assert json.loads(api.resolve(event, SimpleNamespace())["body"]) == {"partner": "partner-1"}


def test_an_empty_answer_has_no_body() -> None:
    answer = json_response(None, status=204)
    assert (answer.status_code, answer.body) == (204, None)
