"""Promises that hold whatever happens in whatever order, over several avatars, users and sessions:

one room for each character and user; no reply lost or said twice; nothing said into a session that has ended.
"""

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import boto3
import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from moto import mock_aws

from avatar.conversation import Conversation
from avatar.room_store import RoomStore
from avatar.rooms import Rooms
from avatar.session import live_session
from avatar.session_store import SessionStore
from avatar.turns import Turns
from common.errors import ConflictError
from common.observability import logger
from common.tables import from_item
from digital_twin.deadline import Deadline
from digital_twin.trulience import ChatEvent, LoginEvent, LogoutEvent, SessionWebhookEvent
from tests.unit.avatar.doubles import (
    CALLBACK,
    PHRASES,
    TTL_SECONDS,
    CallbackDouble,
    OhDouble,
    SettableClock,
    create_table,
)

APOLOGY, REFUSAL = PHRASES.apology.for_locale(None), PHRASES.refusal.for_locale(None)
OUTCOMES = {"answered": None, "failing": APOLOGY, "moderated": REFUSAL}

Key = tuple[str, str]


class Scheduler:
    """Runs work on real threads, but one at a time: until it ends or waits for the OH API, where it stays parked."""

    def __init__(self) -> None:
        self._here = threading.local()
        self._gates: dict[str, threading.Event] = {}
        self._threads: dict[str, threading.Thread] = {}

    def start(self, work: Callable[[], None]) -> None:
        settled = threading.Event()

        def run() -> None:
            self._here.settled = settled
            try:
                work()
            finally:
                settled.set()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        assert settled.wait(20)

    def park(self, name: str) -> None:
        """Called by the work: stays here until `release`."""
        gate = threading.Event()
        self._gates[name], self._threads[name] = gate, threading.current_thread()
        self._here.settled.set()
        assert gate.wait(60)

    def release(self, name: str) -> None:
        """Lets parked work go on, to its end."""
        self._gates.pop(name).set()
        thread = self._threads.pop(name)
        thread.join(20)
        assert not thread.is_alive()

    def release_all(self) -> None:
        for name in list(self._gates):
            self.release(name)


@dataclass
class Expected:
    """What a live session should be like."""

    user_id: str
    opening: int
    turn: int
    has_callback: bool
    idle_end: float
    last_end: float | None = None

    def live(self, now: float) -> bool:
        return now < self.idle_end and (self.last_end is None or now < self.last_end)


@dataclass(frozen=True)
class Pending:
    """A late reply that is still on its way."""

    key: Key
    opening: int
    turn: int
    text: str


# Few, so that events meet: two sessions of one avatar, and one of another with the same id.
KEYS: list[Key] = [("s1", "c1"), ("s2", "c1"), ("s1", "c2")]
keys = st.sampled_from(KEYS)
users = st.sampled_from(["u1", "u2"])
outcomes = st.sampled_from(sorted(OUTCOMES))


class Promises(RuleBasedStateMachine):
    """Any sequence of events, checked against a model after each."""

    @initialize()
    def deploy(self) -> None:
        self.client = TestPromises.client
        self.tables = (f"sessions-{uuid.uuid4()}", f"rooms-{uuid.uuid4()}")
        create_table(self.client, "SessionsTable", self.tables[0])
        create_table(self.client, "RoomsTable", self.tables[1])
        self.clock, self.scheduler, self.callback = SettableClock(), Scheduler(), CallbackDouble()
        self.oh = OhDouble(answer=self._answer)
        self.sessions = SessionStore(self.client, self.tables[0], ttl_seconds=TTL_SECONDS, clock=self.clock)
        rooms, speaker = Rooms(RoomStore(self.client, self.tables[1]), self.oh.client()), self.callback.speaker()
        self.speaker = speaker
        self.conversation = Conversation(self.sessions, rooms, speaker, PHRASES, self.scheduler.start)
        self.turns = Turns(self.sessions, rooms, self.oh.client(), speaker, PHRASES, self.scheduler.start)
        self.expected: dict[Key, Expected] = {}
        self.limits: dict[Key, float] = {}
        self.pending: dict[str, Pending] = {}
        self.said: list[tuple[str, str]] = []
        self.known: set[tuple[str, str]] = set()
        self.taken: list[str] = []
        self.forgotten = 0
        self.counter = 0
        for key in KEYS:
            self.log_in(key, "u1")

    def teardown(self) -> None:
        if hasattr(self, "scheduler"):
            self.scheduler.release_all()
            for table in self.tables:
                self.client.delete_table(TableName=table)

    def _answer(self, text: str) -> httpx.Response:
        self.taken.append(text)
        outcome, speed, _ = text.split(" ", 2)
        if speed == "slow":
            self.scheduler.park(text)
        if outcome == "failing":
            return httpx.Response(500, json={"error": "out of order"})
        if outcome == "moderated":
            return httpx.Response(400, json={"error": "failed moderation"})
        return httpx.Response(200, json={"content": f"reply to {text}"})

    def _live(self, key: Key) -> Expected | None:
        expected = self.expected.get(key)
        return expected if expected is not None and expected.live(self.clock.now) else None

    def _open(self, key: Key, user_id: str, *, has_callback: bool) -> Expected:
        self.counter += 1
        limit = self.limits.pop(key, None)
        before = self.expected.get(key)
        if before is not None and before.last_end is not None:
            limit = before.last_end
        if limit is not None and limit <= self.clock.now:
            limit = None
        self.expected[key] = Expected(user_id, self.counter, 0, has_callback, self.clock.now + TTL_SECONDS, limit)
        return self.expected[key]

    def _end(self, key: Key) -> None:
        self.expected.pop(key, None)
        self.limits.pop(key, None)

    @rule(key=keys, user_id=users)
    def log_in(self, key: Key, user_id: str) -> None:
        session_id, character_id = key
        event = LoginEvent(session_id=session_id, user_id=user_id, auth_token=session_id, callback_url=CALLBACK)
        answer = self.conversation.log_in(character_id, event, Deadline.after(0), "r")
        returning = (character_id, user_id) in self.known
        self.known.add((character_id, user_id))
        assert answer.status_message == ("Welcome back." if returning else "Hello.")
        live = self._live(key)
        if live is not None and live.user_id == user_id:
            live.has_callback, live.idle_end = True, self.clock.now + TTL_SECONDS
        else:
            self._open(key, user_id, has_callback=True)

    @rule(key=keys, user_id=users, outcome=outcomes)
    def chat(self, key: Key, user_id: str, outcome: str) -> None:
        message, reply = self._chat(key, user_id, outcome, "quick")
        assert reply == self._due(message)

    @rule(key=keys, user_id=users, outcome=outcomes, overtaken=st.booleans())
    def chat_slowly(self, key: Key, user_id: str, outcome: str, overtaken: bool) -> None:
        message, reply = self._chat(key, user_id, outcome, "slow")
        assert reply == ""
        live = self.expected[key]
        self.pending[message] = Pending(key, live.opening, live.turn, self._due(message))
        if overtaken:
            self.chat(key, user_id, "answered")

    def _chat(self, key: Key, user_id: str, outcome: str, speed: str) -> tuple[str, str]:
        self.counter += 1
        message = f"{outcome} {speed} {self.counter}"
        event = ChatEvent(session_id=key[0], message=message, user_id=user_id)
        answer = self.turns.chat(key[1], event, Deadline.after(0), "r")
        live = self._live(key) or self._open(key, user_id, has_callback=False)
        live.turn += 1
        live.idle_end = self.clock.now + TTL_SECONDS
        self.known.add((key[1], live.user_id))
        # Taken once, whatever rooms the provider had lost.
        assert self.taken.count(message) == 1
        return message, answer.reply

    @staticmethod
    def _due(message: str) -> str:
        return OUTCOMES[message.split(" ")[0]] or f"reply to {message}"

    @precondition(lambda self: self.pending)
    @rule(data=st.data())
    def late_reply_comes(self, data: st.DataObject) -> None:
        message = data.draw(st.sampled_from(sorted(self.pending)))
        pending = self.pending.pop(message)
        live = self._live(pending.key)
        self.scheduler.release(message)
        if live is not None and live.has_callback and (live.opening, live.turn) == (pending.opening, pending.turn):
            self.said.append((pending.key[0], pending.text))

    @rule(key=keys)
    def log_out(self, key: Key) -> None:
        answer = self.conversation.log_out(key[1], LogoutEvent(session_id=key[0]))
        assert answer.status == "OK"
        self._end(key)

    @rule(key=keys)
    def disconnect(self, key: Key) -> None:
        event = SessionWebhookEvent(event_type="session.disconnect", session_id=key[0])
        self.conversation.platform_event(key[1], event)
        self._end(key)

    @rule(key=keys, seconds=st.sampled_from([10, 60, 500]))
    def connect(self, key: Key, seconds: int) -> None:
        event = SessionWebhookEvent(event_type="session.connect", session_id=key[0], max_session_duration=seconds)
        self.conversation.platform_event(key[1], event)
        live, end = self._live(key), self.clock.now + seconds
        if live is None:
            self.expected.pop(key, None)
            self.limits[key] = end
        else:
            live.last_end = end if live.last_end is None else min(end, live.last_end)

    @rule(seconds=st.sampled_from([1, 30, TTL_SECONDS]))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(session_id=st.sampled_from(["s1", "s2"]))
    def partner_speaks(self, session_id: str) -> None:
        self.counter += 1
        text = f"proactive {self.counter}"
        live = {key: entry for key, entry in self.expected.items() if key[0] == session_id and self._live(key)}
        found = self.sessions.find(session_id)
        assert (found is not None) is bool(live)
        if found is None:
            return
        if live[session_id, found.character_id].has_callback:
            self.speaker.say(found, text)
            self.said.append((session_id, text))
        else:
            with pytest.raises(ConflictError):
                self.speaker.say(found, text)

    @precondition(lambda self: self.oh.rooms)
    @rule(data=st.data())
    def provider_forgets_a_room(self, data: st.DataObject) -> None:
        del self.oh.rooms[data.draw(st.sampled_from(sorted(self.oh.rooms)))]
        self.forgotten += 1

    @invariant()
    def said_exactly_what_was_due(self) -> None:
        assert self.callback.spoken == self.said

    @invariant()
    def tokens_go_with_their_sessions(self) -> None:
        assert self.callback.tokens == [f"Bearer {session_id}" for session_id, _ in self.said]

    @invariant()
    def one_room_for_each_pair(self) -> None:
        pairs = list(self.oh.rooms.values())
        assert len(pairs) == len(set(pairs))
        assert len(self.oh.created) <= len(self.known) + self.forgotten

    @invariant()
    def sessions_are_as_expected(self) -> None:
        now_ms = int(self.clock.now * 1000)
        rows = [live_session(from_item(item), now_ms) for item in self.client.scan(TableName=self.tables[0])["Items"]]
        stored = {(row.session_id, row.character_id): (row.user_id, row.turn) for row in rows if row}
        assert stored == {
            key: (live.user_id, live.turn) for key in self.expected if (live := self._live(key)) is not None
        }


class TestPromises(Promises.TestCase):
    """Runs the machine; its tables lie in one simulated account, as making one takes longer than an example."""

    client: Any
    settings = settings(
        max_examples=30,
        stateful_step_count=50,
        deadline=None,
        # Shrinking takes minutes here, and the steps of one example are readable as they are.
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )

    @classmethod
    def setUpClass(cls) -> None:
        variables = {
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "POWERTOOLS_METRICS_NAMESPACE": "Tests",
            "POWERTOOLS_SERVICE_NAME": f"tests-{uuid.uuid4()}",
        }
        for context in (patch.dict("os.environ", variables), mock_aws()):
            cls.enterClassContext(context)
        logger.cache_clear()
        cls.client = boto3.client("dynamodb")
