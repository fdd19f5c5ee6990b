"""The internal extension against the Extensions API, step by step."""

import socket
import threading
import time
import uuid
from collections.abc import Iterator

import pytest

from avatar import extension as extension_module
from avatar import services, webhook_handler
from avatar.extension import LateReplyExtension
from avatar.late_reply import LateWork
from common.observability import logger
from tests.integration.runtime_api import Invocation, RuntimeApi, serve


@pytest.fixture(autouse=True)
def _metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Tests")
    # A logger of its own for each test: a logger writes to the standard output it found when it was made.
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", f"tests-{uuid.uuid4()}")
    logger.cache_clear()


@pytest.fixture
def api() -> RuntimeApi:
    return RuntimeApi()


@pytest.fixture
def address(api: RuntimeApi, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(extension_module, "_PAUSE_SECONDS", 0.01)
    with serve(api) as address:
        yield address
    # Without its API an extension gives up; nothing of it is left for the next test.
    for thread in threading.enumerate():
        if thread.name == extension_module.NAME:
            thread.join(10)
            assert not thread.is_alive()


def _serve_event(api: RuntimeApi, extension: LateReplyExtension) -> Invocation:
    """An invocation, of which the function says at once that it has answered."""

    def runtime() -> None:
        invocation = api.next_event("runtime")
        assert invocation is not None
        extension.answered(invocation.request_id)
        api.finish(invocation.request_id, "response", {}, invocation)

    thread = threading.Thread(target=runtime)
    thread.start()
    invocation = api.invoke({})
    thread.join(5)
    return invocation


def _asked(api: RuntimeApi) -> int:
    return [what for what, _ in api.diary].count("extension asks")


def _wait_asked(api: RuntimeApi, times: int, seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end and _asked(api) < times:
        time.sleep(0.01)
    return _asked(api) >= times


def test_the_next_event_is_asked_for_only_when_late_work_is_done(api: RuntimeApi, address: str) -> None:
    late_work, go = LateWork(), threading.Event()
    extension = LateReplyExtension(address, late_work, late_seconds=30)
    assert extension.start() is True
    assert list(api.extensions.values()) == [extension_module.NAME]
    late_work.start(lambda: (go.wait(10), None)[1])
    _serve_event(api, extension)
    time.sleep(0.3)
    assert _asked(api) == 1
    go.set()
    assert _wait_asked(api, 2)


def test_an_event_without_late_work_is_over_at_once(api: RuntimeApi, address: str) -> None:
    extension = LateReplyExtension(address, LateWork(), late_seconds=30)
    extension.start()
    for times in range(2, 5):
        _serve_event(api, extension)
        assert _wait_asked(api, times)


def test_late_work_that_never_ends_is_let_go(api: RuntimeApi, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    late_work, go = LateWork(), threading.Event()
    extension = LateReplyExtension(address, late_work, late_seconds=0.2)
    extension.start()
    late_work.start(lambda: (go.wait(10), None)[1])
    invocation = _serve_event(api, extension)
    assert _wait_asked(api, 2)
    go.set()
    assert late_work.wait(5)
    printed = capsys.readouterr().out
    assert "late work is not done in time" in printed
    assert invocation.request_id in printed


def test_a_refused_registration_is_counted_and_borne(
    api: RuntimeApi, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    api.refuse_extensions = True
    assert LateReplyExtension(address, LateWork(), late_seconds=1).start() is False
    assert "ExtensionFailures" in capsys.readouterr().out


def test_without_an_extensions_api_the_environment_starts_all_the_same() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        assert LateReplyExtension(address, LateWork(), late_seconds=1).start() is False


def test_passing_failures_are_borne(api: RuntimeApi, address: str) -> None:
    api.fail_next = 5
    extension = LateReplyExtension(address, LateWork(), late_seconds=1)
    extension.start()
    _serve_event(api, extension)
    assert _wait_asked(api, 2)
    assert api.exit_errors == []


def test_lasting_failures_have_the_environment_replaced(api: RuntimeApi, address: str) -> None:
    api.fail_next = 1000
    LateReplyExtension(address, LateWork(), late_seconds=1).start()
    assert api.wait_for("extension gives up", 10)
    assert api.exit_errors[0]["errorType"] == "Extension.NextFailed"


def test_in_lambda_the_environment_starts_with_the_extension(
    api: RuntimeApi, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", address)
    monkeypatch.setattr(services, "conversation", lambda: None)
    monkeypatch.setattr(services, "turns", lambda: None)
    answered = services.start_environment()
    assert list(api.extensions.values()) == [extension_module.NAME]
    assert answered != webhook_handler._answered
