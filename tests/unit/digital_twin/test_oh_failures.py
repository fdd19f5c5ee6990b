"""What a call does when it does not go well: error classes, repetitions, deadlines, secrets."""

import logging
import pickle
import time
import traceback
from collections.abc import Iterator

import httpx
import pytest

from digital_twin.deadline import Deadline
from digital_twin.oh import (
    OhApiError,
    OhConnectionError,
    OhCredentialsError,
    OhForbiddenError,
    OhInvalidInputError,
    OhModerationError,
    OhNotFoundError,
    OhProtocolError,
    OhThrottledError,
    OhTimeoutError,
    OhUpstreamError,
    RetryPolicy,
)

from .conftest import KEY, Provider, answer

ONCE = RetryPolicy(attempts=1)
READ_TIMEOUT = httpx.ReadTimeout("no answer")


class Pieces(httpx.SyncByteStream):
    """A body that comes in pieces and may end in an error."""

    def __init__(self, *pieces: bytes | Exception, every: float = 0.0) -> None:
        self.pieces = pieces
        self.every = every
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            time.sleep(self.every)
            if isinstance(piece, Exception):
                raise piece
            yield piece

    def close(self) -> None:
        self.closed = True


class TestErrors:
    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (400, OhInvalidInputError),
            (401, OhCredentialsError),
            (402, OhForbiddenError),
            (403, OhForbiddenError),
            (404, OhNotFoundError),
            (405, OhInvalidInputError),
            (409, OhInvalidInputError),
            (410, OhNotFoundError),
            (422, OhInvalidInputError),
            (429, OhThrottledError),
            (500, OhUpstreamError),
            (502, OhUpstreamError),
            (503, OhUpstreamError),
            (504, OhUpstreamError),
            (520, OhUpstreamError),
            (301, OhProtocolError),
            (307, OhProtocolError),
        ],
    )
    def test_each_status_has_its_class(self, provider: Provider, status, kind):
        given = answer({"error": "what it says"}, status, location="https://evil.example/")
        with pytest.raises(OhApiError) as caught:
            provider.will(given).client(retry=ONCE).send_text("r", "hi")
        assert type(caught.value) is kind
        assert caught.value.status == status
        assert caught.value.operation == "POST /api/v1/text"
        if status >= 400:
            assert caught.value.message == "what it says"
            assert str(caught.value) == f"POST /api/v1/text answered {status}: what it says"

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (b'{"error": "documented"}', "documented"),
            (b'{"message": "observed"}', "observed"),
            (b'{"error": {"reason": ["a", "b"]}}', "a; b"),
            (b'{"error": []}', "503 Service Unavailable"),
            (b"<html><h1>503</h1></html>", "503 Service Unavailable"),
            (b"", "503 Service Unavailable"),
            (b"\xff\xfe", "503 Service Unavailable"),
            (b"[" * 100_000, "503 Service Unavailable"),
        ],
    )
    def test_any_error_body_is_read(self, provider: Provider, body, said):
        with pytest.raises(OhUpstreamError) as caught:
            provider.will(httpx.Response(503, content=body)).client(retry=ONCE).send_text("r", "hi")
        assert caught.value.message == said

    def test_a_status_without_a_name_is_named_by_its_number(self, provider: Provider):
        with pytest.raises(OhUpstreamError, match="answered 599: 599"):
            provider.will(httpx.Response(599)).client(retry=ONCE).send_text("r", "hi")

    def test_says_how_long_to_wait(self, provider: Provider):
        with pytest.raises(OhThrottledError) as caught:
            provider.will(answer(status=429, retry_after="7")).client(retry=ONCE).send_text("r", "hi")
        assert caught.value.retry_after == 7.0

    @pytest.mark.parametrize("status", [400, 422])
    @pytest.mark.parametrize(
        "content", [b'{"error": "Prompt failed moderation"}', b'{"code": "moderation_failed"}', b"content policy"]
    )
    def test_moderation_is_final(self, provider: Provider, status, content):
        with pytest.raises(OhModerationError) as caught:
            provider.will(httpx.Response(status, content=content)).client().submit_image("42", "kite")
        assert len(provider.requests) == 1
        assert not isinstance(caught.value, OhInvalidInputError)

    def test_a_page_about_moderation_is_no_answer_of_moderation(self, provider: Provider):
        page = httpx.Response(400, content=b"<html>moderation</html>")
        with pytest.raises(OhInvalidInputError):
            provider.will(page).client().submit_image("42", "kite")

    @pytest.mark.parametrize(
        "error",
        [
            OhThrottledError(429, "slow down", "GET /x", 3.0),
            OhInvalidInputError(400, "no", "GET /x", None, "message"),
            OhProtocolError(200, "what?", "GET /x", unknown_status="canceled"),
        ],
    )
    def test_errors_survive_the_way_between_processes(self, error):
        copy = pickle.loads(pickle.dumps(error))
        assert type(copy) is type(error)
        assert vars(copy) == vars(error)

    def test_an_error_without_an_answer_has_no_status(self, provider: Provider):
        with pytest.raises(OhConnectionError) as caught:
            provider.will(httpx.ConnectError("refused")).client(retry=ONCE).send_text("r", "hi")
        assert caught.value.status is None
        assert str(caught.value) == "POST /api/v1/text: ConnectError: refused"


class TestProtocol:
    @pytest.mark.parametrize(
        "given",
        [
            httpx.Response(200, content=b""),
            httpx.Response(200, content=b"<html>hello</html>"),
            httpx.Response(200, content=b'{"content": "cut'),
            httpx.Response(200, content=b"[" * 100_000),
            httpx.Response(200, content=b"\xff\xfe\x00"),
            httpx.Response(200, json=[]),
            httpx.Response(200, json="hello"),
            httpx.Response(200, json=17),
            httpx.Response(200, json={}),
            httpx.Response(200, json={"content": None}),
            httpx.Response(200, json={"content": {"text": "hello"}}),
            httpx.Response(200, json={"data": {"data": {"data": {"data": {"data": {"content": "too deep"}}}}}}),
            httpx.Response(204),
            httpx.Response(200, content=b"x" * (1024 * 1024 + 1)),
            httpx.Response(200, headers={"content-encoding": "gzip"}, stream=Pieces(b"not gzip at all")),
        ],
    )
    def test_success_without_what_was_promised_is_an_error_and_not_repeated(self, provider: Provider, given):
        with pytest.raises(OhProtocolError):
            provider.will(given).client().send_text("r", "hi")
        assert len(provider.requests) == 1

    def test_tells_the_status_it_came_with(self, provider: Provider):
        with pytest.raises(OhProtocolError) as caught:
            provider.will(answer({"status": "queued"}, 202)).client().submit_image("42", "kite")
        assert caught.value.status == 202

    def test_names_fields_and_repeats_no_values(self, provider: Provider):
        with pytest.raises(OhProtocolError) as caught:
            provider.will(answer({"content": {"secret": "words of the user"}})).client().send_text("r", "hi")
        assert "content" in str(caught.value)
        assert "words of the user" not in str(caught.value)
        assert caught.value.__context__ is None  # pydantic's error would hold the answer.

    def test_numbers_too_long_to_print_are_no_ids(self, provider: Provider):
        given = httpx.Response(200, content=b'{"room_id": ' + b"9" * 5000 + b"}")
        with pytest.raises(OhProtocolError):
            provider.will(given).client().create_room("42", "u1")

    def test_a_compressed_answer_is_read(self, provider: Provider):
        import gzip

        packed = gzip.compress(b'{"content": "hello"}')
        given = httpx.Response(200, headers={"content-encoding": "gzip"}, stream=Pieces(packed))
        assert provider.will(given).client().send_text("r", "hi").content == "hello"


class TestRepeating:
    @pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
    def test_a_message_is_said_again_when_it_was_refused(self, provider: Provider, status):
        client = provider.will(answer(status=status), answer(status=status), answer({"content": "a"})).client()
        assert client.send_text("r", "hi").content == "a"
        assert len(provider.pauses) == 2
        assert 0.25 <= provider.pauses[0] <= 0.5 <= provider.pauses[1] <= 1.0

    def test_three_attempts_and_then_the_last_error(self, provider: Provider):
        client = provider.will(answer(status=503), answer(status=502), answer({"error": "third"}, 500)).client()
        with pytest.raises(OhUpstreamError, match="third"):
            client.send_text("r", "hi")

    @pytest.mark.parametrize("error", [READ_TIMEOUT, httpx.ReadError("reset"), httpx.RemoteProtocolError("gone")])
    def test_a_message_that_may_have_arrived_is_not_said_again(self, provider: Provider, error):
        with pytest.raises(OhTimeoutError, match="outcome is unknown"):
            provider.will(error).client().send_text("r", "hi")

    @pytest.mark.parametrize("error", [READ_TIMEOUT, httpx.ReadError("reset"), httpx.WriteTimeout("stuck")])
    def test_a_picture_that_may_be_paid_is_not_ordered_again(self, provider: Provider, error):
        with pytest.raises(OhTimeoutError):
            provider.will(error).client().submit_image("42", "kite")

    def test_a_picture_is_ordered_again_after_one_server_error(self, provider: Provider):
        client = provider.will(answer(status=500), answer({"job_id": "j"}, 202)).client()
        assert client.submit_image("42", "kite").job_id == "j"

    def test_a_picture_is_not_ordered_again_after_two(self, provider: Provider):
        with pytest.raises(OhUpstreamError):
            provider.will(answer(status=500), answer(status=500)).client().submit_image("42", "kite")

    @pytest.mark.parametrize("status", [429, 502, 503, 504])
    def test_a_picture_is_ordered_again_while_it_is_refused(self, provider: Provider, status):
        client = provider.will(answer(status=status), answer(status=status), answer({"job_id": "j"}, 202)).client()
        assert client.submit_image("42", "kite").job_id == "j"

    @pytest.mark.parametrize(
        "error", [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"), httpx.PoolTimeout("")]
    )
    def test_what_was_never_sent_is_sent_again(self, provider: Provider, error):
        client = provider.will(error, error, answer({"job_id": "j"}, 202)).client()
        assert client.submit_image("42", "kite").job_id == "j"

    @pytest.mark.parametrize("error", [READ_TIMEOUT, httpx.ReadError("reset"), httpx.ConnectError("refused")])
    def test_asking_again_is_harmless(self, provider: Provider, error):
        client = provider.will(error, error, answer({"job_id": "j", "status": "queued"})).client()
        assert client.job_status("j").job_id == "j"

    def test_an_answer_that_breaks_off_is_one_without_outcome(self, provider: Provider):
        broken = Pieces(b'{"job_', httpx.ReadError("reset"))
        with pytest.raises(OhTimeoutError):
            provider.will(httpx.Response(202, stream=broken)).client().submit_image("42", "kite")
        assert broken.closed

    def test_the_body_of_an_error_may_break_off(self, provider: Provider):
        broken = httpx.Response(503, stream=Pieces(b'{"err', httpx.ReadError("reset")))
        assert provider.will(broken, answer({"job_id": "j"}, 202)).client().submit_image("42", "kite").job_id == "j"

    def test_the_body_of_an_error_may_be_endless(self, provider: Provider):
        endless = httpx.Response(404, content=b"x" * 2_000_000)
        with pytest.raises(OhNotFoundError, match="404 Not Found"):
            provider.will(endless).client().send_text("r", "hi")

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
    def test_final_answers_are_final(self, provider: Provider, status):
        with pytest.raises(OhApiError):
            provider.will(answer({"error": "no"}, status)).client().job_status("j")
        assert provider.pauses == []

    def test_a_url_that_leads_nowhere_is_not_tried_again(self, provider: Provider):
        with pytest.raises(OhConnectionError):
            provider.will(httpx.UnsupportedProtocol("what?")).client().job_status("j")


class TestDeadlines:
    def test_waits_as_long_as_it_is_asked_to(self, provider: Provider):
        client = provider.will(answer(status=429, retry_after="2"), answer({"content": "a"})).client()
        client.send_text("r", "hi")
        assert provider.pauses == [2.0]

    def test_does_not_wait_for_what_cannot_fit(self, provider: Provider):
        client = provider.will(answer({"error": "later"}, 503, retry_after="20")).client()
        with pytest.raises(OhUpstreamError, match="later"):
            client.send_text("r", "hi", deadline=Deadline.after(5))
        assert provider.pauses == []

    def test_no_attempt_begins_after_retry_by(self, provider: Provider):
        client = provider.will(answer(status=503)).client()
        with pytest.raises(OhUpstreamError):
            client.send_text("r", "hi", deadline=Deadline.after(25), retry_by=Deadline.after(0.2))
        assert provider.pauses == []

    def test_an_attempt_under_way_goes_on_after_retry_by(self, provider: Provider):
        def late(request: httpx.Request) -> httpx.Response:
            time.sleep(0.05)
            return answer({"content": "late"})

        client = provider.will(late).client()
        reply = client.send_text("r", "hi", deadline=Deadline.after(5), retry_by=Deadline.after(0.01))
        assert reply.content == "late"

    def test_a_retry_by_beyond_the_deadline_changes_nothing(self, provider: Provider):
        client = provider.will(answer(status=503)).client()
        with pytest.raises(OhUpstreamError):
            client.send_text("r", "hi", deadline=Deadline.after(0.2), retry_by=Deadline.after(60))

    def test_a_passed_deadline_sends_nothing(self, provider: Provider):
        with pytest.raises(OhConnectionError, match="deadline"):
            provider.client().send_text("r", "hi", deadline=Deadline.after(0))
        assert provider.requests == []

    def test_a_dripping_body_is_cut(self, provider: Provider):
        dripping = Pieces(*[b" "] * 400, every=0.01)
        began = time.monotonic()
        with pytest.raises(OhTimeoutError):
            provider.will(httpx.Response(200, stream=dripping)).client().send_text(
                "r", "hi", deadline=Deadline.after(0.1)
            )
        assert time.monotonic() - began < 0.25
        assert dripping.closed


class TestKeys:
    def test_a_rotated_key_is_fetched_once_and_used(self, provider: Provider):
        client = provider.will(answer(status=401), answer({"job_id": "j"}, 202)).client(refresh_api_key=lambda: "new")
        assert client.submit_image("42", "kite").job_id == "j"
        assert [request.headers["x-api-key"] for request in provider.requests] == [KEY, "new"]
        assert provider.pauses == []

    def test_the_same_key_again_is_not_tried_again(self, provider: Provider):
        with pytest.raises(OhCredentialsError):
            provider.will(answer(status=401)).client(refresh_api_key=lambda: KEY).send_text("r", "hi")

    def test_a_refused_new_key_is_the_end(self, provider: Provider):
        refreshed = iter(["new", "newer"])
        client = provider.will(answer(status=401), answer(status=401)).client(refresh_api_key=lambda: next(refreshed))
        with pytest.raises(OhCredentialsError):
            client.send_text("r", "hi")

    def test_a_new_key_is_not_fetched_when_time_is_over(self, provider: Provider):
        def slow(request: httpx.Request) -> httpx.Response:
            time.sleep(0.03)
            return answer(status=401)

        client = provider.will(slow).client(refresh_api_key=lambda: "new")
        with pytest.raises(OhCredentialsError):
            client.send_text("r", "hi", retry_by=Deadline.after(0.02))

    @pytest.mark.parametrize("key", ["", " ", "a b ", "line\nbreak", "schlüssel", "\ud800", "null\x00"])
    def test_a_key_no_header_can_carry_is_refused_without_showing_it(self, provider: Provider, key):
        with pytest.raises(OhCredentialsError) as caught:
            provider.client(api_key=lambda: key).send_text("r", "hi")
        assert caught.value.status is None
        assert provider.requests == []
        assert not key.strip() or key not in str(caught.value)

    def test_a_new_key_replaces_one_that_cannot_be_sent(self, provider: Provider):
        client = provider.will(answer({"content": "a"})).client(api_key=lambda: "", refresh_api_key=lambda: "new")
        assert client.send_text("r", "hi").content == "a"

    @pytest.mark.parametrize(
        "given",
        [
            answer({"error": f"the key {KEY} is not known"}, 401),
            answer({"message": {"text": KEY, "error": f"{KEY}?"}}, 403),
            httpx.Response(400, content=f"bad key {KEY}".encode()),
            httpx.Response(200, content=KEY.encode()),
            httpx.ConnectError("refused"),
            READ_TIMEOUT,
        ],
    )
    def test_no_error_shows_the_key(self, provider: Provider, given, caplog):
        caplog.set_level(logging.DEBUG)
        client = provider.will(given).client(retry=ONCE)
        with pytest.raises(OhApiError) as caught:
            client.send_text("r", "hi")
        shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(vars(caught.value))
        assert KEY not in shown
        assert KEY not in caplog.text
        assert KEY not in repr(client) + repr(vars(client))
        chain = caught.value.__cause__ or caught.value.__context__
        assert chain is None  # httpx's exceptions keep the request, and with it the header.

    def test_no_error_repeats_what_was_said(self, provider: Provider):
        prompt = "a long sentence that a user\nsaid in confidence"
        given = answer({"error": f"cannot use '{' '.join(prompt.split())}'"}, 400)
        with pytest.raises(OhInvalidInputError) as caught:
            provider.will(given).client().submit_image("42", prompt)
        assert caught.value.message == "cannot use '[…]'"
