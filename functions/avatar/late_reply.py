"""Answering in time although the work may take longer: the work goes on after the answer has left."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from common.observability import describe, logger
from digital_twin.deadline import Deadline

T = TypeVar("T")

RESERVE_SECONDS = 0.04
"""What writing the answer and returning it through the runtime may take: kept free before the deadline."""
MAX_AGE_SECONDS = 60.0
"""A request older than this did not wait that long: somebody's clock is wrong."""


class HandOver(Generic[T]):
    """The one place where a result passes from the work to the answer, or stays with the work because it is late.

    Exactly one of two things happens, however close the race: `take` returns the result and `offer` returned True, or
    `take` returned None and `offer` returns False.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._result: T | None = None
        self._left = False

    def offer(self, result: T) -> bool:
        """Hands the result over; False where the answer has left without it."""
        with self._changed:
            if self._left:
                return False
            self._result = result
            self._changed.notify_all()
            return True

    def take(self, deadline: Deadline) -> T | None:
        """The result, as soon as it is there; None at the deadline, and from then on the answer counts as left."""
        with self._changed:
            self._changed.wait_for(lambda: self._result is not None, timeout=deadline.remaining())
            self._left = self._result is None
            return self._result


class LateWork:
    """Work on threads of its own, of which one can tell when all of it is done."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running = 0

    def start(self, work: Callable[[], None]) -> None:
        """Runs `work` on a thread of its own; should it crash, that is logged and harms nothing else."""
        thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        with self._changed:
            thread.start()
            self._running += 1

    def wait(self, seconds: float) -> bool:
        """Waits until no work is running; False where that took longer than `seconds`."""
        with self._changed:
            return self._changed.wait_for(lambda: self._running == 0, timeout=seconds)

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the boundary of this thread
            logger().error("work beside the answer crashed", extra=describe(error))
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()


def reply_deadline(request_time_epoch: object, seconds: float) -> Deadline:
    """When the answer to a request has to be ready.

    Args:
        request_time_epoch: When API Gateway received the request, in milliseconds since 1970, as the event says it.
        seconds: How long after that the answer has to be out.
    """
    age = 0.0
    if isinstance(request_time_epoch, (int, float)):
        age = time.time() - request_time_epoch / 1000
        # A request from the future, or from long ago, counts as just received.
        age = age if 0 <= age <= MAX_AGE_SECONDS else 0.0
    return Deadline.after(seconds - age - RESERVE_SECONDS)
