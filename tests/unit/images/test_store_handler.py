"""StoreResult as the workflow calls it."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from images import store_handler
from images.result_download import StorageRefusedError, TransientDownloadError

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


def picture(body: bytes) -> httpx.Response:
    return httpx.Response(200, stream=httpx.ByteStream(body))


@pytest.fixture
def run(
    world: Any, event: Callable[..., dict[str, Any]], context: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, Any]]:
    def call(response: Any, **changes: Any) -> dict[str, Any]:
        monkeypatch.setattr(store_handler, "_transport", lambda: httpx.MockTransport(lambda request: response))
        return store_handler.lambda_handler(event("store_result", **changes), context)

    return call


def test_a_stored_picture_is_told_as_the_table_wants_it(run: Any) -> None:
    outcome = run(picture(PNG), job_id="job-1")
    assert outcome["outcome"] == "stored"
    assert outcome["image"]["M"]["key"] == {"S": "results/job-1.png"}
    assert outcome["image"]["M"]["bytes"] == {"N": "108"}


def test_an_id_that_is_no_name_is_stored_under_one(run: Any) -> None:
    key = run(picture(PNG), job_id="../../x")["image"]["M"]["key"]["S"]
    assert key.startswith("results/job-")
    assert key.count("/") == 1


def test_a_dead_link_is_counted(run: Any) -> None:
    outcome = run(httpx.Response(403), dead_links=4)
    assert (outcome["outcome"], outcome["dead_links"]) == ("link_dead", 5)


def test_the_sixth_dead_link_is_the_last(run: Any) -> None:
    outcome = run(httpx.Response(410), dead_links=5)
    assert (outcome["outcome"], outcome["code"]) == ("refused", "result_unavailable")


def test_a_refusal_is_an_outcome(run: Any) -> None:
    outcome = run(picture(b"<html>"))
    assert (outcome["outcome"], outcome["code"]) == ("refused", "unexpected_content")


def test_every_outcome_has_every_member(run: Any) -> None:
    outcomes = [run(picture(PNG)), run(httpx.Response(403)), run(httpx.Response(204))]
    assert len({frozenset(outcome) for outcome in outcomes}) == 1


def test_what_may_heal_is_raised(run: Any, world: Any) -> None:
    with pytest.raises(TransientDownloadError):
        run(httpx.Response(503))
    world.s3.delete_bucket(Bucket="results-bucket")
    with pytest.raises(StorageRefusedError):
        run(picture(PNG))
