"""Image jobs: their way from queued to an end, which follows from the clock and from the fate set at submission."""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from local.clock import Clock
from local.oh_simulator.switches import JobSwitches
from local.pictures import paint_png

PRESET_SIZES = {
    "9:16": (1024, 1820),
    "16:9": (1820, 1024),
    "1:1": (1024, 1024),
    "4:3": (1365, 1024),
    "3:4": (1024, 1365),
}
"""Pixels, width first."""

SMALLEST_SIDE, LONGEST_SIDE = 64, 2048

_KEEP_PICTURES = 24


@dataclass
class Job:
    """An image job; `fate` holds the switches as they were when it was submitted."""

    job_id: str
    character_id: str
    prompt: str
    image_prompt: str
    size: tuple[int, int]
    followup_text: str | None
    fate: JobSwitches
    duration: float
    started: float
    created_at: str
    links: int = 0
    downloads: int = 0


class Jobs:
    """All jobs of the simulated account; the oldest are forgotten beyond `keep`."""

    def __init__(self, clock: Clock, keep: int = 20_000) -> None:
        self._clock = clock
        self._keep = keep
        self._jobs: dict[str, Job] = {}
        self._pictures: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._painting = threading.Lock()

    def submit(
        self,
        *,
        character_id: str,
        prompt: str,
        size: tuple[int, int],
        enhanced: bool,
        followup_text: str | None,
        fate: JobSwitches,
    ) -> Job:
        """Take a job into the queue."""
        job = Job(
            job_id=str(uuid.uuid4()),
            character_id=character_id,
            prompt=prompt,
            image_prompt=f"{prompt}, soft light, fine detail, balanced composition" if enhanced else prompt,
            size=size,
            followup_text=followup_text,
            fate=fate,
            duration=fate.enhanced_seconds_to_complete if enhanced else fate.seconds_to_complete,
            started=self._clock.monotonic(),
            created_at=self._clock.iso(),
        )
        with self._lock:
            self._jobs[job.job_id] = job
            if len(self._jobs) > self._keep:
                self._jobs.pop(next(iter(self._jobs)))
        return job

    def find(self, job_id: str) -> Job | None:
        """Give a job, or None."""
        with self._lock:
            return self._jobs.get(job_id)

    def status(self, job: Job) -> str:
        """Give the status word of a job at this moment."""
        age = self._clock.monotonic() - job.started
        if age < job.duration * job.fate.queued_share:
            return "queued"
        if age < job.duration or job.fate.outcome == "never":
            return "processing"
        if job.fate.outcome == "failed":
            return "failed"
        if job.fate.outcome == "unknown_status":
            return job.fate.status_word
        return "completed"

    def next_link(self, job: Job) -> int:
        """Count a link to the job's result; give its serial number, from 1."""
        with self._lock:
            job.links += 1
            return job.links

    def next_download(self, job: Job) -> int:
        """Count a download of the job's result; give its number, from 1."""
        with self._lock:
            job.downloads += 1
            return job.downloads

    def picture(self, job: Job) -> bytes:
        """Give the finished PNG; painted once, and again only when many others came between."""
        with self._painting:
            if job.job_id not in self._pictures:
                self._pictures[job.job_id] = paint_png(f"{job.character_id}\n{job.image_prompt}", *job.size)
                if len(self._pictures) > _KEEP_PICTURES:
                    self._pictures.popitem(last=False)
            self._pictures.move_to_end(job.job_id)
            return self._pictures[job.job_id]

    def read(self) -> list[dict[str, Any]]:
        """Give all jobs as plain data, oldest first."""
        with self._lock:
            jobs = list(self._jobs.values())
        return [
            {
                "job_id": job.job_id,
                "status": self.status(job),
                "outcome": job.fate.outcome,
                "character_id": job.character_id,
                "prompt": job.prompt,
                "size": list(job.size),
                "created_at": job.created_at,
                "links": job.links,
                "downloads": job.downloads,
            }
            for job in jobs
        ]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._jobs.clear()
        with self._painting:
            self._pictures.clear()
