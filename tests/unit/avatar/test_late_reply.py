"""The hand-over between the work and the answer, work beside the answer, and when an answer is due."""

import threading
import time

import pytest

from avatar.late_reply import MAX_AGE_SECONDS, RESERVE_SECONDS, HandOver, LateWork, reply_deadline
from digital_twin.deadline import Deadline


def test_a_result_in_time_is_the_answers() -> None:
    handed_over: HandOver[str] = HandOver()
    assert handed_over.offer("hello") is True
    assert handed_over.take(Deadline.after(0)) == "hello"


def test_a_late_result_stays_with_the_work() -> None:
    handed_over: HandOver[str] = HandOver()
    assert handed_over.take(Deadline.after(0.01)) is None
    assert handed_over.offer("hello") is False


def test_the_answer_does_not_wait_longer_than_for_the_result() -> None:
    handed_over: HandOver[str] = HandOver()
    threading.Timer(0.05, handed_over.offer, ["hello"]).start()
    began = time.monotonic()
    assert handed_over.take(Deadline.after(10)) == "hello"
    assert time.monotonic() - began < 5


def test_exactly_one_side_gets_the_result_however_close_the_race() -> None:
    for attempt in range(200):
        handed_over: HandOver[str] = HandOver()
        kept: list[bool] = []
        deadline = Deadline.after(0.001)

        def work(handed_over: HandOver[str] = handed_over, kept: list[bool] = kept, attempt: int = attempt) -> None:
            time.sleep(0.0005 + attempt % 10 * 0.0001)
            kept.append(not handed_over.offer("hello"))

        thread = threading.Thread(target=work)
        thread.start()
        taken = handed_over.take(deadline) is not None
        thread.join()
        assert taken is not kept[0]


def test_work_is_waited_for() -> None:
    late_work, go = LateWork(), threading.Event()
    late_work.start(lambda: (go.wait(5), None)[1])
    assert late_work.wait(0.01) is False
    go.set()
    assert late_work.wait(5) is True


def test_without_work_there_is_nothing_to_wait_for() -> None:
    assert LateWork().wait(0) is True


def test_work_that_crashes_is_done_and_logged(capsys: pytest.CaptureFixture[str]) -> None:
    late_work = LateWork()

    def crash() -> None:
        raise RuntimeError("secret words")

    late_work.start(crash)
    assert late_work.wait(5) is True
    done = threading.Event()
    late_work.start(done.set)
    assert done.wait(5)
    logged = capsys.readouterr().out
    assert "RuntimeError" in logged
    assert "secret words" not in logged


def test_work_that_cannot_start_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    late_work = LateWork()

    def no_more_threads(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_more_threads)
    with pytest.raises(RuntimeError, match="new thread"):
        late_work.start(lambda: None)
    assert late_work.wait(0) is True


def test_the_answer_is_due_after_the_request_came_to_the_gateway() -> None:
    deadline = reply_deadline((time.time() - 1.0) * 1000, 1.6)
    assert deadline.remaining() == pytest.approx(0.6 - RESERVE_SECONDS, abs=0.05)


def test_a_cold_start_that_used_the_time_up_leaves_none() -> None:
    assert reply_deadline((time.time() - 5) * 1000, 1.6).expired()


@pytest.mark.parametrize(
    "received",
    [None, "yesterday", True, pytest.param((time.time() + 100) * 1000, id="future"), 0, -1, float("nan")],
)
def test_a_time_that_cannot_be_counts_as_now(received: object) -> None:
    assert reply_deadline(received, 1.6).remaining() == pytest.approx(1.6 - RESERVE_SECONDS, abs=0.05)


def test_a_clock_that_is_far_off_counts_as_now() -> None:
    received = (time.time() - MAX_AGE_SECONDS - 1) * 1000
    assert reply_deadline(received, 1.6).remaining() > 1
