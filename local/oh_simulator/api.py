"""The operations of the OH API, one method each."""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Callable
from typing import Any

from flask import Flask, Request, Response, request

from local.oh_simulator import fields
from local.oh_simulator.answers import ApiProblem, failure, success, unknown_endpoint
from local.oh_simulator.jobs import Job
from local.oh_simulator.library import customer_library, is_listed
from local.oh_simulator.rooms import Room
from local.oh_simulator.simulator import Simulator

Answer = tuple[dict[str, Any], int]


class OhApi:
    """Answers API calls out of a simulator's state."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def add_to(self, app: Flask) -> None:
        """Add the routes of all operations to an application."""
        routes: tuple[tuple[str, list[str], Callable[..., Answer]], ...] = (
            ("/api/v1/rooms", ["POST"], self.create_room),
            ("/api/v1/rooms/<room_id>/texting-style", ["PUT", "PATCH"], self.set_texting_style),
            ("/api/v1/text", ["POST"], self.send_text),
            ("/api/v1/images", ["POST"], self.submit_image),
            ("/api/v1/jobs/<job_id>/status", ["GET"], self.job_status),
            ("/api/v1/audio/notes", ["POST"], self.create_audio_note),
            ("/api/v1/customer-library", ["GET"], self.library),
            ("/api/v1/cam/create", ["POST"], self.create_cam_session),
            ("/api/v1/cam/sessions", ["GET"], self.list_cam_sessions),
            ("/api/v1/cam/sessions/<session_id>", ["DELETE"], self.end_cam_session),
        )
        for path, methods, operation in routes:
            app.add_url_rule(
                path, operation.__name__, self._operation(operation), methods=methods, provide_automatic_options=False
            )

    def create_room(self) -> Answer:
        """`POST /api/v1/rooms`."""
        data = fields.json_object(request)
        character_id = self._character(data)
        owner = fields.room_owner(data, self._simulator.switches.read().dialect.room_owner)
        room = self._simulator.rooms.create(character_id, owner, fields.texting_style(data, required=False))
        return {"room_id": room.room_id}, 201

    def set_texting_style(self, room_id: str) -> Answer:
        """`PUT` or `PATCH /api/v1/rooms/{room_id}/texting-style`."""
        style = fields.texting_style(fields.json_object(request), required=True)
        room = self._room(room_id)
        self._simulator.rooms.set_style(room, style)
        return {"room_id": room_id, "texting_style": style}, 200

    def send_text(self) -> Answer:
        """`POST /api/v1/text`."""
        data = fields.json_object(request)
        room_id = fields.identifier(data, "room_id")
        dialect = self._simulator.switches.read().dialect
        keys = ("prompt", "message") if dialect.text_field == "any" else (dialect.text_field,)
        message = fields.prompt(data, *keys)
        if data.get("character_id") is not None:
            self._character(data)
        room = self._room(room_id)
        self._moderate(message)
        answer: dict[str, Any] = {"content": self._simulator.rooms.say(room, message)}
        if dialect.text_answer == "live":
            answer |= {"job_id": str(uuid.uuid4()), "message_id": str(uuid.uuid4()), "tool_call": None}
        return answer, 200

    def submit_image(self) -> Answer:
        """`POST /api/v1/images`."""
        data = fields.json_object(request)
        character_id = self._character(data)
        prompt = fields.prompt(data, "prompt")
        size = fields.picture_size(data)
        enhanced = fields.flag(data, "prompt_enhancement")
        fields.user_gender(data)
        room = self._room(fields.identifier(data, "room_id")) if data.get("room_id") is not None else None
        self._moderate(prompt)
        switches = self._simulator.switches.read()
        job = self._simulator.jobs.submit(
            character_id=character_id,
            prompt=prompt,
            size=size,
            enhanced=enhanced,
            followup_text=self._simulator.rooms.followup(room, prompt) if room is not None else None,
            fate=switches.jobs,
        )
        link = self._link(f"{job.job_id}.png", serial=0) if switches.jobs.early_link else None
        return {
            "message": "Image generation job queued",
            "job_id": job.job_id,
            "status": "queued",
            "presigned_url": link,
        }, 202

    def job_status(self, job_id: str) -> Answer:
        """`GET /api/v1/jobs/{job_id}/status`; each call of a completed job issues a fresh link."""
        job = self._simulator.jobs.find(job_id)
        if job is None or job.fate.outcome == "lost":
            raise ApiProblem(404, "Job not found")
        status = self._simulator.jobs.status(job)
        answer: dict[str, Any] = {"job_id": job_id, "status": status, "url": None, "results": None, "error": None}
        if status == "completed":
            answer["url"] = self._link(f"{job_id}.png", serial=self._simulator.jobs.next_link(job))
            answer["results"] = _results(job)
        elif status == "failed":
            answer["error"] = job.fate.reason
        if self._simulator.switches.read().dialect.link_key == "presigned_url":
            answer["presigned_url"] = answer.pop("url")
        return answer, 200

    def create_audio_note(self) -> Answer:
        """`POST /api/v1/audio/notes`."""
        data = fields.json_object(request)
        room_id = fields.identifier(data, "room_id")
        prompt = fields.prompt(data, "prompt")
        self._room(room_id)
        self._moderate(prompt)
        return {"url": self._link(f"{self._simulator.notes.create(prompt)}.wav", serial=1)}, 200

    def library(self) -> Answer:
        """`GET /api/v1/customer-library`."""
        return customer_library(lambda name: self._link(f"portrait-{name}.png", serial=1)), 200

    def create_cam_session(self) -> Answer:
        """`POST /api/v1/cam/create`."""
        data = fields.json_object(request)
        character_uid = fields.identifier(data, "character_uid")
        session = self._simulator.cams.create(character_uid, fields.web_address(data, "webhook_url"))
        return {
            "session_id": session.session_id,
            "callback_url": f"{base_url(request)}/cam-callbacks/{session.session_id}",
            "status": session.status,
        }, 201

    def list_cam_sessions(self) -> Answer:
        """`GET /api/v1/cam/sessions`."""
        page = fields.page_number(request.args, "page", 1, 1_000_000)
        limit = fields.page_number(request.args, "limit", 10, 100)
        sessions, total = self._simulator.cams.page(page, limit)
        listed = [
            {
                "session_id": session.session_id,
                "character_uid": session.character_uid,
                "status": session.status,
                "created_at": session.created_at,
            }
            for session in sessions
        ]
        return {"sessions": listed, "total": total, "page": page, "limit": limit}, 200

    def end_cam_session(self, session_id: str) -> Answer:
        """`DELETE /api/v1/cam/sessions/{session_id}`; the webhook is sent LOGOUT afterwards."""
        session = self._simulator.cams.find(session_id)
        if session is None:
            raise ApiProblem(404, "Session not found")
        self._simulator.cams.end(session)
        return {"message": "Session ended", "session_id": session_id}, 200

    def _operation(self, operation: Callable[..., Answer]) -> Callable[..., Response]:
        """Put what all operations share around one: the key, the account's endpoints, the dialect."""

        def answer(**arguments: str) -> Response:
            switches = self._simulator.switches.read()
            if not self._key_is_known(request.headers.get("X-API-Key", "")):
                return failure(401, "Invalid or missing API key", switches.dialect)
            if request.path.startswith("/api/v1/cam/") and not switches.cam_enabled:
                return unknown_endpoint()
            try:
                payload, status = operation(**arguments)
            except ApiProblem as problem:
                status = switches.dialect.invalid_status if problem.invalid else problem.status
                return failure(status, problem.message, switches.dialect)
            return success(payload, status, switches.dialect)

        return answer

    def _key_is_known(self, key: str) -> bool:
        given = key.encode()
        return any(hmac.compare_digest(known.encode(), given) for known in list(self._simulator.api_keys))

    def _character(self, data: dict[str, Any]) -> str:
        character_id = fields.identifier(data, "character_id")
        if self._simulator.switches.read().strict_characters and not is_listed(character_id):
            raise ApiProblem(404, "Character not found")
        return character_id

    def _room(self, room_id: str) -> Room:
        room = self._simulator.rooms.find(room_id)
        if room is None:
            raise ApiProblem(404, "Room not found")
        return room

    def _moderate(self, text: str) -> None:
        moderation = self._simulator.switches.read().moderation
        folded = text.casefold()
        if any(trigger.casefold() in folded for trigger in moderation.triggers):
            raise ApiProblem(400, moderation.message, moderated=True)

    def _link(self, name: str, *, serial: int) -> str:
        seconds = self._simulator.switches.read().results.link_seconds
        return self._simulator.links.issue(base_url(request), name, seconds=seconds, serial=serial)


def base_url(incoming: Request) -> str:
    """Give scheme, host and port as the client of a request sees them."""
    return incoming.host_url.rstrip("/")


def _results(job: Job) -> dict[str, Any]:
    results: dict[str, Any] = {"image_prompt": job.image_prompt, "detected_level": "safe"}
    if job.followup_text is not None:
        results["followup_text"] = job.followup_text
    return results
