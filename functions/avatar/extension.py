"""Keeping a Lambda environment awake until late replies are spoken.

Lambda freezes an environment as soon as the runtime has posted its response and every extension has asked for the next
event. An internal extension lives in the function's own process: this one asks for the next event only when the work
that outlives the answer is done. Lambda returns the answer to the caller without waiting for that.

The platform's side is the Extensions API: register, then a loop over `event/next`.
"""

import http.client
import json
import threading
import time

from avatar.late_reply import LateWork
from common.observability import describe, emit, logger

NAME = "late-replies"
_VERSION = "2020-01-01"
_REGISTER_SECONDS = 2.0
_PAUSE_SECONDS = 0.2
_FAILURES = 10
# More requests than can be under way at once: an environment serves one at a time.
_REMEMBERED = 16


class ExtensionError(Exception):
    """The Extensions API did not do what it was asked; the text holds the operation and the status."""


class LateReplyExtension:
    """The extension: a thread that follows each invocation until its late work is done.

    Args:
        runtime_api: Host and port of the Extensions API, as ``AWS_LAMBDA_RUNTIME_API`` gives it.
        late_work: What has to be done before the environment may be frozen.
        late_seconds: How long late work is waited for after an answer; then the environment is let go.
    """

    def __init__(self, runtime_api: str, late_work: LateWork, *, late_seconds: float) -> None:
        self._runtime_api = runtime_api
        self._late_work = late_work
        self._late_seconds = late_seconds
        self._changed = threading.Condition()
        self._answered: list[str] = []
        self._identifier = ""

    def start(self) -> bool:
        """Registers, and follows invocations from now on; False where Lambda does not let it.

        Must be called while the environment is initialised: Lambda takes no extension later. Without it replies are
        still spoken late, but only while the environment is awake, for other requests.
        """
        try:
            self._identifier = self._register()
        except (OSError, http.client.HTTPException, ExtensionError) as error:
            logger().error("late replies wait for the next request: no extension", extra=describe(error))
            emit({"ExtensionFailures": 1})
            return False
        threading.Thread(target=self._follow, name=NAME, daemon=True).start()
        return True

    def answered(self, request_id: str) -> None:
        """Tells that the handler is done with an invocation, well or badly: whatever late work it left has begun.

        Args:
            request_id: Lambda's id of the invocation.
        """
        with self._changed:
            self._answered = [*self._answered[1 - _REMEMBERED :], request_id]
            self._changed.notify_all()

    def _register(self) -> str:
        connection = http.client.HTTPConnection(self._runtime_api, timeout=_REGISTER_SECONDS)
        try:
            connection.request(
                "POST",
                f"/{_VERSION}/extension/register",
                json.dumps({"events": ["INVOKE"]}),
                {"Lambda-Extension-Name": NAME, "Content-Type": "application/json"},
            )
            response = connection.getresponse()
            response.read()
            identifier = response.getheader("Lambda-Extension-Identifier")
        finally:
            connection.close()
        if response.status != http.client.OK or not identifier:
            raise ExtensionError(f"register answered {response.status}")
        return identifier

    def _follow(self) -> None:
        failures = 0
        while failures < _FAILURES:
            try:
                event = self._next()
                failures = 0
                self._await_late_work(event)
            except Exception as error:  # noqa: BLE001 - the boundary: the environment needs this thread
                failures += 1
                logger().error("extension failed", extra={"failures": failures, **describe(error)})
                time.sleep(_PAUSE_SECONDS)
        self._give_up()

    def _next(self) -> dict[str, object]:
        # No timeout: the next invocation may come hours later, and the process is frozen until then.
        connection = http.client.HTTPConnection(self._runtime_api)
        try:
            connection.request(
                "GET", f"/{_VERSION}/extension/event/next", headers={"Lambda-Extension-Identifier": self._identifier}
            )
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise ExtensionError(f"event/next answered {response.status}")
        event = json.loads(body)
        return event if isinstance(event, dict) else {}

    def _await_late_work(self, event: dict[str, object]) -> None:
        request_id, deadline_ms = event.get("requestId"), event.get("deadlineMs")
        if not isinstance(request_id, str) or not isinstance(deadline_ms, (int, float)):
            return
        # The deadline is the function's own timeout: past it Lambda ends the environment anyway.
        with self._changed:
            self._changed.wait_for(lambda: request_id in self._answered, timeout=deadline_ms / 1000 - time.time())
        if not self._late_work.wait(self._late_seconds):
            logger().error("late work is not done in time", extra={"request_id": request_id})

    def _give_up(self) -> None:
        """Has Lambda replace the environment, which without its extension would never get another event."""
        connection = http.client.HTTPConnection(self._runtime_api, timeout=_REGISTER_SECONDS)
        try:
            connection.request(
                "POST",
                f"/{_VERSION}/extension/exit/error",
                json.dumps({"errorMessage": "event/next fails", "errorType": "Extension.NextFailed", "stackTrace": []}),
                {
                    "Lambda-Extension-Identifier": self._identifier,
                    "Lambda-Extension-Function-Error-Type": "Extension.NextFailed",
                },
            )
            connection.getresponse().read()
        except (OSError, http.client.HTTPException) as error:
            logger().error("extension cannot report its failure", extra=describe(error))
        finally:
            connection.close()
