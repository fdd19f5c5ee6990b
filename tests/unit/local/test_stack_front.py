"""The HTTP front: keys, unknown routes, broken functions."""

import json

import pytest
from werkzeug.test import Client

from local.servers import RAW_HEADERS_KEY
from local.stack import front as front_module
from local.stack.blueprint import RouteSpec
from local.stack.environment import Outcome
from local.stack.front import ApiFront
from local.stack.routing import RouteTable

ROUTES = [
    RouteSpec("POST", "/avatars/{character_id}/webhook", "Webhook", key_required=False),
    RouteSpec("GET", "/images", "Results", key_required=True),
    RouteSpec("HEAD", "/images", "Results", key_required=True),
]
KEYS = {"key-one": "partner-1", "key-two": "partner-2"}


class Functions:
    """Stands in for the functions: notes what it is asked and gives what the test chose."""

    def __init__(self):
        self.events = []
        self.outcome = Outcome(b'{"statusCode": 200, "body": "{}"}')

    def __call__(self, name, invocation):
        self.events.append((name, json.loads(invocation.event)))
        return self.outcome


@pytest.fixture
def functions():
    return Functions()


@pytest.fixture
def send(functions):
    front = ApiFront(RouteTable(ROUTES, "prod"), KEYS, "prod", functions, lambda _line: None)

    def send(method, path, *, headers=(), **more):
        return Client(front).open(
            path, method=method, headers=list(headers), environ_overrides={RAW_HEADERS_KEY: list(headers)}, **more
        )

    return send


def test_a_request_reaches_its_function_and_the_answer_comes_back(send, functions):
    functions.outcome = Outcome(b'{"statusCode": 201, "headers": {"X-Own": "1"}, "body": "{\\"a\\": 1}"}')

    response = send("POST", "/avatars/7/webhook", data=b'{"action": "CHAT"}')

    assert (response.status_code, response.json, response.headers["X-Own"]) == (201, {"a": 1}, "1")
    ((name, event),) = functions.events
    assert name == "Webhook"
    assert event["pathParameters"] == {"character_id": "7"}
    assert response.headers["x-amzn-RequestId"] == event["requestContext"]["requestId"]


def test_the_stage_in_front_changes_nothing_but_the_context(send, functions):
    send("POST", "/prod/avatars/7/webhook")

    event = functions.events[0][1]
    assert event["path"] == "/avatars/7/webhook"
    assert event["requestContext"]["path"] == "/prod/avatars/7/webhook"


@pytest.mark.parametrize("headers", [[], [("X-API-Key", "key-three")], [("X-API-Key", "")], [("X-API-Key", "kéy")]])
def test_without_a_key_of_ours_the_function_is_not_run(send, functions, headers):
    response = send("GET", "/images", headers=headers)

    assert (response.status_code, response.json) == (403, {"message": "Forbidden"})
    assert functions.events == []


def test_the_key_tells_which_partner_asks(send, functions):
    assert send("GET", "/images", headers=[("x-api-key", "key-two")]).status_code == 200

    assert functions.events[0][1]["requestContext"]["identity"]["apiKeyId"] == "partner-2"


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nothing"), ("DELETE", "/images"), ("GET", "/"), ("POST", "/avatars//webhook")]
)
def test_an_unknown_route_or_method(send, method, path):
    response = send(method, path, headers=[("X-API-Key", "key-one")])

    assert (response.status_code, response.json) == (403, {"message": "Missing Authentication Token"})


@pytest.mark.parametrize(
    "outcome",
    [Outcome(b'{"errorType": "KeyError"}', failed=True), Outcome(b"null"), Outcome(b'{"body": "no status"}')],
)
def test_a_crash_and_a_malformed_answer_look_the_same_from_outside(send, functions, outcome):
    functions.outcome = outcome

    response = send("POST", "/avatars/7/webhook")

    assert (response.status_code, response.json) == (502, {"message": "Internal server error"})


def test_a_body_over_ten_megabytes_is_refused(send, functions):
    response = send("POST", "/avatars/7/webhook", data=b"x" * (front_module.MAX_BODY_BYTES + 1))

    assert (response.status_code, response.json) == (413, {"message": "Request Too Long"})
    assert functions.events == []


def test_a_function_that_takes_too_long_is_given_up(monkeypatch):
    import threading

    release = threading.Event()
    monkeypatch.setattr(front_module, "INTEGRATION_SECONDS", 0.05)

    def slow(_name, _invocation):
        release.wait(5)
        return Outcome(b'{"statusCode": 200}')

    front = ApiFront(RouteTable(ROUTES, "prod"), KEYS, "prod", slow, lambda _line: None)
    response = Client(front).post("/avatars/7/webhook", environ_overrides={RAW_HEADERS_KEY: []})
    release.set()

    assert (response.status_code, response.json) == (504, {"message": "Endpoint request timed out"})
