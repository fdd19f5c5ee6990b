"""One test for each rule of what may be repeated."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_twin.oh.retry import (
    CallKind,
    FailureKind,
    RetryPolicy,
    backoff,
    failure_of_status,
    fits,
    may_repeat,
    parse_retry_after,
    pause_before_retry,
)

NOW = datetime(2026, 8, 14, 9, 0, 0, tzinfo=UTC)
POLICY = RetryPolicy()


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_refused_for_now(status):
    assert failure_of_status(status) is FailureKind.TRANSIENT_STATUS


@pytest.mark.parametrize("status", [500, 501, 520, 599])
def test_server_errors(status):
    assert failure_of_status(status) is FailureKind.SERVER_ERROR


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 405, 409, 422, 600])
def test_final_statuses(status):
    assert failure_of_status(status) is FailureKind.FINAL


TABLE = {
    (CallKind.READ, FailureKind.NOT_CONNECTED): True,
    (CallKind.READ, FailureKind.TRANSIENT_STATUS): True,
    (CallKind.READ, FailureKind.SERVER_ERROR): True,
    (CallKind.READ, FailureKind.OUTCOME_UNKNOWN): True,
    (CallKind.WRITE, FailureKind.NOT_CONNECTED): True,
    (CallKind.WRITE, FailureKind.TRANSIENT_STATUS): True,
    (CallKind.WRITE, FailureKind.SERVER_ERROR): True,
    (CallKind.WRITE, FailureKind.OUTCOME_UNKNOWN): False,
    (CallKind.PAID, FailureKind.NOT_CONNECTED): True,
    (CallKind.PAID, FailureKind.TRANSIENT_STATUS): True,
    (CallKind.PAID, FailureKind.SERVER_ERROR): True,
    (CallKind.PAID, FailureKind.OUTCOME_UNKNOWN): False,
}


@pytest.mark.parametrize(("case", "repeated"), TABLE.items())
def test_the_first_failure(case, repeated):
    call, failure = case
    assert may_repeat(call, [failure]) is repeated


@pytest.mark.parametrize("call", CallKind)
def test_final_failures_are_never_repeated(call):
    assert not may_repeat(call, [FailureKind.FINAL])


def test_a_paid_call_is_repeated_after_one_server_error_only():
    assert not may_repeat(CallKind.PAID, [FailureKind.SERVER_ERROR, FailureKind.SERVER_ERROR])
    assert not may_repeat(
        CallKind.PAID, [FailureKind.SERVER_ERROR, FailureKind.TRANSIENT_STATUS, FailureKind.SERVER_ERROR]
    )
    assert may_repeat(CallKind.PAID, [FailureKind.SERVER_ERROR, FailureKind.TRANSIENT_STATUS])
    assert may_repeat(CallKind.WRITE, [FailureKind.SERVER_ERROR, FailureKind.SERVER_ERROR])


def test_pauses_double_up_to_the_cap():
    whole = [backoff(POLICY, failed, lambda: 1.0) for failed in range(1, 8)]
    assert whole == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


def test_jitter_takes_at_most_half_away():
    assert backoff(POLICY, 1, lambda: 0.0) == 0.25
    assert backoff(POLICY, 9, lambda: 0.0) == 4.0


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_no_pause_leaves_its_bounds(failed, jitter):
    assert 0.25 <= backoff(POLICY, failed, lambda: jitter) <= 8.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 120 ", 120.0),
        ("1.5", 1.5),
        ("Fri, 14 Aug 2026 09:00:20 GMT", 20.0),
        ("Fri, 14 Aug 2026 09:00:20 -0000", 20.0),
        ("Friday, 14-Aug-26 09:00:20 GMT", 20.0),
        ("Fri, 14 Aug 2026 08:00:00 GMT", 0.0),
        (None, None),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("inf", None),
        ("nan", None),
        ("1e3", None),
        ("٣", None),
        ("9" * 400, None),
        ("Fri, 99 Aug 2026 09:00:20 GMT", None),
    ],
)
def test_reads_retry_after(header, seconds):
    assert parse_retry_after(header, NOW) == seconds


@given(st.text(max_size=40))
def test_any_header_is_read_without_trouble(header):
    seconds = parse_retry_after(header, NOW)
    assert seconds is None or seconds >= 0


def test_a_date_is_measured_from_now_unless_told():
    assert parse_retry_after("Thu, 01 Jan 1970 00:00:00 GMT") == 0.0


def test_what_the_provider_asks_for_wins_up_to_its_cap():
    failed = [FailureKind.TRANSIENT_STATUS]
    assert pause_before_retry(POLICY, CallKind.WRITE, failed, retry_after=12.0) == 12.0
    assert pause_before_retry(POLICY, CallKind.WRITE, failed, retry_after=0.0) == 0.0
    assert pause_before_retry(POLICY, CallKind.WRITE, failed, retry_after=3600.0) == 30.0
    assert pause_before_retry(POLICY, CallKind.WRITE, failed, jitter=lambda: 1.0) == 0.5


def test_three_attempts_and_no_more():
    failed = [FailureKind.TRANSIENT_STATUS] * 2
    assert pause_before_retry(POLICY, CallKind.READ, failed) is not None
    assert pause_before_retry(POLICY, CallKind.READ, [*failed, FailureKind.TRANSIENT_STATUS]) is None
    assert pause_before_retry(RetryPolicy(attempts=1), CallKind.READ, [FailureKind.TRANSIENT_STATUS]) is None


def test_what_asks_for_patience_does_not_make_a_final_failure_repeatable():
    assert pause_before_retry(POLICY, CallKind.PAID, [FailureKind.OUTCOME_UNKNOWN], retry_after=1.0) is None


def test_an_attempt_must_begin_in_time_and_have_time():
    assert fits(POLICY, 0.5, until_last_start=1.0, until_deadline=1.0)
    assert not fits(POLICY, 0.5, until_last_start=0.5, until_deadline=25.0)
    assert not fits(POLICY, 0.0, until_last_start=0.0, until_deadline=25.0)
    assert not fits(POLICY, 0.95, until_last_start=1.0, until_deadline=1.0)
    assert fits(POLICY, 0.95, until_last_start=1.0, until_deadline=25.0)
