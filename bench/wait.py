"""Waiting for something to become true, for a bounded time."""

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], bool], seconds: float, pause: float = 0.5) -> None:
    """Asks every `pause` seconds until the condition holds.

    Raises:
        TimeoutError: It does not hold within `seconds`.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"nothing happened within {seconds:.0f} s")
        time.sleep(pause)
