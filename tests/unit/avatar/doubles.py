"""What stands in for the clock, the OH API and Trulience's callback."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import SecretStr

from avatar.phrases import Phrases
from avatar.session import Opening
from avatar.speaker import Speaker
from common.phrases import Phrase
from digital_twin.oh import OhClient
from digital_twin.trulience import CallbackClient
from tests.template_reading import written

TTL_SECONDS = 100
CALLBACK = "https://trulience.com/tglisten"

PHRASES = Phrases(
    greeting=Phrase.parse('{"default": "Hello.", "de": "Hallo."}'),
    greeting_returning=Phrase.parse("Welcome back."),
    apology=Phrase.parse('{"default": "Sorry.", "de": "Verzeihung."}'),
    refusal=Phrase.parse("Let us talk about something else."),
    filler=Phrase.parse('{"default": "", "de": "Einen Moment."}'),
)


class SettableClock:
    """Seconds since 1970; starts at a fixed instant and moves when told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def create_table(client: Any, resource: str, name: str) -> None:
    """Creates a table as the template describes it."""
    described = written()["Resources"][resource]["Properties"]
    members = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    client.create_table(TableName=name, **{member: described[member] for member in members if member in described})


def opening(session_id: str = "s1", character_id: str = "c1", user_id: str = "u1", **changes: Any) -> Opening:
    """What a LOGIN gives, with changes."""
    values: dict[str, Any] = {"locale": "en-US", "callback_url": CALLBACK, "auth_token": SecretStr("token-1")}
    return Opening(session_id, character_id, user_id, **(values | changes))


@dataclass
class OhDouble:
    """An OH API of its own rooms. Each text is answered by `answer`, which may wait, raise or give a status.

    `rooms` maps room id to (character, user); take one out and the API no longer knows it.
    """

    answer: Callable[[str], httpx.Response] = lambda text: httpx.Response(200, json={"content": f"You said {text}"})
    refuse_rooms: bool = False
    rooms: dict[str, tuple[str, str]] = field(default_factory=dict)
    created: list[str] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def client(self) -> OhClient:
        """A real client of this API."""
        return OhClient("https://oh.test", lambda: "key", transport=httpx.MockTransport(self.handle), sleep=_no_sleep)

    def handle(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        if request.url.path == "/api/v1/rooms":
            return self._create_room(body)
        with self._lock:
            known = body["room_id"] in self.rooms
            self.asked.append((body["room_id"], body["prompt"]))
        return self.answer(body["prompt"]) if known else httpx.Response(404, json={"error": "no such room"})

    def _create_room(self, body: dict[str, Any]) -> httpx.Response:
        if self.refuse_rooms:
            return httpx.Response(500, json={"error": "out of order"})
        with self._lock:
            room_id = f"room-{len(self.created) + 1}"
            self.rooms[room_id] = (body["character_id"], body["user_id"])
            self.created.append(room_id)
        return httpx.Response(201, json={"room_id": room_id})


@dataclass
class CallbackDouble:
    """Trulience's callback: remembers what was spoken, and with which token; answers with `statuses`, then 200."""

    statuses: list[int] = field(default_factory=list)
    spoken: list[tuple[str, str]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    calls: int = 0
    pauses: list[float] = field(default_factory=list)

    def speaker(self, *hosts: str) -> Speaker:
        """A speaker that ends here."""
        client = CallbackClient(transport=httpx.MockTransport(self.handle), sleep=self.pauses.append)
        return Speaker(client, hosts or ("trulience.com",))

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 0:
            raise httpx.ConnectError("refused")
        if 200 <= status <= 299:
            body = json.loads(request.content)
            self.spoken.append((body["sessionId"], body["message"]))
            self.tokens.append(request.headers["Authorization"])
        return httpx.Response(status)


def _no_sleep(_seconds: float) -> None:
    """Pauses between attempts take no time."""
