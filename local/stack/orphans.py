"""Leaving no process behind, not even one whose own parent died first.

A signal to the whole process group ends the stack's children and the server they were forked from in any order. What
loses its parent so would fall to the machine's first process, which in a container may never clean up.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
"""Of prctl(2), Linux."""
_ROUNDS = 100


def adopt() -> None:
    """Have descendants that lose their parent become children of this process. Does nothing outside Linux."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end() -> None:
    """End every child that is left and wait for it, those included that come to this process meanwhile."""
    for _ in range(_ROUNDS):
        children = _children()
        if not children:
            return
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        for child in children:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)


def _children() -> list[int]:
    lists = Path("/proc/self/task").glob("*/children")
    found: list[int] = []
    for path in lists:
        with contextlib.suppress(OSError):
            found += map(int, path.read_text(encoding="ascii").split())
    return found
