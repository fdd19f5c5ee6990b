"""Inside an execution environment: the context, errors, answers that are no JSON."""

import json
import time

import pytest

from local.stack.lambda_api import function_name
from local.stack.worker import FAILURE, RESULT, EnvironmentSpec, LambdaContext, answer

SPEC = EnvironmentSpec("Fn", "arn:aws:lambda:us-east-1:1:function:Fn", "m.h", 3, 512, {}, ("/code",))


def head(deadline=None):
    return {"request_id": "r-1", "trace_id": "t", "deadline": deadline or time.time() + 3}


def test_a_result_is_sent_as_json(monkeypatch):
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "")

    message = answer(
        lambda event, context: {"said": event["a"], "id": context.aws_request_id}, SPEC, head(), '{"a": "ü"}'.encode()
    )

    assert message[:1] == RESULT
    assert json.loads(message[1:]) == {"said": "ü", "id": "r-1"}


def test_an_error_has_its_class_its_words_and_its_place(monkeypatch, capsys):
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "")

    def handler(_event, _context):
        raise KeyError("missing")

    message = answer(handler, SPEC, head(), b"{}")

    error = json.loads(message[1:])
    assert message[:1] == FAILURE
    assert (error["errorType"], error["errorMessage"]) == ("KeyError", "'missing'")
    assert "in handler" in error["stackTrace"][-1]
    assert "KeyError" in capsys.readouterr().err


def test_an_answer_that_is_no_json_is_a_failure(monkeypatch):
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "")

    message = answer(lambda _event, _context: {"a": object()}, SPEC, head(), b"{}")

    assert json.loads(message[1:])["errorType"] == "Runtime.MarshalError"


def test_the_context_knows_the_function_and_the_time_left():
    context = LambdaContext(SPEC, "r-1", time.time() + 2)

    assert (context.function_name, context.memory_limit_in_mb, context.invoked_function_arn) == ("Fn", "512", SPEC.arn)
    assert 1500 < context.get_remaining_time_in_millis() <= 2000
    assert LambdaContext(SPEC, "r-1", time.time() - 1).get_remaining_time_in_millis() == 0


@pytest.mark.parametrize(
    "identifier",
    [
        "Fn",
        "Fn:live",
        "arn:aws:lambda:us-east-1:1:function:Fn",
        "arn:aws:lambda:us-east-1:1:function:Fn:7",
        "1:function:Fn",
        "arn%3Aaws%3Alambda%3Aus-east-1%3A1%3Afunction%3AFn",
    ],
)
def test_a_function_is_found_by_name_and_arn(identifier):
    assert function_name(identifier) == "Fn"
