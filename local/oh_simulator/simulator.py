"""The state of one simulated OH account, put together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import httpx

from local.clock import Clock, Pauses
from local.oh_simulator.cam import CamSessions
from local.oh_simulator.jobs import Jobs
from local.oh_simulator.links import Links
from local.oh_simulator.notes import AudioNotes
from local.oh_simulator.rooms import Rooms
from local.oh_simulator.switches import SwitchBoard, Switches
from local.requests_log import RequestsLog

DEFAULT_API_KEY = "local-oh-api-key"


@dataclass(frozen=True)
class Simulator:
    """Everything the simulated API knows; each part is safe to use from many threads."""

    api_keys: set[str]
    """The keys that are accepted; may be changed while it runs, to rotate one."""
    clock: Clock
    pauses: Pauses
    switches: SwitchBoard
    rooms: Rooms
    jobs: Jobs
    notes: AudioNotes
    cams: CamSessions
    links: Links
    requests: RequestsLog

    @classmethod
    def build(
        cls,
        *,
        api_keys: Iterable[str] = (DEFAULT_API_KEY,),
        switches: Switches | None = None,
        webhook_token: str | None = None,
        webhook_transport: httpx.BaseTransport | None = None,
        clock: Clock | None = None,
    ) -> Simulator:
        """Make an account without rooms and jobs; see `CamSessions` for the webhook's arguments."""
        clock = clock or Clock()
        return cls(
            api_keys=set(api_keys),
            clock=clock,
            pauses=Pauses(),
            switches=SwitchBoard(switches),
            rooms=Rooms(clock),
            jobs=Jobs(clock),
            notes=AudioNotes(),
            cams=CamSessions(clock, webhook_token=webhook_token, transport=webhook_transport),
            links=Links.with_new_secret(clock),
            requests=RequestsLog(),
        )

    def reset(self) -> None:
        """Go back to the start: switches, rooms, jobs, sessions and recorded requests; waiting requests go on."""
        self.switches.reset()
        self.pauses.release()
        for part in (self.rooms, self.jobs, self.notes, self.cams, self.requests):
            part.clear()
