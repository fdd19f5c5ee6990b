"""The embedded stack as a process of its own, as its users start it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_QUOTED_LINES = 12


class DemoError(Exception):
    """Something did not happen; the message is a sentence that says what."""


@contextmanager
def running_stack(log: Path) -> Iterator[dict[str, Any]]:
    """Start the stack on a free port, give what it announces, and end it afterwards.

    Args:
        log: Where to write what the stack reports.

    Raises:
        DemoError: It does not serve within a minute.
    """
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "local", "stack"],
            cwd=Path(__file__).resolve().parents[2],
            env={**os.environ, "LOCAL_PORT": "0"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            yield _announcement(process, log)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _announcement(process: subprocess.Popen[str], log: Path) -> dict[str, Any]:
    assert process.stdout is not None  # noqa: S101 - it was opened as a pipe
    readable, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    line = process.stdout.readline() if readable else ""
    if line:
        return dict(json.loads(line))
    last = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_QUOTED_LINES:])
    raise DemoError(f"The embedded stack did not start. It said:\n{last}")
