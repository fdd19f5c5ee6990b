"""When the provider is asked, and what its answers mean."""

import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_twin import oh
from images.polling import FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, decide, wait_seconds


def polls_of(deadline: float, *, overhead: float = 0.0, finished_at: float = math.inf) -> list[float]:
    """When the provider is asked, in seconds after the submission, until the job is done or given up."""
    now, times, wait = 0.0, [], FIRST_WAIT_SECONDS
    while True:
        now += wait + overhead
        times.append(now)
        if now >= finished_at or now >= deadline:
            return times
        wait = wait_seconds(len(times), deadline - now)


def test_a_job_of_20_seconds_needs_24_transitions() -> None:
    polls = polls_of(300, finished_at=20)
    assert polls == [2, 6, 10, 14, 18, 22]
    # RecordJob; three states for each question; StoreResult, StoreDecide, MarkCompleted, AskedAfterSuccess, Completed.
    assert 1 + 3 * len(polls) + 5 == 24


@given(st.floats(10, 900), st.floats(0, 0.9))
def test_questions_are_2_to_5_seconds_apart_and_the_last_falls_on_the_deadline(
    deadline: float, overhead: float
) -> None:
    times = polls_of(deadline, overhead=overhead)
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert all(2 <= gap <= 5 for gap in gaps)
    assert deadline <= times[-1] < deadline + 2 + overhead


@given(st.integers(1, 100), st.floats(0.1, 900), st.one_of(st.none(), st.floats(0, 10_000)))
def test_a_wait_never_goes_beyond_the_deadline_or_below_two_seconds(
    polls: int, remaining: float, retry_after: float | None
) -> None:
    wait = wait_seconds(polls, remaining, retry_after)
    assert FIRST_WAIT_SECONDS <= wait <= max(math.ceil(remaining), FIRST_WAIT_SECONDS)


@pytest.mark.parametrize(("asked", "given"), [(0.5, 4), (7.2, 8), (30, 30), (86_400, 30)])
def test_the_provider_may_ask_for_patience_up_to_half_a_minute(asked: float, given: int) -> None:
    assert wait_seconds(3, 200, asked) == given


def status(word: str, **members: Any) -> oh.JobStatus:
    return oh.JobStatus.model_validate({"job_id": "j", "status": word, **members})


@pytest.mark.parametrize("word", ["queued", "processing"])
def test_an_unfinished_job_is_asked_again(word: str) -> None:
    decision = decide(status(word), polls=1, remaining=100)
    assert (decision.word, decision.status, decision.wait_seconds) == ("processing", word, LONGEST_WAIT_SECONDS)


def test_a_finished_job_brings_its_link_and_texts() -> None:
    answer = status("completed", url="https://x/y", results={"image_prompt": "p", "followup_text": "f"})
    decision = decide(answer, polls=9, remaining=100)
    assert (decision.word, decision.url) == ("completed", "https://x/y")
    assert (decision.image_prompt, decision.followup_text) == ("p", "f")
    assert decision.wait_seconds == FIRST_WAIT_SECONDS


def test_a_job_that_finished_on_its_last_question_is_finished() -> None:
    assert decide(status("completed", url="https://x/y"), polls=9, remaining=-1).word == "completed"


def test_a_job_that_is_still_unfinished_on_the_deadline_is_given_up() -> None:
    decision = decide(status("processing"), polls=70, remaining=0)
    assert (decision.word, decision.code) == ("timed_out", "timeout")


def test_a_failure_keeps_the_providers_reason() -> None:
    decision = decide(status("failed", error="GPU on fire"), polls=1, remaining=100)
    assert (decision.word, decision.code, decision.message) == ("failed", "provider_failed", "GPU on fire")


def test_a_failure_without_a_reason_still_has_a_sentence() -> None:
    assert "no reason" in decide(status("failed"), polls=1, remaining=100).message


TRANSIENT = [
    oh.OhUpstreamError(500, "boom", "GET"),
    oh.OhUpstreamError(503, "busy", "GET", retry_after=9),
    oh.OhThrottledError(429, "slow down", "GET", retry_after=9),
    oh.OhConnectionError(None, "refused", "GET"),
    oh.OhTimeoutError(None, "silence", "GET"),
    oh.OhProtocolError(200, "a completed job without a link", "GET"),
]


@pytest.mark.parametrize("error", TRANSIENT, ids=lambda error: type(error).__name__)
def test_trouble_that_may_pass_is_waited_out(error: oh.OhApiError) -> None:
    decision = decide(error, polls=1, remaining=100)
    assert (decision.word, decision.status) == ("processing", None)
    assert decision.wait_seconds == (error.retry_after or LONGEST_WAIT_SECONDS)


@pytest.mark.parametrize("error", TRANSIENT, ids=lambda error: type(error).__name__)
def test_and_given_up_on_the_deadline(error: oh.OhApiError) -> None:
    assert decide(error, polls=1, remaining=0).code == "timeout"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (oh.OhNotFoundError(404, "no such job", "GET"), "job_lost"),
        (oh.OhCredentialsError(401, "bad key", "GET"), "upstream_refused"),
        (oh.OhForbiddenError(403, "no credit", "GET"), "upstream_refused"),
        (oh.OhInvalidInputError(400, "no", "GET"), "provider_failed"),
    ],
)
def test_trouble_that_will_not_pass_ends_the_job(error: oh.OhApiError, code: str) -> None:
    decision = decide(error, polls=1, remaining=100)
    assert (decision.word, decision.code) == ("failed", code)
    assert decision.message


def test_a_status_nobody_knows_is_named() -> None:
    error = oh.OhProtocolError(200, "unknown status", "GET", unknown_status="paused")
    decision = decide(error, polls=1, remaining=100)
    assert (decision.word, decision.code) == ("failed", "unknown_status")
    assert "'paused'" in decision.message
