"""The finished files behind presigned links, and everything that may be wrong with a download."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from flask import Flask, Response, request

from local.oh_simulator.jobs import Job
from local.oh_simulator.library import find_character
from local.oh_simulator.links import LinkProblem, s3_error
from local.oh_simulator.simulator import Simulator
from local.oh_simulator.switches import ResultSwitches
from local.pictures import paint_png, plain_jpeg, plain_webp
from local.servers import AbortConnection

_PIECE = 64 * 1024
_PORTRAIT_SIDE = 512
_DEAD = {403: ("AccessDenied", "Request has expired"), 404: ("NoSuchKey", "The specified key does not exist.")}
_SMALLEST_GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c000000000100010000020144003b")
_HTML = b"<!doctype html><html><head><title>Sign in</title></head><body><h1>Sign in</h1></body></html>"
_PNG_HEAD = b"\x89PNG\r\n\x1a\n"


class ResultFiles:
    """Serves `/results/…`."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def add_to(self, app: Flask) -> None:
        """Add the route to an application."""
        app.add_url_rule(
            "/results/<path:name>", "result", self.download, methods=["GET"], provide_automatic_options=False
        )

    def download(self, name: str) -> Response:
        """Answer one download as S3 would, apart from what the switches ask for."""
        try:
            serial = self._simulator.links.check(name, request.args, method=request.method)
            return self._file(name, serial)
        except LinkProblem as problem:
            return s3_error(problem, name)

    def _file(self, name: str, serial: int) -> Response:
        stem, _, kind = name.rpartition(".")
        if kind == "wav" and (sound := self._simulator.notes.sound(stem)) is not None:
            return _whole(sound, "audio/wav")
        if kind == "png" and stem.startswith("portrait-"):
            person = find_character(stem.removeprefix("portrait-"))
            return _whole(paint_png(person.first_name, _PORTRAIT_SIDE, _PORTRAIT_SIDE), "image/png")
        job = self._simulator.jobs.find(stem) if kind == "png" else None
        if job is None or self._simulator.jobs.status(job) != "completed":
            raise LinkProblem(404, "NoSuchKey", "The specified key does not exist.")
        return self._result(job, serial)

    def _result(self, job: Job, serial: int) -> Response:
        switches = self._simulator.switches.read().results
        if serial <= switches.dead_links and switches.dead_links:
            code, message = _DEAD.get(switches.dead_status, ("Gone", "The object is gone."))
            raise LinkProblem(switches.dead_status, code, message)
        number = self._simulator.jobs.next_download(job)
        if switches.content == "huge":
            return _huge(switches)
        content, content_type = self._content(job, switches)
        if number <= switches.cut_downloads:
            return _cut(content, content_type, switches)
        if not switches.content_length:
            return Response(_pieces(content), content_type=content_type)
        return _whole(content, content_type)

    def _content(self, job: Job, switches: ResultSwitches) -> tuple[bytes, str]:
        match switches.content:
            case "jpeg":
                return plain_jpeg(*job.size), "image/jpeg"
            case "webp":
                return plain_webp(*job.size), "image/webp"
            case "gif":
                return _SMALLEST_GIF, "image/gif"
            case "html":
                return _HTML, "text/html"
            case "empty":
                return b"", "image/png"
            case _:
                return self._simulator.jobs.picture(job), "image/png"


def _whole(content: bytes, content_type: str) -> Response:
    response = Response(content, content_type=content_type)
    response.set_etag(hashlib.md5(content, usedforsecurity=False).hexdigest())
    response.make_conditional(request, accept_ranges=True, complete_length=len(content))
    return response


def _pieces(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), _PIECE):
        yield content[start : start + _PIECE]


def _cut(content: bytes, content_type: str, switches: ResultSwitches) -> Response:
    """Promise the whole file, send half of it, and close the connection."""

    def half() -> Iterator[bytes]:
        yield from _pieces(content[: len(content) // 2])
        raise AbortConnection(reset=False)

    response = Response(half(), content_type=content_type)
    if switches.content_length:
        response.headers["Content-Length"] = str(len(content))
    return response


def _huge(switches: ResultSwitches) -> Response:
    """Send a file that begins as a PNG and has the set number of bytes, without holding it in memory."""

    def stream() -> Iterator[bytes]:
        filler = bytes(_PIECE)
        left = switches.huge_bytes
        head = _PNG_HEAD[:left]
        yield head
        left -= len(head)
        while left > 0:
            yield filler[: min(left, _PIECE)]
            left -= _PIECE

    response = Response(stream(), content_type="image/png")
    if switches.content_length:
        response.headers["Content-Length"] = str(switches.huge_bytes)
    return response
