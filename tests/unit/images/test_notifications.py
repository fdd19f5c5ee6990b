"""Telling whoever asked: what, whom, how often, and what is recorded of it."""

import json
from typing import Any

import pytest

from avatar.session import Opening, Session, open_session
from common.errors import BadGatewayError, UnavailableError
from common.phrases import Phrase
from images.callbacks import Delivery
from images.job import Notification, StoredImage
from images.job_store import JobStore
from images.notifications import MAX_DELIVERIES, Notifier, gap_seconds, message_id, targets_of
from images.result_links import SignedLink

BOTH = {"session_id": "s", "callback_url": "https://partner.example/hook"}
IMAGE = StoredImage(key="results/job-1.png", content_type="image/png", bytes=12, sha256="0" * 64)
LINK = SignedLink("https://bucket/k?a=1&b='<\"", "2026-08-18T10:00:00Z")
TAKEN, LOST = Delivery(delivered=True), Delivery(delivered=False, error="answered 500")


class Avatar:
    """A session's avatar, and what it said."""

    def __init__(self, error: Exception | None = None) -> None:
        self.said: list[str] = []
        self.error = error

    def say(self, session: Session, message: str) -> None:
        if self.error:
            raise self.error
        self.said.append(message)


class Partner:
    """A partner's endpoint, and what it received."""

    def __init__(self, *outcomes: Delivery) -> None:
        self.outcomes = list(outcomes)
        self.received: list[tuple[str, bytes, str, int]] = []

    def __call__(self, *delivery: Any) -> Delivery:
        self.received.append(delivery)
        return self.outcomes.pop(0)


def session(session_id: str) -> Session | None:
    opening = Opening(session_id, "1234", "user", locale="de-AT", callback_url="https://trulience.com/x")
    return open_session(opening, 0, 10**15, None) if session_id == "s" else None


def notifier(world: Any, **parts: Any) -> Notifier:
    phrase = Phrase.parse('{"default": "Ready: {url}", "de": "Fertig: <trl-show src=\\"{url}\\" />"}')
    defaults = {
        "store": world.jobs,
        "sign": lambda key: LINK,
        "find_session": session,
        "speaker": Avatar(),
        "deliver": Partner(),
        "phrase": phrase,
        "now": lambda: 1_787_045_400.0,
    }
    return Notifier(**{**defaults, **parts})


def noted(world: Any, target: str) -> Notification:
    told: Notification = world.jobs.find("job-1").notifications[target]
    return told


@pytest.fixture
def done(world: Any, make_job: Any) -> Any:
    return world.put(make_job(request=BOTH, status="completed", image=IMAGE))


def test_the_gaps_grow_and_put_eight_deliveries_into_half_an_hour() -> None:
    gaps = [gap_seconds(attempt) for attempt in range(1, MAX_DELIVERIES)]
    assert gaps == [14, 28, 56, 112, 224, 448, 896]
    assert 1700 <= sum(gaps) <= 1800


def test_an_avatar_says_the_sentence_of_its_locale_with_the_link_escaped(world: Any, done: Any) -> None:
    avatar = Avatar()
    told = notifier(world, speaker=avatar).tell(done, "session", 0)
    assert avatar.said == ['Fertig: <trl-show src="https://bucket/k?a=1&amp;b=&apos;&lt;&quot;" />']
    assert not told.again
    assert (noted(world, "session").status, noted(world, "session").attempts) == ("delivered", 1)


def test_the_providers_own_line_is_said_instead(world: Any, make_job: Any) -> None:
    avatar = Avatar()
    job = world.put(make_job(request=BOTH, status="completed", image=IMAGE, followup_text="Look at me!"))
    notifier(world, speaker=avatar).tell(job, "session", 0)
    assert avatar.said == ["Look at me!"]


def test_a_session_that_ended_is_noted(world: Any, make_job: Any) -> None:
    job = world.put(make_job(request={"session_id": "gone"}, status="completed", image=IMAGE))
    assert not notifier(world).tell(job, "session", 0).again
    assert noted(world, "session").last_error == "the session has ended"


def test_a_refusing_avatar_is_noted_and_the_picture_stays(world: Any, done: Any) -> None:
    notifier(world, speaker=Avatar(BadGatewayError("Trulience answered 500."))).tell(done, "session", 0)
    told = noted(world, "session")
    assert (told.status, told.last_error) == ("failed", "Trulience answered 500.")
    assert world.jobs.find("job-1").status == "completed"


def test_a_table_in_trouble_is_left_to_the_workflow_to_retry(world: Any, done: Any) -> None:
    with pytest.raises(UnavailableError):
        notifier(world, speaker=Avatar(UnavailableError("no"))).tell(done, "session", 0)


def test_a_callback_gets_the_job_as_get_shows_it(world: Any, done: Any) -> None:
    partner = Partner(TAKEN)
    notifier(world, deliver=partner).tell(done, "callback", 0)
    url, body, identity, now = partner.received[0]
    message = json.loads(body)
    assert (url, identity, now) == ("https://partner.example/hook", message_id(done), 1_787_045_400)
    assert (message["type"], message["timestamp"]) == ("image.completed", done.updated_at)
    assert (message["data"]["job_id"], message["data"]["image"]["url"]) == ("job-1", LINK.url)
    assert "partner_id" not in message["data"]


def test_failures_are_repeated_under_the_same_id_until_eight(world: Any, done: Any) -> None:
    partner = Partner(*[LOST] * 8)
    tell = notifier(world, deliver=partner).tell
    outcomes = [tell(world.jobs.find("job-1"), "callback", attempt) for attempt in range(8)]
    assert [told.again for told in outcomes] == [True] * 7 + [False]
    assert [told.wait_seconds for told in outcomes] == [14, 28, 56, 112, 224, 448, 896, 0]
    assert len({identity for _, _, identity, _ in partner.received}) == 1
    assert noted(world, "callback") == Notification(
        status="failed", attempts=8, last_error="answered 500", updated_at="2026-08-18T09:30:00.000000Z"
    )


def test_a_failed_delivery_is_pending_while_more_are_to_come(world: Any, done: Any) -> None:
    notifier(world, deliver=Partner(LOST)).tell(done, "callback", 0)
    assert noted(world, "callback").status == "pending"


def test_gone_stops(world: Any, done: Any) -> None:
    gone = Delivery(delivered=False, gone=True, error="answered 410")
    assert not notifier(world, deliver=Partner(gone)).tell(done, "callback", 0).again
    assert noted(world, "callback").status == "failed"


def test_what_is_delivered_is_not_delivered_again_by_the_workflow(world: Any, done: Any) -> None:
    partner = Partner(TAKEN)
    notifier(world, deliver=partner).tell(done, "callback", 0)
    told = notifier(world, deliver=partner).tell(world.jobs.find("job-1"), "callback", 1)
    assert not told.again
    assert len(partner.received) == 1


def test_but_is_when_somebody_asks_for_it(world: Any, done: Any) -> None:
    partner = Partner(TAKEN, TAKEN)
    notifier(world, deliver=partner).tell(done, "callback", 0)
    notifier(world, deliver=partner).tell_again(world.jobs.find("job-1"), "callback")
    assert len(partner.received) == 2
    assert noted(world, "callback").attempts == 2


def test_asking_in_vain_does_not_end_the_workflows_own_attempts(world: Any, done: Any) -> None:
    notifier(world, deliver=Partner(LOST)).tell_again(done, "callback")
    assert noted(world, "callback").status == "pending"


def test_a_note_that_cannot_be_written_repeats_nothing_but_itself(world: Any, done: Any) -> None:
    world.dynamodb.delete_table(TableName="jobs")
    partner, pauses = Partner(TAKEN), []
    assert not notifier(world, deliver=partner, sleep=pauses.append).tell(done, "callback", 0).again
    assert len(partner.received) == 1
    assert pauses == [1.0, 2.0, 4.0]


def test_a_note_is_written_once_the_table_is_back(world: Any, done: Any) -> None:
    class Recovering(JobStore):
        failures = 2

        def note_notification(self, *note: Any) -> None:
            self.failures -= 1
            if self.failures >= 0:
                raise UnavailableError("no")
            super().note_notification(*note)

    store = Recovering(world.dynamodb, "jobs")
    notifier(world, store=store, deliver=Partner(TAKEN), sleep=lambda seconds: None).tell(done, "callback", 0)
    assert noted(world, "callback").status == "delivered"


def test_failures_are_told_to_callbacks_only(make_job: Any) -> None:
    assert targets_of(make_job(request=BOTH, status="completed")) == ["session", "callback"]
    assert targets_of(make_job(request=BOTH, status="failed")) == ["callback"]
    assert targets_of(make_job(status="completed")) == []


def test_the_two_ends_of_a_job_are_two_messages(make_job: Any) -> None:
    assert message_id(make_job(status="completed")) != message_id(make_job(status="failed"))
    assert message_id(make_job("a")) != message_id(make_job("b"))


def test_a_picture_that_is_missing_is_not_spoken_of(world: Any, done: Any) -> None:
    avatar = Avatar()
    broken = done.model_copy(update={"image": None})
    notifier(world, speaker=avatar).tell(broken, "session", 0)
    assert avatar.said == []
