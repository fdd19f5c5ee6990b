"""The environments of a function: reuse, limit, replacement, kills."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from local.stack.environment import InitFailed, Invocation, Outcome
from local.stack.pool import FunctionPool


class FakeEnvironment:
    """Answers with its own number, as soon as the test lets it."""

    def __init__(self, number, gate):
        self.number = number
        self.gate = gate
        self.alive = True
        self.closed = False
        self.kills = []

    def run(self, _invocation, *, kill_after=None):
        self.kills.append(kill_after)
        self.gate.wait(5)
        if kill_after is not None or not self.alive:
            self.alive = False
            return Outcome.error("Runtime.ExitError", "killed")
        return Outcome(str(self.number).encode())

    def is_usable(self):
        return self.alive

    def kill(self):
        self.alive = False

    def close(self):
        self.alive, self.closed = False, True


class Starter:
    def __init__(self):
        self.environments = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self):
        self.environments.append(FakeEnvironment(len(self.environments) + 1, self.gate))
        return self.environments[-1]


@pytest.fixture
def starter():
    return Starter()


def invoke_at_once(pool, starter, count):
    """Run events that overlap; gives their outcomes."""
    starter.gate.clear()
    with ThreadPoolExecutor(count) as threads:
        futures = [threads.submit(pool.invoke, Invocation(b"{}")) for _ in range(count)]
        deadline = threading.Event()
        for _ in range(500):
            if sum(len(environment.kills) for environment in starter.environments) >= min(count, pool._limit):
                break
            deadline.wait(0.005)
        starter.gate.set()
        return [future.result(5) for future in futures]


def test_one_event_after_the_other_uses_one_environment(starter):
    pool = FunctionPool(starter, 4)

    assert [pool.invoke(Invocation(b"{}")).payload for _ in range(3)] == [b"1", b"1", b"1"]
    assert pool.statistics() == {"invocations": 3, "errors": 0, "started": 1, "environments": 1}


def test_events_at_once_get_an_environment_each(starter):
    pool = FunctionPool(starter, 4)

    outcomes = invoke_at_once(pool, starter, 3)

    assert {outcome.payload for outcome in outcomes} == {b"1", b"2", b"3"}


def test_beyond_the_limit_an_event_waits_for_an_environment(starter):
    pool = FunctionPool(starter, 2)

    outcomes = invoke_at_once(pool, starter, 5)

    assert not any(outcome.failed for outcome in outcomes)
    assert len(starter.environments) == 2


def test_the_wait_for_an_environment_ends(starter):
    pool = FunctionPool(starter, 1)
    starter.gate.clear()
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(pool.invoke, Invocation(b"{}"))
        while not (starter.environments and starter.environments[0].kills):
            threading.Event().wait(0.005)
        second = pool.invoke(Invocation(b"{}"), wait_seconds=0.01)
        starter.gate.set()

        assert b"TooManyRequests" in second.payload
        assert first.result(5).payload == b"1"


def test_a_dead_environment_is_replaced_before_it_is_given_an_event(starter):
    pool = FunctionPool(starter, 1)
    pool.invoke(Invocation(b"{}"))
    starter.environments[0].alive = False

    assert pool.invoke(Invocation(b"{}")).payload == b"2"
    assert starter.environments[0].closed


def test_a_crash_spoils_its_own_event_alone(starter):
    pool = FunctionPool(starter, 4)
    assert pool.kill() == "armed"

    outcomes = [pool.invoke(Invocation(b"{}")) for _ in range(2)]

    assert [outcome.failed for outcome in outcomes] == [True, False]
    assert starter.environments[0].closed
    assert pool.statistics()["errors"] == 1


def test_a_kill_strikes_the_environments_at_work(starter):
    pool = FunctionPool(starter, 4)
    starter.gate.clear()
    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(pool.invoke, Invocation(b"{}"))
        while not (starter.environments and starter.environments[0].kills):
            threading.Event().wait(0.005)

        assert pool.kill() == "killed"
        starter.gate.set()
        assert future.result(5).failed


def test_warming_starts_so_many_and_no_more_than_allowed(starter):
    pool = FunctionPool(starter, 3)

    pool.warm(2)
    assert len(starter.environments) == 2
    pool.warm(8)
    assert len(starter.environments) == 3


def test_an_environment_that_does_not_come_up_is_the_outcome_and_takes_no_place():
    def fail():
        raise InitFailed(Outcome(b'{"errorType": "ImportError"}', failed=True))

    pool = FunctionPool(fail, 1)

    for _ in range(2):
        assert b"ImportError" in pool.invoke(Invocation(b"{}")).payload
    assert pool.statistics()["environments"] == 0
    with pytest.raises(InitFailed):
        pool.warm()


def test_closing_ends_every_environment_and_takes_no_more_events(starter):
    pool = FunctionPool(starter, 3)
    invoke_at_once(pool, starter, 3)

    pool.close()

    assert all(environment.closed for environment in starter.environments)
    assert pool.invoke(Invocation(b"{}")).failed
