"""The simulator's own pages under `/_simulator`: its switches and what it has seen, for people and for tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from flask import Flask, Response, request

from local.oh_simulator.answers import json_answer
from local.oh_simulator.faults import CONSOLE_PATH
from local.oh_simulator.simulator import Simulator
from local.oh_simulator.switches import SwitchError, Switches

_PAGE = Path(__file__).with_name("console.html")
_SHOWN_REQUESTS = 2000


class Console:
    """Serves `/_simulator` and the JSON below it; needs no key, as it listens on this machine only."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def add_to(self, app: Flask) -> None:
        """Add the routes to an application."""
        routes = (
            ("", "GET", self.page),
            ("/", "GET", self.page),
            ("/switches", "GET", self.read_switches),
            ("/switches", "PUT", self.replace_switches),
            ("/switches", "PATCH", self.change_switches),
            ("/switches/schema", "GET", self.schema),
            ("/api-keys", "PUT", self.replace_api_keys),
            ("/reset", "POST", self.reset),
            ("/release", "POST", self.release),
            ("/requests", "GET", self.requests),
            ("/jobs", "GET", self.jobs),
            ("/rooms", "GET", self.rooms),
            ("/rooms/<room_id>", "DELETE", self.forget_room),
            ("/cam-sessions", "GET", self.cam_sessions),
        )
        for path, method, answer in routes:
            name = f"console {method} {path}"
            app.add_url_rule(CONSOLE_PATH + path, name, answer, methods=[method], provide_automatic_options=False)

    def page(self) -> Response:
        """Give the page of switches."""
        return Response(_PAGE.read_bytes(), content_type="text/html; charset=utf-8")

    def read_switches(self) -> Response:
        """Give the switches in force."""
        return json_answer(self._simulator.switches.read().model_dump(mode="json"))

    def replace_switches(self) -> Response:
        """Set all switches."""
        return self._set(self._simulator.switches.replace)

    def change_switches(self) -> Response:
        """Set the named switches, by the rules of JSON merge patch."""
        return self._set(self._simulator.switches.change)

    def schema(self) -> Response:
        """Give the JSON schema of the switches."""
        return json_answer(Switches.model_json_schema())

    def replace_api_keys(self) -> Response:
        """Set the accepted keys, to rotate one; they are never shown."""
        data = request.get_json(force=True, silent=True)
        keys = data.get("api_keys") if isinstance(data, dict) else None
        if not isinstance(keys, list) or not all(isinstance(key, str) and key for key in keys):
            return json_answer({"error": 'The body must be {"api_keys": [one or more keys]}'}, 400)
        self._simulator.api_keys.update(keys)  # in this order no request finds the set empty
        self._simulator.api_keys.intersection_update(keys)
        return json_answer({"accepted": len(keys)})

    def reset(self) -> Response:
        """Go back to the start."""
        self._simulator.reset()
        return json_answer({"reset": True})

    def release(self) -> Response:
        """Let go of the requests that hang."""
        return json_answer({"released": self._simulator.pauses.release()})

    def requests(self) -> Response:
        """Give the recorded requests, oldest first; `operation` and `limit` narrow the list."""
        limit = request.args.get("limit", type=int, default=_SHOWN_REQUESTS)
        found = self._simulator.requests.read(request.args.get("operation"), max(limit, 0))
        return json_answer({"requests": found})

    def jobs(self) -> Response:
        """Give all jobs, oldest first."""
        return json_answer({"jobs": self._simulator.jobs.read()})

    def rooms(self) -> Response:
        """Give all rooms, oldest first."""
        return json_answer({"rooms": self._simulator.rooms.read()})

    def forget_room(self, room_id: str) -> Response:
        """Lose a room, so that the next message to it is answered 404."""
        if not self._simulator.rooms.forget(room_id):
            return json_answer({"error": f"There is no room {room_id}"}, 404)
        return json_answer({"forgotten": room_id})

    def cam_sessions(self) -> Response:
        """Give all cam sessions, oldest first."""
        return json_answer({"sessions": self._simulator.cams.read()})

    def _set(self, change: Callable[[object], Switches]) -> Response:
        data = request.get_json(force=True, silent=True)
        if data is None:
            return json_answer({"error": "The body must be JSON"}, 400)
        try:
            switches = change(data)
        except SwitchError as error:
            return json_answer({"error": str(error)}, 400)
        return json_answer(switches.model_dump(mode="json"))
