"""Late replies in Lambda, under AWS's own runtime client.

The answer leaves first, the environment stays awake until the reply is spoken, and whatever happens to late work the
next event is served.
"""

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.integration.outside import Outside, serve_outside
from tests.integration.runtime_api import RuntimeApi, serve
from tests.integration.webhook_environment import CODE, event_maker, variables
from tests.stack_fixture import RunningStack

Make = Callable[..., dict[str, Any]]


@pytest.fixture
def outside() -> Iterator[Outside]:
    with serve_outside() as outside:
        yield outside


@pytest.fixture
def make(embedded_stack: RunningStack, outside: Outside) -> Make:
    return event_maker(embedded_stack, outside, f"session-{uuid.uuid4()}")


@contextmanager
def environment(
    stack: RunningStack, outside: Outside, api: RuntimeApi, **changes: str
) -> Iterator[subprocess.Popen[str]]:
    """One execution environment: the function under the real runtime client."""
    outside.note = api.note
    with serve(api) as address:
        process = subprocess.Popen(
            [sys.executable, "-m", "awslambdaric", "avatar.webhook_handler.lambda_handler"],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join(map(str, CODE)),
                "AWS_LAMBDA_RUNTIME_API": address,
                **variables(stack, outside, **changes),
            },
            cwd=CODE[0],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate(timeout=10)


def _body(response: Any) -> dict[str, Any]:
    assert response["statusCode"] == 200
    body: dict[str, Any] = json.loads(response["body"])
    return body


def test_the_answer_leaves_first_and_the_environment_stays_awake(
    embedded_stack: RunningStack, outside: Outside, make: Make
) -> None:
    api = RuntimeApi()
    with environment(embedded_stack, outside, api):
        assert _body(api.invoke(make("LOGIN")).response)["statusMessage"] == "Hello."
        assert list(api.extensions.values()) == ["late-replies"]
        assert _body(api.invoke(make("CHAT", message="quick")).response)["reply"] == "You said quick"
        assert api.ready()

        outside.gate.clear()
        asked_before = [what for what, _ in api.diary].count("extension asks")
        began = time.monotonic()
        late = api.invoke(make("CHAT", message="slow"))
        assert _body(late.response)["reply"] == ""
        assert time.monotonic() - began < 2
        time.sleep(0.5)
        assert [what for what, _ in api.diary].count("extension asks") == asked_before
        assert outside.spoken == []

        outside.gate.set()
        assert api.ready()
        diary = [what for what, _ in api.diary]
        response = api.diary.index(("response", late.request_id))
        assert response < diary.index("spoken") < len(diary) - 1 - diary[::-1].index("extension asks")
        assert [text for _, text in outside.spoken] == ["You said slow"]
        assert outside.texts == ["quick", "slow"]

        assert _body(api.invoke(make("CHAT", message="again")).response)["reply"] == "You said again"
        assert len(outside.spoken) == 1


def test_late_work_that_fails_harms_no_later_event(embedded_stack: RunningStack, outside: Outside, make: Make) -> None:
    api = RuntimeApi()
    with environment(embedded_stack, outside, api):
        api.invoke(make("LOGIN"))
        outside.gate.clear()
        outside.callback_status = 403
        assert _body(api.invoke(make("CHAT", message="slow")).response)["reply"] == ""
        outside.gate.set()
        outside.callback_status = 200
        assert _body(api.invoke(make("CHAT", message="next")).response)["reply"] == "You said next"


def test_an_event_that_fails_keeps_nobody_waiting(embedded_stack: RunningStack, outside: Outside, make: Make) -> None:
    api = RuntimeApi()
    with environment(embedded_stack, outside, api):
        assert api.invoke({"no": "proxy event"}).error is not None
        assert _body(api.invoke(make("LOGIN")).response)["status"] == "OK"


def test_without_extensions_conversations_go_on(embedded_stack: RunningStack, outside: Outside, make: Make) -> None:
    api = RuntimeApi()
    api.refuse_extensions = True
    with environment(embedded_stack, outside, api):
        assert _body(api.invoke(make("LOGIN")).response)["status"] == "OK"
        assert _body(api.invoke(make("CHAT", message="hello")).response)["reply"] == "You said hello"
        assert "extension asks" not in [what for what, _ in api.diary]


def test_a_passing_failure_of_the_extensions_api_is_borne(
    embedded_stack: RunningStack, outside: Outside, make: Make
) -> None:
    api = RuntimeApi()
    api.fail_next = 3
    with environment(embedded_stack, outside, api):
        assert _body(api.invoke(make("LOGIN")).response)["status"] == "OK"
        assert api.exit_errors == []


def test_an_extension_that_can_do_nothing_asks_to_be_replaced(embedded_stack: RunningStack, outside: Outside) -> None:
    api = RuntimeApi()
    api.fail_next = 1000
    with environment(embedded_stack, outside, api):
        assert api.wait_for("extension gives up")
    assert api.exit_errors[0]["errorType"] == "Extension.NextFailed"


def test_a_broken_phrase_is_refused_at_start_with_its_reason(embedded_stack: RunningStack, outside: Outside) -> None:
    api = RuntimeApi()
    with environment(embedded_stack, outside, api, APOLOGY_REPLY='{"de": "Verzeihung"}') as process:
        assert api.wait_for("init error")
        printed, _ = process.communicate(timeout=20)
    assert "parameter ApologyReply" in printed
    assert 'lacks the key "default"' in printed
    assert api.extensions == {}
