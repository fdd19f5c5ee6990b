"""Child processes of the stack: forked from a small server that has the third-party libraries loaded already.

A fresh interpreter needs more than a second to import boto3, httpx and pydantic; a child forked from a process that
has them is up in a tenth of that. Our own code is never loaded there, so each environment runs its own INIT.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing import connection, forkserver, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from typing import Any, TextIO, cast

from local.stack.errors import StackError

PRELOADED = (
    "asyncio",
    "boto3.dynamodb.conditions",
    "boto3.dynamodb.types",
    "boto3.session",
    "botocore.client",
    "botocore.httpsession",
    "botocore.signers",
    "concurrent.futures.thread",
    "httpcore",
    "httpx",
    "json",
    "logging",
    "pydantic.fields",
    "pydantic.main",
    "pydantic.type_adapter",
)

_START_SECONDS = 30.0
_start_lock = threading.Lock()


def context() -> ForkServerContext:
    """The multiprocessing context that every child of the stack is made with."""
    forking = multiprocessing.get_context("forkserver")
    forking.set_forkserver_preload(list(PRELOADED))
    return forking


def start(target: Callable[..., None], *arguments: Any, name: str) -> tuple[BaseProcess, Connection]:
    """Start a child whose first argument is its end of a two-way pipe.

    Returns:
        The process and our end of the pipe; the pipe reads as ended when the child is gone.
    """
    forking = context()
    ours, theirs = forking.Pipe()
    process = forking.Process(target=target, args=(theirs, *arguments), name=name, daemon=True)
    with _start_lock:
        process.start()
    theirs.close()
    return process, ours


def receive(pipe: Connection, name: str) -> Any:
    """The next object a child sends.

    Raises:
        StackError: The child ended, or said nothing for half a minute.
    """
    try:
        if pipe.poll(_START_SECONDS):
            return pipe.recv()
    except (EOFError, OSError):
        raise StackError(f"The {name} ended before it served; its messages stand above.") from None
    raise StackError(f"The {name} did not start within {_START_SECONDS:.0f} seconds.")


def stop(process: BaseProcess) -> None:
    """End a child at once and wait until it is gone. Nothing in a child outlives the stack, so nothing is lost."""
    with contextlib.suppress(OSError, ValueError):
        if process.is_alive():
            process.kill()
        process.join(5)


def stop_server() -> None:
    """End what is left: children, the server they are forked from, and multiprocessing's own helper beside it.

    Python ends the last two a moment after this process; a stack that says it has ended should leave nothing even for
    that moment. There is no public way to ask for it.
    """
    for process in multiprocessing.active_children():
        stop(process)
    server: Any = getattr(forkserver, "_forkserver", None)
    pid = getattr(server, "_forkserver_pid", None)
    with contextlib.suppress(OSError):
        if pid is not None:
            # Asked politely it would wait for children that the interrupted start of one may have left to themselves.
            os.kill(pid, signal.SIGKILL)
    for helper in (server, getattr(resource_tracker, "_resource_tracker", None)):
        end = getattr(helper, "_stop", None)
        if end is not None:
            with contextlib.suppress(OSError, AttributeError):
                end()


def enter_child(*, quiet: bool = False) -> None:
    """What each child does first: it leaves stdout alone, survives Ctrl-C, and dies with the main process.

    Args:
        quiet: Drop what the child prints instead of sending it to stderr.

    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if quiet:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 2)
        os.close(silence)
    # Standard output belongs to the stack's one line of JSON.
    os.dup2(2, 1)
    cast("TextIO", sys.stdout).reconfigure(line_buffering=True)  # type: ignore[attr-defined]
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_die_with, args=(parent.sentinel,), name="parent-watch", daemon=True).start()


def _die_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)
