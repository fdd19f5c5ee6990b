"""Requests as events, answers as responses."""

import base64
import json

import pytest

from local.stack.blueprint import RouteSpec
from local.stack.proxy import MalformedAnswer, Request, build_event, read_answer
from local.stack.routing import Match

MATCH = Match(RouteSpec("GET", "/images/{job_id}", "ImageResultsFunction", key_required=True), {"job_id": "a/b"})


def request(**changes):
    fields = {
        "method": "GET",
        "path": "/images/a%2Fb",
        "full_path": "/prod/images/a%2Fb",
        "query": "",
        "headers": [("Host", "127.0.0.1:8080"), ("User-Agent", "test"), ("X-Many", "1"), ("X-Many", "2")],
        "body": b"",
        "source_ip": "127.0.0.1",
        "received_at": 1_700_000_000.25,
    }
    return Request(**(fields | changes))


def test_the_event_says_what_was_asked_and_when():
    event = build_event(request(), MATCH, "prod", None)

    assert event["resource"] == "/images/{job_id}"
    assert event["path"] == "/images/a%2Fb"
    assert event["pathParameters"] == {"job_id": "a/b"}
    assert event["stageVariables"] is None
    context = event["requestContext"]
    assert context["path"] == "/prod/images/a%2Fb"
    assert context["requestTimeEpoch"] == 1_700_000_000_250
    assert context["requestTime"] == "14/Nov/2023:22:13:20 +0000"
    assert context["identity"]["userAgent"] == "test"
    assert context["identity"]["apiKeyId"] is None


def test_each_request_has_an_id_of_its_own():
    first, second = (build_event(request(), MATCH, "prod", None)["requestContext"]["requestId"] for _ in range(2))

    assert first != second


def test_the_partner_is_the_id_of_the_key():
    identity = build_event(request(), MATCH, "prod", ("partner-1", "value"))["requestContext"]["identity"]

    assert (identity["apiKeyId"], identity["apiKey"]) == ("partner-1", "value")


def test_repeated_headers_and_query_parameters_are_all_there_and_the_last_one_counts():
    event = build_event(request(query="a=1&a=2&b=%20x&c="), MATCH, "prod", None)

    assert event["headers"]["X-Many"] == "2"
    assert event["multiValueHeaders"]["X-Many"] == ["1", "2"]
    assert event["queryStringParameters"] == {"a": "2", "b": " x", "c": ""}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": [" x"], "c": [""]}


def test_what_is_absent_is_null():
    event = build_event(request(), Match(MATCH.route, {}), "prod", None)

    absent = ("body", "queryStringParameters", "multiValueQueryStringParameters", "pathParameters")
    assert [event[name] for name in absent] == [None] * 4


@pytest.mark.parametrize(
    ("body", "expected", "is_base64"),
    [
        ("grüße".encode(), "grüße", False),
        (b"\xff\x00", base64.b64encode(b"\xff\x00").decode(), True),
    ],
)
def test_a_body_that_is_no_text_is_encoded(body, expected, is_base64):
    event = build_event(request(body=body), MATCH, "prod", None)

    assert (event["body"], event["isBase64Encoded"]) == (expected, is_base64)


def answer(**fields):
    return read_answer(json.dumps({"statusCode": 200} | fields).encode())


def test_an_answer_becomes_a_response():
    response = answer(statusCode=202, headers={"Location": "/x"}, body="grüße")

    assert response.status == 202
    assert ("Location", "/x") in response.headers
    assert ("Content-Type", "application/json") in response.headers
    assert response.body == "grüße".encode()


def test_headers_with_many_values_are_sent_one_by_one_and_win():
    response = answer(headers={"Set-Cookie": "old"}, multiValueHeaders={"set-cookie": ["a=1", "b=2"]})

    assert [value for name, value in response.headers if name.lower() == "set-cookie"] == ["a=1", "b=2"]


def test_a_body_in_base64_is_decoded_only_when_marked():
    encoded = base64.b64encode(b"\x89PNG").decode()

    assert answer(body=encoded, isBase64Encoded=True).body == b"\x89PNG"
    assert answer(body=encoded, isBase64Encoded=False).body == encoded.encode()


def test_headers_that_api_gateway_uses_itself_are_renamed():
    response = answer(headers={"WWW-Authenticate": "Bearer", "Content-Length": "7"})

    assert ("x-amzn-remapped-www-authenticate", "Bearer") in response.headers
    assert not any(name.lower() == "content-length" for name, _ in response.headers)


@pytest.mark.parametrize(
    "payload",
    [
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b'{"statusCode": "abc"}',
        b'{"statusCode": 99}',
        b'{"statusCode": 200, "body": {"a": 1}}',
        b'{"statusCode": 200, "headers": ["a"]}',
        b'{"statusCode": 200, "headers": {"a": {}}}',
        b'{"statusCode": 200, "headers": {"a": "x\\r\\nb: y"}}',
        b'{"statusCode": 200, "body": "%%%", "isBase64Encoded": true}',
        b"not json",
    ],
)
def test_other_answers_are_malformed(payload):
    with pytest.raises(MalformedAnswer):
        read_answer(payload)
