"""``python -m local stack``: serve in the foreground until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from local.stack import orphans
from local.stack.errors import StackError
from local.stack.options import Options
from local.stack.stack import ROOT, Stack
from local.stack.template import REGION

_CHECK_SECONDS = 1.0
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Stopped(BaseException):
    """Somebody asked the stack to end."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command; it is steered by environment variables but for the project to serve."""
    parser.add_argument("--project", type=Path, default=ROOT, help="directory with template.yaml (default: this one)")
    parser.description = (
        "Serve the whole deployment on this machine, built from template.yaml. Once it serves, one line of JSON on "
        "standard output says where; everything else goes to standard error."
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        "environment variables:\n"
        "  LOCAL_PORT          port of the API, 0 for any free one (default 8080)\n"
        "  LOCAL_CONCURRENCY   most execution environments of each function (default 16)\n"
        "  LOCAL_WARM          webhook environments that are kept ready (default 8)\n"
        "  LOCAL_LOG           full, or quiet to drop what the functions log (default full)\n"
        "  OH_API_BASE_URL     an OH API to use instead of the simulator\n"
        "  OH_API_KEY          the key for it\n"
        "  TRULIENCE_API_KEY, WEBHOOK_SIGNING_SECRET   secrets to use instead of random ones\n"
        "  any template parameter in UPPER_SNAKE_CASE, such as JOB_DEADLINE_SECONDS=12"
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until asked to stop; gives the exit code."""
    started = time.monotonic()
    stack = None
    try:
        for number in _STOPPING:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup is to be obeyed
                signal.signal(number, _stop)
        orphans.adopt()
        _forget_aws_account()
        stack = Stack(Options.read(os.environ), os.environ, arguments.project.resolve())
        announcement = stack.start()
        print(json.dumps(announcement), flush=True)
        _say(f"Serving {announcement['api_url']} after {time.monotonic() - started:.1f} s. Ctrl-C ends it.")
        stack.warm_up()
        _watch(stack)
    except StackError as error:
        _say(str(error))
        return error.exit_code
    except _Stopped:
        return 0
    finally:
        for number in _STOPPING:
            signal.signal(number, signal.SIG_IGN)
        if stack is not None:
            stack.stop()
        orphans.end()


def _forget_aws_account() -> None:
    """Drop the user's AWS profile and credentials: nothing that runs here may reach a real account."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        AWS_DEFAULT_REGION=REGION,
    )


def _watch(stack: Stack) -> NoReturn:
    while True:
        time.sleep(_CHECK_SECONDS)
        failed = stack.failed_child()
        if failed is not None:
            raise StackError(f"The {failed} has ended unexpectedly.")


def _stop(_number: int, _frame: Any) -> None:
    raise _Stopped


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
