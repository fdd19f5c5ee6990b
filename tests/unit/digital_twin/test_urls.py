import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_twin.urls import is_allowed_url

HOSTS = ["trulience.com", ".Amazonaws.com", " s3.example. "]


@pytest.mark.parametrize(
    "url",
    [
        "https://trulience.com/tglisten",
        "https://TRULIENCE.com/tglisten",
        "https://trulience.com:443/tglisten?x=1",
        "https://trulience.com./tglisten",
        "https://eu.west.trulience.com",
        "https://bucket.s3.eu-west-1.amazonaws.com/k/a@b.png?X-Amz-Signature=0f&X-Amz-Date=20260101T000000Z",
        "https://s3.example/key",
    ],
)
def test_takes_https_on_the_named_hosts_and_below(url):
    assert is_allowed_url(url, HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        "http://trulience.com/",
        "https://trulience.com:8443/",
        "https://trulience.com:80/",
        "https://eviltrulience.com/",
        "https://trulience.com.evil.example/",
        "https://trulience.com@evil.example/",
        "https://user:pass@trulience.com/",
        "https://@trulience.com/",
        "https://evil.example#trulience.com",
        "https://evil.example?trulience.com",
        "https://evil.example\\.trulience.com/",
        "https://evil.example\\@trulience.com/",
        "https://evil.example/.trulience.com",
        "https://trulience.com\n.evil.example/",
        " https://trulience.com/",
        "https://trulience。com/",
        "https://%74rulience.com/",
        "https://evil.example%2f.trulience.com/",
        "https:///trulience.com/",
        "https://.trulience.com/",
        "https://-.trulience.com/",
        "https://a..trulience.com/",
        "//trulience.com/",
        "trulience.com",
        "ftp://trulience.com/",
        "javascript:alert(1)//trulience.com",
        "https://[::1]/",
        "https://[::1/",
        "https://trulience.com:port/",
        "",
        "https://trulience.com/" + "a" * 9000,
        "http://localhost:3000/",
        "https://127.0.0.1/",
    ],
)
def test_refuses_everything_else(url):
    assert not is_allowed_url(url, HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:3000/x",
        "http://127.0.0.1:9/x",
        "https://127.3.2.1/",
        "http://[::1]:8080/",
        "http://LOCALHOST/",
    ],
)
def test_takes_this_machine_where_that_is_wanted(url):
    assert is_allowed_url(url, HOSTS, allow_loopback=True)
    assert not is_allowed_url(url, HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost.evil.example/",
        "http://10.0.0.1/",
        "http://127.0.0.1.evil.example/",
        "http://x@localhost/",
        "http://[::2]/",
    ],
)
def test_this_machine_means_no_other(url):
    assert not is_allowed_url(url, HOSTS, allow_loopback=True)


def test_no_hosts_means_none():
    assert not is_allowed_url("https://trulience.com/", [])
    assert not is_allowed_url("https://trulience.com/", ["", "."])


@given(st.text(max_size=60))
def test_any_text_gets_an_answer(text):
    assert is_allowed_url("https://" + text, ["trulience.com"]) in (True, False)
    assert not is_allowed_url(text, [], allow_loopback=False)


@given(st.from_regex(r"[a-z0-9.@:\\/#?%\[\]-]{0,20}", fullmatch=True))
def test_nothing_before_the_host_makes_another_host_pass(prefix):
    assert not is_allowed_url(f"https://{prefix}evil.example/", ["trulience.com"]) or "trulience.com" in prefix
