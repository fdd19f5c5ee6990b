"""Lambda's Invoke operation and the switches beside it."""

import pytest
from werkzeug.test import Client

from local.stack.environment import Outcome
from local.stack.lambda_api import LambdaApi


class FakePool:
    def __init__(self, outcome):
        self.outcome = outcome
        self.events = []
        self.kills = []

    def invoke(self, invocation):
        self.events.append(invocation.event)
        return self.outcome

    def kill(self, after_seconds):
        self.kills.append(after_seconds)
        return "armed"

    def statistics(self):
        return {"invocations": len(self.events)}


@pytest.fixture
def pools():
    return {
        "Works": FakePool(Outcome(b'{"a": 1}')),
        "Fails": FakePool(Outcome.error("TooTired", "no")),
    }


@pytest.fixture
def client(pools):
    return Client(LambdaApi(pools))


def path(name):
    return f"/2015-03-31/functions/{name}/invocations"


def test_an_answer_is_the_body(client, pools):
    response = client.post(path("Works"), data=b'{"x": 1}')

    assert (response.status_code, response.json) == (200, {"a": 1})
    assert "X-Amz-Function-Error" not in response.headers
    assert pools["Works"].events == [b'{"x": 1}']


def test_a_failure_is_a_200_with_a_header(client):
    response = client.post(path("Fails"))

    assert response.status_code == 200
    assert response.headers["X-Amz-Function-Error"] == "Unhandled"
    assert response.json == {"errorType": "TooTired", "errorMessage": "no"}


def test_an_unknown_function(client):
    response = client.post(path("arn:aws:lambda:us-east-1:1:function:Missing"))

    assert response.status_code == 404
    assert response.headers["x-amzn-ErrorType"] == "ResourceNotFoundException"


def test_a_dry_run_runs_nothing(client, pools):
    assert client.post(path("Works"), headers={"X-Amz-Invocation-Type": "DryRun"}).status_code == 204
    assert pools["Works"].events == []


def test_the_kill_switch(client, pools):
    response = client.post("/_embedded/kill", json={"function": "Works", "after_seconds": 0.5})

    assert response.json == {"function": "Works", "outcome": "armed"}
    assert pools["Works"].kills == [0.5]
    assert client.post("/_embedded/kill", json={"function": "Missing"}).status_code == 404
    assert client.post("/_embedded/kill", data=b"no json").status_code == 400
    assert client.post("/_embedded/kill", data=b"[]").status_code == 400


def test_the_counts(client):
    client.post(path("Works"))

    assert client.get("/_embedded/invocations").json == {"Works": {"invocations": 1}, "Fails": {"invocations": 0}}


def test_other_paths_are_unknown(client):
    assert client.get("/2015-03-31/functions").status_code == 404
