"""`python -m local oh-simulator`: the simulated OH API alone, for whoever develops against it."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from local.oh_simulator.app import create_app
from local.oh_simulator.faults import CONSOLE_PATH
from local.oh_simulator.simulator import DEFAULT_API_KEY
from local.oh_simulator.switches import SwitchError, Switches, parse_switches
from local.servers import LocalServer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes any free one (default)")
    parser.add_argument(
        "--api-key",
        action="append",
        metavar="KEY",
        help=f"accepted X-API-Key; may be given more than once (default: $OH_API_KEY, else {DEFAULT_API_KEY})",
    )
    parser.add_argument("--switches", type=Path, metavar="FILE", help="JSON file of the switches at the start")
    parser.add_argument("--webhook-token", metavar="TOKEN", help="bearer token sent with LOGOUT to a cam webhook")


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM, after one line of JSON on standard output; give the exit status."""
    try:
        switches = _read_switches(arguments.switches)
        server = LocalServer(port=arguments.port)
    except (OSError, ValueError, OverflowError) as error:
        print(f"oh-simulator: {error}", file=sys.stderr)
        return 2
    keys = arguments.api_key or [os.environ.get("OH_API_KEY") or DEFAULT_API_KEY]
    server.app = create_app(api_keys=keys, switches=switches, webhook_token=arguments.webhook_token)
    stop = stop_on_signals()
    with server:
        ready = {"ready": True, "base_url": server.base_url, "console_url": server.base_url + CONSOLE_PATH}
        print(json.dumps(ready), flush=True)
        stop.wait()
    return 0


def stop_on_signals() -> threading.Event:
    """Give an event that SIGINT and SIGTERM set."""
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    return stop


def _read_switches(path: Path | None) -> Switches | None:
    if path is None:
        return None
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SwitchError(f"{path} is not JSON: {error}") from error
    return parse_switches(data)
