"""Logs and metrics: structured, with the id of what they speak of, and never a message, prompt, key or token."""

import json
import sys
import traceback
from collections.abc import Mapping
from functools import cache

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from common.settings import SettingsError


@cache
def logger() -> Logger:
    """The function's logger: JSON lines; service and level come from Powertools' own variables."""
    return Logger(utc=True)


def emit(
    counts: Mapping[str, float] | None = None,
    *,
    milliseconds: Mapping[str, float] | None = None,
    dimensions: Mapping[str, str] | None = None,
) -> None:
    """Writes metrics in CloudWatch's embedded format, as one log line, at once.

    A line of its own per call, rather than one per invocation, so that work which outlives an invocation can count too
    and threads share no state.

    Args:
        counts: Values by metric name, counted.
        milliseconds: Durations by metric name.
        dimensions: What the values are told apart by, such as the character.
    """
    line = AmazonCloudWatchEMFProvider()
    for name, value in (dimensions or {}).items():
        line.add_dimension(name, value)
    for unit, values in ((MetricUnit.Count, counts), (MetricUnit.Milliseconds, milliseconds)):
        for metric, amount in (values or {}).items():
            line.add_metric(metric, unit, amount)
    # Written in one piece, as print would not: lines of several threads must not run into each other.
    sys.stdout.write(json.dumps(line.serialize_metric_set(), separators=(",", ":")) + "\n")


def describe(error: BaseException) -> dict[str, object]:
    """What a log line may say of an error: its class and where it came from, and the same of what caused it.

    The message is left out, as a foreign exception may quote a prompt or a key, and so is the trace: file, line and
    function of the innermost frames are enough to find the place. AWS's error code is a word of a fixed list.
    """
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    said: dict[str, object] = {
        "error_type": type(error).__name__,
        "error_at": [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames],
    }
    if isinstance(error, SettingsError):
        # Written by us, for operators; it names settings and reasons, never their values.
        said["error"] = str(error)
    cause = error.__cause__ or error
    if cause is not error:
        said["cause_type"] = type(cause).__name__
    response = getattr(cause, "response", None)
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return {**said, "aws_error_code": code} if code else said
