import time

from digital_twin.deadline import Deadline


def test_counts_down_to_zero_and_no_further():
    deadline = Deadline.after(0.02)
    assert 0 < deadline.remaining() <= 0.02
    assert not deadline.expired()
    time.sleep(0.03)
    assert deadline.remaining() == 0.0
    assert deadline.expired()


def test_bounds_a_step_by_what_is_left():
    deadline = Deadline.after(5)
    assert deadline.bound(1) == 1
    assert 4.9 < deadline.bound(30) <= 5
    assert 4.9 < deadline.bound(None) <= 5


def test_the_earlier_of_two_is_the_lesser():
    sooner, later = Deadline.after(1), Deadline.after(2)
    assert min(later, sooner) is sooner
