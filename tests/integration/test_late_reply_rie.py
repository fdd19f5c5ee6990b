"""Late replies under AWS's runtime interface emulator: the function registers, answers, speaks late, and goes on.

The emulator holds a response back until the extensions are done, which Lambda does not do; so the order is read from
what the function prints. `test_late_reply_runtime` observes it from the platform's side.
"""

import json
import sysconfig
import threading
import uuid
from pathlib import Path
from typing import Any

from bench.emulator import Emulator
from tests.integration.outside import serve_outside
from tests.integration.webhook_environment import CODE, event_maker, variables
from tests.stack_fixture import RunningStack


def _lines(log: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.splitlines() if line.startswith("{") and '"message"' in line]


def test_a_late_reply_is_spoken_and_the_next_event_served(embedded_stack: RunningStack) -> None:
    packages = Path(sysconfig.get_paths()["purelib"])
    with serve_outside() as outside:
        make = event_maker(embedded_stack, outside, f"session-{uuid.uuid4()}")
        settings = variables(embedded_stack, outside)
        with Emulator("avatar.webhook_handler.lambda_handler", [*CODE, packages], settings) as emulator:
            login, _ = emulator.invoke(make("LOGIN"))
            assert json.loads(login["body"])["status"] == "OK"

            outside.gate.clear()
            threading.Timer(2.0, outside.gate.set).start()
            late, _ = emulator.invoke(make("CHAT", message="slow"))
            assert json.loads(late["body"])["reply"] == ""
            assert [text for _, text in outside.spoken] == ["You said slow"]
            assert outside.texts == ["slow"]

            following, _ = emulator.invoke(make("CHAT", message="next"))
            assert json.loads(following["body"])["reply"] == "You said next"
            said = [entry["message"] for entry in _lines(emulator.log())]
    assert said == ["session opened", "reply is late", "turn finished", "turn finished"]
