"""CHAT: answered in time whatever happens; what is late is spoken, once, if somebody still waits for it."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from avatar.late_reply import LateWork
from avatar.room_store import RoomStore
from avatar.rooms import Rooms
from avatar.session_store import SessionStore
from avatar.turns import Turns
from digital_twin.deadline import Deadline
from digital_twin.trulience import ChatAnswer, ChatEvent
from tests.unit.avatar.doubles import CALLBACK, PHRASES, TTL_SECONDS, CallbackDouble, OhDouble, SettableClock, opening


class Stage:
    """A conversation with the character c1, and everything around it."""

    def __init__(self, sessions: SessionStore, room_store: RoomStore) -> None:
        self.sessions, self.room_store = sessions, room_store
        self.oh, self.callback, self.late_work = OhDouble(), CallbackDouble(), LateWork()
        self.go = threading.Event()
        rooms = Rooms(room_store, self.oh.client())
        self.turns = Turns(sessions, rooms, self.oh.client(), self.callback.speaker(), PHRASES, self.late_work.start)

    def log_in(self, **changes: Any) -> None:
        self.sessions.log_in(opening(**changes))

    def chat(self, message: str = "hi", *, seconds: float = 10, session_id: str = "s1", **more: Any) -> ChatAnswer:
        event = ChatEvent(session_id=session_id, message=message, **more)
        return self.turns.chat("c1", event, Deadline.after(seconds), "request-1")

    def chat_late(self, message: str = "hi", **more: Any) -> ChatAnswer:
        """A CHAT whose reply comes only after `finish`."""
        self.oh.answer = self._slow
        return self.chat(message, seconds=0.15, **more)

    def finish(self) -> None:
        """Lets late replies come, and waits until what follows from them is done."""
        self.go.set()
        assert self.late_work.wait(10)

    def _slow(self, text: str) -> httpx.Response:
        assert self.go.wait(10)
        return httpx.Response(200, json={"content": f"You said {text}"})


@pytest.fixture
def stage(sessions: SessionStore, room_store: RoomStore) -> Iterator[Stage]:
    stage = Stage(sessions, room_store)
    yield stage
    stage.finish()


def _answering(status: int, body: Any) -> Callable[[str], httpx.Response]:
    return lambda _text: httpx.Response(status, json=body)


def metrics(capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    """The counts written so far."""
    counts: dict[str, float] = {}
    for line in capsys.readouterr().out.splitlines():
        entry = json.loads(line)
        for described in entry.get("_aws", {}).get("CloudWatchMetrics", []):
            for metric in described["Metrics"]:
                assert entry["character"] == "c1"
                counts[metric["Name"]] = counts.get(metric["Name"], 0) + sum(entry[metric["Name"]])
    return counts


def test_a_reply_in_time_is_the_answer(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.log_in()
    answer = stage.chat("hello")
    assert (answer.reply, answer.session_id, answer.status) == ("You said hello", "s1", "OK")
    stage.finish()
    assert stage.callback.calls == 0
    counts = metrics(capsys)
    assert counts["RepliesInTime"] == 1
    assert "UpstreamLatency" in counts


def test_each_message_goes_to_the_pairs_one_room(stage: Stage) -> None:
    stage.log_in()
    for message in ("one", "two"):
        stage.chat(message)
    assert stage.oh.asked == [("room-1", "one"), ("room-1", "two")]
    assert stage.oh.created == ["room-1"]


def test_a_late_reply_is_spoken_once_and_asked_for_once(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.log_in()
    answer = stage.chat_late("hello")
    assert (answer.reply, answer.status) == ("", "OK")
    assert stage.callback.calls == 0
    stage.finish()
    assert stage.callback.spoken == [("s1", "You said hello")]
    assert len(stage.oh.asked) == 1
    assert metrics(capsys)["RepliesLate"] == 1


def test_the_answer_does_not_wait_beyond_the_deadline(stage: Stage) -> None:
    stage.log_in()
    began = time.monotonic()
    stage.chat_late()
    assert time.monotonic() - began < 2


def test_the_filler_speaks_the_sessions_language(stage: Stage) -> None:
    stage.log_in(locale="de-AT")
    assert stage.chat_late().reply == "Einen Moment."


def test_no_time_left_on_arrival_still_brings_the_reply(stage: Stage) -> None:
    stage.log_in()
    answer = stage.chat("hello", seconds=-1)
    stage.finish()
    assert [answer.reply, *[text for _, text in stage.callback.spoken]].count("You said hello") == 1


def test_a_slow_table_holds_no_answer_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.log_in()
    next_turn = stage.sessions.next_turn
    monkeypatch.setattr(stage.sessions, "next_turn", lambda *key: (stage.go.wait(10), next_turn(*key))[1])
    assert stage.chat("hello", seconds=0.1).reply == ""
    stage.finish()
    assert stage.callback.spoken == [("s1", "You said hello")]


def test_an_overtaken_reply_is_dropped(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.log_in()
    stage.chat_late("first")
    stage.oh.answer = lambda text: httpx.Response(200, json={"content": f"Quick {text}"})
    assert stage.chat("second").reply == "Quick second"
    stage.finish()
    assert stage.callback.spoken == []
    assert metrics(capsys)["RepliesStale"] == 1


def test_of_two_late_replies_the_newer_is_spoken(stage: Stage) -> None:
    stage.log_in()
    stage.chat_late("first")
    stage.chat_late("second")
    stage.finish()
    assert stage.callback.spoken == [("s1", "You said second")]


@pytest.mark.parametrize("ending", ["logout", "expiry", "logout and login"])
def test_nothing_is_spoken_into_an_ended_session(
    stage: Stage, clock: SettableClock, capsys: pytest.CaptureFixture[str], ending: str
) -> None:
    stage.log_in()
    stage.chat_late()
    if ending == "expiry":
        clock.advance(TTL_SECONDS)
    else:
        stage.sessions.end("s1", "c1")
    if ending == "logout and login":
        stage.log_in()
    stage.finish()
    assert stage.callback.calls == 0
    assert metrics(capsys)["RepliesStale"] == 1


def test_a_late_reply_goes_to_the_newest_callback_of_the_session(stage: Stage) -> None:
    stage.log_in()
    stage.chat_late()
    stage.log_in(auth_token=SecretStr("token-2"), callback_url=CALLBACK)
    stage.finish()
    assert stage.callback.tokens == ["Bearer token-2"]


@pytest.mark.parametrize("statuses", [[401], [500, 500, 500], [0, 0, 0]])
def test_a_reply_that_trulience_does_not_take_is_counted(
    stage: Stage, capsys: pytest.CaptureFixture[str], statuses: list[int]
) -> None:
    stage.callback.statuses = statuses
    stage.log_in()
    stage.chat_late()
    stage.finish()
    assert stage.callback.spoken == []
    assert metrics(capsys)["RepliesUndeliverable"] == 1


def test_a_session_without_callback_cannot_hear_late_replies(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.chat_late()
    stage.finish()
    assert metrics(capsys)["RepliesUndeliverable"] == 1


def test_moderation_brings_a_refusal(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.oh.answer = _answering(400, {"error": "Message failed moderation"})
    stage.log_in()
    answer = stage.chat()
    assert (answer.reply, answer.status) == ("Let us talk about something else.", "OK")
    stage.finish()
    assert len(stage.oh.asked) == 1
    assert metrics(capsys)["Refusals"] == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, {"error": "no"}), (503, "<html>"), (401, {"error": "key"}), (422, {"message": "no"}), (200, {"x": 1})],
)
def test_trouble_upstream_brings_an_apology(
    stage: Stage, capsys: pytest.CaptureFixture[str], status: int, body: Any
) -> None:
    stage.oh.answer = _answering(status, body)
    stage.log_in(locale="de")
    answer = stage.chat()
    assert (answer.reply, answer.status) == ("Verzeihung.", "OK")
    stage.finish()
    assert metrics(capsys)["Apologies"] == 1


def test_retries_within_the_time_left_still_answer(stage: Stage) -> None:
    answers = iter([503, 500])
    stage.oh.answer = lambda text: httpx.Response(next(answers, 200), json={"content": "At last"})
    stage.log_in()
    assert stage.chat().reply == "At last"


def test_no_retry_begins_after_the_deadline(stage: Stage) -> None:
    def slow_failure(_text: str) -> httpx.Response:
        stage.go.wait(10)
        return httpx.Response(503)

    stage.log_in()
    stage.oh.answer = slow_failure
    stage.chat(seconds=0.1)
    stage.finish()
    assert len(stage.oh.asked) == 1


def test_a_late_failure_is_apologised_for(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(_text: str) -> httpx.Response:
        stage.go.wait(10)
        raise httpx.ReadError("reset")

    stage.log_in()
    stage.oh.answer = fail
    assert stage.chat(seconds=0.1).reply == ""
    stage.finish()
    assert stage.callback.spoken == [("s1", "Sorry.")]
    assert metrics(capsys)["Apologies"] == 1


def test_a_table_that_fails_brings_an_apology(stage: Stage, dynamodb: Any) -> None:
    dynamodb.delete_table(TableName="sessions")
    assert stage.chat().reply == "Sorry."


def test_a_fault_of_ours_brings_an_apology_and_no_words_of_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def crash(*_key: str) -> Any:
        raise RuntimeError("internal words")

    monkeypatch.setattr(stage.sessions, "next_turn", crash)
    assert stage.chat().reply == "Sorry."
    stage.finish()
    assert "internal words" not in capsys.readouterr().out


def test_a_late_fault_of_ours_is_counted(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def crash(*_key: str) -> Any:
        stage.go.wait(10)
        raise RuntimeError

    monkeypatch.setattr(stage.sessions, "next_turn", crash)
    assert stage.chat(seconds=0.1).reply == ""
    stage.finish()
    assert metrics(capsys)["RepliesUndeliverable"] == 1


def test_an_unknown_session_is_opened_from_the_event(stage: Stage) -> None:
    assert stage.chat("hello", session_id="new", user_id="u9").reply == "You said hello"
    session = stage.sessions.get("new", "c1")
    assert session is not None
    assert (session.user_id, session.turn, session.room_id) == ("u9", 1, stage.room_store.find("c1", "u9"))


def test_an_unknown_session_without_user_has_one_user_of_its_own(stage: Stage) -> None:
    stage.chat("one", session_id="new")
    stage.sessions.end("new", "c1")
    stage.chat("two", session_id="new")
    stage.chat("three", session_id="other")
    assert [room for room, _ in stage.oh.asked] == ["room-1", "room-1", "room-2"]


def test_two_first_messages_of_an_unknown_session_are_both_answered(stage: Stage) -> None:
    answers: list[ChatAnswer] = []
    threads = [
        threading.Thread(target=lambda text=text: answers.append(stage.chat(text, session_id="new")))
        for text in ("one", "two")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.reply for answer in answers) == ["You said one", "You said two"]
    session = stage.sessions.get("new", "c1")
    assert session is not None
    assert session.turn == 2


def test_a_session_that_ends_as_often_as_it_is_opened_brings_an_apology(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage.sessions, "next_turn", lambda *_key: None)
    assert stage.chat().reply == "Sorry."


def test_a_room_that_is_gone_is_replaced_once_and_the_message_asked_again(stage: Stage) -> None:
    stage.log_in()
    stage.chat("one")
    stage.oh.rooms.clear()
    assert stage.chat("two").reply == "You said two"
    assert stage.chat("three").reply == "You said three"
    assert stage.oh.asked[1:] == [("room-1", "two"), ("room-2", "two"), ("room-2", "three")]
    assert stage.room_store.find("c1", "u1") == "room-2"


def test_a_room_that_is_gone_again_is_not_replaced_for_ever(stage: Stage) -> None:
    stage.oh.answer = _answering(404, {"error": "unknown room"})
    stage.log_in()
    assert stage.chat().reply == "Sorry."
    assert len(stage.oh.created) == 2
    assert len(stage.oh.asked) == 2


def test_a_session_finds_the_room_another_session_replaced(stage: Stage) -> None:
    for session_id in ("s1", "s2"):
        stage.log_in(session_id=session_id)
        stage.chat("hi", session_id=session_id)
    stage.oh.rooms.clear()
    stage.chat("one", session_id="s1")
    stage.chat("two", session_id="s2")
    assert stage.oh.created == ["room-1", "room-2"]
    assert stage.oh.asked[-1] == ("room-2", "two")


def test_a_session_recovers_where_the_room_of_the_other_session_is_gone_too(stage: Stage) -> None:
    for session_id in ("s1", "s2"):
        stage.log_in(session_id=session_id)
        stage.chat("hi", session_id=session_id)
    stage.oh.rooms.clear()
    stage.chat("one", session_id="s1")
    stage.oh.rooms.clear()
    assert stage.chat("two", session_id="s2").reply == "You said two"
    assert stage.room_store.find("c1", "u1") == "room-3"


def test_a_late_reply_with_nothing_to_say_is_not_spoken(stage: Stage) -> None:
    def silent(_text: str) -> httpx.Response:
        stage.go.wait(10)
        return httpx.Response(200, json={"content": ""})

    stage.log_in()
    stage.oh.answer = silent
    stage.chat(seconds=0.1)
    stage.finish()
    assert stage.callback.calls == 0


def test_a_warm_turn_is_one_write_and_one_call(stage: Stage, dynamodb: Any) -> None:
    stage.log_in()
    stage.chat("first")
    stage.late_work.wait(5)
    operations: list[str] = []

    def count(model: Any, **_: Any) -> None:
        operations.append(model.name)

    dynamodb.meta.events.register("before-call.dynamodb", count)
    before = len(stage.oh.asked)
    stage.chat("second")
    stage.late_work.wait(5)
    dynamodb.meta.events.unregister("before-call.dynamodb", count)
    assert operations == ["UpdateItem"]
    assert len(stage.oh.asked) - before == 1
    assert stage.oh.created == ["room-1"]


def test_log_lines_carry_session_turn_and_request_and_no_words(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.log_in()
    stage.chat("my darkest secret")
    stage.late_work.wait(5)
    stage.chat_late("my darkest secret")
    stage.finish()
    written = capsys.readouterr().out
    lines = [entry for entry in map(json.loads, written.splitlines()) if "message" in entry]
    finished = [entry for entry in lines if entry["message"] == "turn finished"]
    assert [(entry["session_id"], entry["turn"], entry["request_id"]) for entry in finished] == [
        ("s1", 1, "request-1"),
        ("s1", 2, "request-1"),
    ]
    assert "darkest" not in written
    assert "token-1" not in written
