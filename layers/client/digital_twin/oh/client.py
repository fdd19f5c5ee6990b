"""The OH API as Python methods, one for each operation."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal
from urllib.parse import quote

import httpx

from digital_twin.deadline import Deadline
from digital_twin.exchange import Timeouts
from digital_twin.oh import errors
from digital_twin.oh.calls import DEFAULT_SECONDS, MIB, Call, Caller, Received
from digital_twin.oh.models import (
    AudioNote,
    CamSession,
    CamSessionEnd,
    CamSessionPage,
    CustomerLibrary,
    ImageSubmission,
    JobStatus,
    Room,
    TextReply,
)
from digital_twin.oh.reading import read_answer
from digital_twin.oh.retry import CallKind, RetryPolicy

TextingStyle = Literal["default", "short-form", "long-form"]
UserGender = Literal["male", "female"]

LIBRARY_MAX_BYTES = 8 * MIB
"""A library lists everything an account has; every other answer is a few lines."""


class OhClient:
    """A client of the OH API. Safe to share between threads; keeps its connections.

    Every method takes `deadline` (the hard end of the call, repetitions included; 30 s from now where it is not
    given) and `retry_by` (no new attempt begins after it, while one under way may go on until `deadline`), and raises
    an `OhApiError`.
    """

    def __init__(
        self,
        base_url: str,
        api_key: Callable[[], str],
        *,
        refresh_api_key: Callable[[], str] | None = None,
        transport: httpx.BaseTransport | None = None,
        retry: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take the API's base URL and a function that gives the key, read anew for every call.

        `refresh_api_key` is asked once after a 401; if it gives another key, the call is repeated with that.
        `transport` and `sleep` stand in for the network and the clock in tests. Raises `ValueError` for a base URL
        that is none.
        """
        if not _is_web_address(base_url):
            raise ValueError("the base URL of the OH API must begin with https:// (or http:// for a local one)")
        if transport is None:
            # Imported where it is needed: httpcore and its certificates are no part of using this module's models.
            from digital_twin.transport import GuardedTransport

            transport = GuardedTransport()
        self._transport = transport
        self._base_url = base_url.rstrip("/")
        self._call = Caller(
            self._base_url, api_key, refresh_api_key, transport, retry or RetryPolicy(), timeouts or Timeouts(), sleep
        )
        # Which key carries the text of a message, as the provider last wanted it; see `send_text`.
        self._text_key: Literal["prompt", "message"] = "prompt"

    def __repr__(self) -> str:
        return f"OhClient({self._base_url!r})"

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def create_room(
        self,
        character_id: str,
        user_id: str,
        *,
        texting_style: TextingStyle | None = None,
        user_gender: UserGender | None = None,
        deadline: Deadline | None = None,
        retry_by: Deadline | None = None,
    ) -> Room:
        """Create the room of a user and a character.

        `user_gender` is what older deployments ask for in place of `user_id`; it is sent only if given, and only once
        the provider has turned `user_id` down for the lack of it.
        """
        deadline = deadline or Deadline.after(DEFAULT_SECONDS)
        body = _fields(character_id=str(character_id), user_id=user_id, texting_style=texting_style)
        call = Call("POST /api/v1/rooms", "/api/v1/rooms", CallKind.WRITE, body, alternatives=("user_gender",))
        try:
            answer = self._call(call, deadline, retry_by)
        except errors.OhInvalidInputError as error:
            if user_gender is None or error.missing_field != "user_gender":
                raise
            del body["user_id"]
            answer = self._again(error, replace(call, body=body | {"user_gender": user_gender}), deadline, retry_by)
        return read_answer(answer, Room, call, wanted=("room_id",))

    def set_texting_style(
        self,
        room_id: str,
        style: TextingStyle,
        *,
        deadline: Deadline | None = None,
        retry_by: Deadline | None = None,
    ) -> Room:
        """Set how long the answers in a room are. By PUT, or PATCH where the service does not take PUT (405)."""
        deadline = deadline or Deadline.after(DEFAULT_SECONDS)
        path = f"/api/v1/rooms/{_segment(room_id)}/texting-style"
        body = {"texting_style": style}
        operation = "PUT /api/v1/rooms/{room_id}/texting-style"
        call = Call(operation, path, CallKind.READ, body)
        try:
            answer = self._call(call, deadline, retry_by)
        except errors.OhApiError as error:
            if error.status != 405:
                raise
            call = replace(call, operation=operation.replace("PUT", "PATCH"))
            answer = self._again(error, call, deadline, retry_by)
        known = {"room_id": room_id, "texting_style": style}
        return read_answer(answer, Room, call, wanted=("room_id", "texting_style"), known=known)

    def send_text(
        self,
        room_id: str,
        message: str,
        *,
        character_id: str | None = None,
        deadline: Deadline | None = None,
        retry_by: Deadline | None = None,
    ) -> TextReply:
        """Say something to the character of a room and give its answer.

        The documented key of the text is `prompt`; the live service takes `message` as well. One key is sent, not
        both: a service that checks its input may turn an unknown one down, and one that takes both might read the
        text twice. If the provider answers that the other key is missing, the text is sent again under that, and so
        are all later ones: a refused call costs a conversation half its time.
        """
        deadline = deadline or Deadline.after(DEFAULT_SECONDS)
        other: Literal["prompt", "message"] = "message" if self._text_key == "prompt" else "prompt"
        body = _fields(room_id=room_id, character_id=None if character_id is None else str(character_id))
        call = Call(
            "POST /api/v1/text", "/api/v1/text", CallKind.WRITE, body | {self._text_key: message}, alternatives=(other,)
        )
        try:
            answer = self._call(call, deadline, retry_by)
        except errors.OhInvalidInputError as error:
            if error.missing_field != other:
                raise
            answer = self._again(error, replace(call, body=body | {other: message}), deadline, retry_by)
            self._text_key = other
        return read_answer(answer, TextReply, call, wanted=("content",))

    def submit_image(
        self,
        character_id: str,
        prompt: str,
        *,
        room_id: str | None = None,
        prompt_enhancement: bool = False,
        resolution: str | tuple[int, int] | None = None,
        user_gender: UserGender | None = None,
        deadline: Deadline | None = None,
        retry_by: Deadline | None = None,
    ) -> ImageSubmission:
        """Order a picture.

        This costs money, so it is repeated only where the provider did nothing, or said that it failed.

        `resolution` is one of the documented ratios (`16:9`) or a width and a height in pixels. After
        `OhTimeoutError`, and after an `OhProtocolError` with a status of success, the job may exist.
        """
        size = list(resolution) if isinstance(resolution, tuple) else resolution
        body = _fields(
            character_id=str(character_id),
            prompt=prompt,
            room_id=room_id,
            prompt_enhancement=prompt_enhancement,
            resolution=size,
            user_gender=user_gender,
        )
        call = Call("POST /api/v1/images", "/api/v1/images", CallKind.PAID, body)
        return read_answer(self._call(call, deadline, retry_by), ImageSubmission, call, wanted=("job_id",))

    def job_status(
        self,
        job_id: str,
        *,
        max_attempts: int | None = None,
        deadline: Deadline | None = None,
        retry_by: Deadline | None = None,
    ) -> JobStatus:
        """Give how far a job is. `max_attempts` lowers the attempts of the policy, for callers that come back anyway.

        A status word nobody knows raises `OhProtocolError` with that word as `unknown_status`.
        """
        path = f"/api/v1/jobs/{_segment(job_id)}/status"
        call = Call("GET /api/v1/jobs/{job_id}/status", path, CallKind.READ)
        answer = self._call(call, deadline, retry_by, max_attempts)
        return read_answer(answer, JobStatus, call, wanted=("job_id",), known={"job_id": job_id})

    def customer_library(
        self, *, deadline: Deadline | None = None, retry_by: Deadline | None = None
    ) -> CustomerLibrary:
        """Give all characters and digital twins of the account."""
        call = Call(
            "GET /api/v1/customer-library", "/api/v1/customer-library", CallKind.READ, max_bytes=LIBRARY_MAX_BYTES
        )
        wanted = ("characters", "digital_twins")
        return read_answer(self._call(call, deadline, retry_by), CustomerLibrary, call, wanted=wanted, any_of=wanted)

    def create_audio_note(
        self, room_id: str, prompt: str, *, deadline: Deadline | None = None, retry_by: Deadline | None = None
    ) -> AudioNote:
        """Have the character of a room speak a note; the answer comes when the recording is there."""
        body = {"room_id": room_id, "prompt": prompt}
        call = Call("POST /api/v1/audio/notes", "/api/v1/audio/notes", CallKind.WRITE, body)
        return read_answer(self._call(call, deadline, retry_by), AudioNote, call, wanted=("url", "presigned_url"))

    def create_cam_session(
        self,
        character_uid: str,
        webhook_url: str,
        *,
        deadline: Deadline | None = None,
        retry_by: Deadline | None = None,
    ) -> CamSession:
        """Register our webhook for an avatar.

        Raises `OhCamUnavailableError` where the account has no cam endpoints; so do the two other cam methods.
        """
        body = {"character_uid": str(character_uid), "webhook_url": webhook_url}
        call = Call("POST /api/v1/cam/create", "/api/v1/cam/create", CallKind.WRITE, body)
        return read_answer(self._cam_call(call, deadline, retry_by), CamSession, call, wanted=("session_id",))

    def list_cam_sessions(
        self,
        *,
        page: int = 1,
        limit: int = 10,
        deadline: Deadline | None = None,
        retry_by: Deadline | None = None,
    ) -> CamSessionPage:
        """Give one page of the registered webhooks; pages count from 1."""
        params = {"page": page, "limit": limit}
        call = Call("GET /api/v1/cam/sessions", "/api/v1/cam/sessions", CallKind.READ, params=params)
        return read_answer(self._cam_call(call, deadline, retry_by), CamSessionPage, call, wanted=("sessions",))

    def end_cam_session(
        self, session_id: str, *, deadline: Deadline | None = None, retry_by: Deadline | None = None
    ) -> CamSessionEnd:
        """End a cam session; the provider then sends LOGOUT to the webhook."""
        path = f"/api/v1/cam/sessions/{_segment(session_id)}"
        call = Call("DELETE /api/v1/cam/sessions/{session_id}", path, CallKind.WRITE)
        answer = self._cam_call(call, deadline, retry_by)
        return read_answer(answer, CamSessionEnd, call, wanted=("session_id",), known={"session_id": session_id})

    def _again(self, refusal: errors.OhApiError, call: Call, deadline: Deadline, retry_by: Deadline | None) -> Received:
        """Make the call another way after the first was refused; without time for that, the refusal stands."""
        if min(deadline, retry_by or deadline).expired():
            raise refusal
        return self._call(call, deadline, retry_by)

    def _cam_call(self, call: Call, deadline: Deadline | None, retry_by: Deadline | None) -> Received:
        try:
            return self._call(call, deadline, retry_by)
        except errors.OhForbiddenError as error:
            if "unknown endpoint" not in error.message.lower():
                raise
            sentence = (
                f"the provider knows no cam endpoints for this API key ({error.message}): "
                "they are enabled per account, ask OH to enable them for yours"
            )
            raise errors.OhCamUnavailableError(error.status, sentence, call.operation, error.retry_after) from None


def _is_web_address(url: str) -> bool:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return parsed.scheme in ("https", "http") and bool(parsed.host)


def _fields(**values: Any) -> dict[str, Any]:
    """Give a request body without what was not given."""
    return {name: value for name, value in values.items() if value is not None}


def _segment(identifier: str) -> str:
    """Give an id as one segment of a path, whatever it holds; dots too, as `..` would lead elsewhere."""
    if not identifier:
        raise ValueError("an empty id names nothing")
    return quote(identifier, safe="", errors="replace").replace(".", "%2E")
