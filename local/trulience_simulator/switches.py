"""What can go wrong at the simulated callback endpoint, and a thread-safe holder of it."""

from __future__ import annotations

import threading
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from local.explain import explain


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class CallbackFault(_Model):
    """One thing that goes wrong with the next `times` callbacks or, without a number, with all of them."""

    kind: Literal["status", "redirect", "reset", "hang"] = "status"
    """`redirect` points to `/elsewhere`, which only counts who follows."""
    times: Annotated[int, Field(ge=1, le=100_000)] | None = 1
    status: Annotated[int, Field(ge=300, le=599)] = 500
    """The answer of `status`; `redirect` takes it too, when it is one of 301, 302, 303, 307, 308, else 307."""
    after_recording: bool = False
    """The avatar has spoken although the answer says otherwise; not for `redirect`."""
    seconds: Annotated[float, Field(ge=0, le=600)] = 60.0
    """How long `hang` lasts before the connection breaks."""


class CallbackSwitches(_Model):
    """How the callback endpoint behaves; the defaults are good health."""

    latency_seconds: Annotated[float, Field(ge=0, le=600)] = 0.0
    faults: Annotated[list[CallbackFault], Field(max_length=100)] = []


class CallbackSwitchError(ValueError):
    """Switches that cannot be; the message is a sentence for whoever sent them."""


class CallbackSwitchBoard:
    """The switches in force; safe to use from many threads."""

    def __init__(self) -> None:
        self._current = CallbackSwitches()
        self._lock = threading.Lock()

    def read(self) -> CallbackSwitches:
        """Give a copy of the switches as they stand."""
        with self._lock:
            return self._current.model_copy(deep=True)

    def replace(self, data: object) -> CallbackSwitches:
        """Set all switches from decoded JSON; raises `CallbackSwitchError`."""
        try:
            parsed = CallbackSwitches.model_validate(data)
        except ValidationError as error:
            raise CallbackSwitchError(f"These switches cannot be set: {explain(error)}") from error
        with self._lock:
            self._current = parsed
        return self.read()

    def take_fault(self) -> CallbackFault | None:
        """Give the fault that the next callback meets, and count it as used."""
        with self._lock:
            faults = self._current.faults
            if not faults:
                return None
            met = faults[0].model_copy()
            if faults[0].times is not None:
                faults[0].times -= 1
                if faults[0].times == 0:
                    faults.pop(0)
            return met
