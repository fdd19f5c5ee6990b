"""The ledger tells a free key from one that is taken, whoever took it."""

from typing import Any

from images.submission_ledger import Entry, SubmissionLedger, slot

ENTRY = Entry(body_hash="h", accepted=True, job_id="j", answer="{}", execution_input="{}")


def ledger(world: Any) -> SubmissionLedger:
    return SubmissionLedger(world.dynamodb, "idempotency")


def test_an_entry_tells_that_the_provider_was_about_to_be_asked(world: Any) -> None:
    assert ledger(world).open(slot("p", "k"), "h", 0) is None
    assert ledger(world).open(slot("p", "k"), "h", 0) == Entry(body_hash="h", accepted=False)


def test_and_afterwards_what_was_accepted(world: Any) -> None:
    place = slot("p", "k")
    ledger(world).open(place, "h", 0)
    ledger(world).accept(place, ENTRY, 0)
    assert ledger(world).open(slot("p", "k"), "h", 0) == ENTRY


def test_a_write_repeated_by_the_sdk_does_not_meet_itself(world: Any) -> None:
    place = slot("p", "k")
    ledger(world).open(place, "h", 0)
    assert ledger(world).open(place, "h", 0) is None


def test_only_its_own_entry_is_released(world: Any) -> None:
    mine, theirs = slot("p", "k"), slot("p", "k")
    ledger(world).open(theirs, "h", 0)
    ledger(world).release(mine)
    assert ledger(world).open(slot("p", "k"), "h", 0) is not None
    ledger(world).release(theirs)
    assert ledger(world).open(slot("p", "k"), "h", 0) is None


def test_a_key_cannot_be_made_to_look_like_another_partners() -> None:
    assert slot("p", '"], "k').id != slot('p"], "', "k").id
