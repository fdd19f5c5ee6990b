"""What an image job costs: transitions, invocations and dollars, counted in the histories of real executions.

The jobs run on the embedded stack with the real definition and the real functions; their waits are real seconds. The
durations of the functions are this machine's; the dollars are the published prices of `bench.prices`.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx

from bench import prices
from bench.wait import wait_until
from local.launcher import RunningStack, launch

JOB_SECONDS = (20, 32)
"""How long the provider takes: the observed span of a plain image."""
_END_SECONDS = 120.0
_MEMORY_GB = {"StoreResultFunction": 1.0}
_DEFAULT_MEMORY_GB = 0.5


def run() -> Iterator[dict[str, Any]]:
    """Submits a job of each length, one after the other, and reports each."""
    stack = launch(LOCAL_LOG="quiet")
    try:
        for seconds in JOB_SECONDS:
            yield _measure(stack, seconds)
    finally:
        stack.stop()


def _measure(stack: RunningStack, seconds: int) -> dict[str, Any]:
    httpx.patch(
        f"{stack.oh_simulator_url}/_simulator/switches", json={"jobs": {"seconds_to_complete": seconds}}
    ).raise_for_status()
    with httpx.Client(base_url=stack.api_url, headers={"X-API-Key": stack.partner_api_keys[0]}, timeout=30) as api:
        job = api.post("/images", json={"character_id": "7", "prompt": f"a harbour after {seconds} seconds"})
        job_id = job.raise_for_status().json()["job_id"]
        wait_until(lambda: api.get(f"/images/{job_id}").json()["status"] == "completed", _END_SECONDS)
    states = stack.aws("stepfunctions")
    execution = f"{stack.state_machine_arn.replace(':stateMachine:', ':execution:')}:{job_id}"
    wait_until(lambda: states.describe_execution(executionArn=execution)["status"] != "RUNNING", _END_SECONDS)
    pages = states.get_paginator("get_execution_history").paginate(executionArn=execution)
    return {"benchmark": "image_job", "provider_seconds": seconds, **summary([e for p in pages for e in p["events"]])}


def summary(history: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts and prices of one execution's history.

    Args:
        history: Events as Step Functions' GetExecutionHistory gives them.
    """
    entered = [event for event in history if event["type"].endswith("StateEntered")]
    states = Counter(event["stateEnteredEventDetails"]["name"] for event in entered)
    billed = dict(_lambda_seconds(history))
    gb_seconds = sum(
        seconds * _MEMORY_GB.get(f"{state}Function", _DEFAULT_MEMORY_GB) for state, seconds in billed.items()
    )
    invocations = sum(count for state, count in states.items() if state in billed)
    writes = sum(
        count for state, count in states.items() if state not in billed and state.startswith(("Record", "Mark"))
    )
    dollars = {
        "state_transitions": len(entered) * prices.STATE_TRANSITION,
        "lambda": invocations * prices.LAMBDA_REQUEST + gb_seconds * prices.LAMBDA_GB_SECOND,
        # A record is written to the table and to its index.
        "dynamodb_writes": 2 * writes * prices.DYNAMODB_WRITE,
        "s3_put": prices.S3_PUT,
        "api_submit": prices.API_REQUEST,
    }
    per_thousand = {name: round(1000 * value, 4) for name, value in dollars.items()}
    return {
        "state_transitions": len(entered),
        "states": dict(states),
        "lambda_invocations": invocations,
        "lambda_gb_seconds": round(gb_seconds, 3),
        "dollars_per_1000_jobs": round(sum(per_thousand.values()), 3),
        "dollars_by_part": per_thousand,
        "prices": "US East (N. Virginia), bench/prices.py",
    }


def _lambda_seconds(history: list[dict[str, Any]]) -> Iterator[tuple[str, float]]:
    """Seconds by state that its function took over all visits, for each state that calls one."""
    total: Counter[str] = Counter()
    state, began, calls_lambda = "", datetime.min.replace(tzinfo=UTC), False
    for event in history:
        kind = event["type"]
        if kind == "TaskStateEntered":
            state, began, calls_lambda = event["stateEnteredEventDetails"]["name"], event["timestamp"], False
        elif kind == "TaskScheduled":
            calls_lambda = event["taskScheduledEventDetails"]["resourceType"] == "lambda"
        elif kind == "LambdaFunctionScheduled":
            calls_lambda = True
        elif kind == "TaskStateExited" and calls_lambda:
            total[state] += (event["timestamp"] - began).total_seconds()
    yield from total.items()
