"""An absolute instant by which something has to be over.

A timeout says how long one step may take; a deadline says when the whole must end. Passing the instant (and not a
number of seconds) through the layers keeps every step honest about the time the steps before it have used.
"""

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Deadline:
    """An instant on the clock of `time.monotonic()`, in seconds. Two of them compare by which comes first."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """Give the instant that lies `seconds` (not negative, or already passed) from now."""
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Give the seconds that are left, never less than 0."""
        return max(0.0, self.at - time.monotonic())

    def expired(self) -> bool:
        """Tell whether the instant has come."""
        return self.remaining() <= 0.0

    def bound(self, seconds: float | None) -> float:
        """Give `seconds`, or what is left where that is less. `None` stands for no limit of its own."""
        remaining = self.remaining()
        return remaining if seconds is None else min(seconds, remaining)
