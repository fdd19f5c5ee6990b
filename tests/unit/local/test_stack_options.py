"""What the starter of a stack may choose."""

import base64

import pytest

from local.stack.errors import ConfigurationError
from local.stack.options import Options


def test_the_defaults():
    options = Options.read({})

    assert (options.port, options.concurrency, options.upstream, options.quiet) == (8080, 16, None, False)
    assert list(options.partner_keys) == ["partner-1", "partner-2"]


def test_each_start_has_secrets_of_its_own():
    first, second = Options.read({}), Options.read({})

    assert first.trulience_api_key != second.trulience_api_key
    assert set(first.partner_keys.values()).isdisjoint(second.partner_keys.values())
    assert len(base64.b64decode(first.webhook_signing_secret.removeprefix("whsec_"))) == 32


def test_the_environment_decides():
    options = Options.read(
        {
            "LOCAL_PORT": "0",
            "LOCAL_CONCURRENCY": "3",
            "LOCAL_LOG": "quiet",
            "OH_API_BASE_URL": "http://127.0.0.1:9",
            "OH_API_KEY": "k",
            "TRULIENCE_API_KEY": "t",
        }
    )

    assert (options.port, options.concurrency, options.quiet) == (0, 3, True)
    assert (options.upstream, options.oh_api_key, options.trulience_api_key) == ("http://127.0.0.1:9", "k", "t")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOCAL_PORT", "70000"),
        ("LOCAL_PORT", "web"),
        ("LOCAL_CONCURRENCY", "0"),
        ("LOCAL_WARM", "-1"),
        ("LOCAL_LOG", "loud"),
    ],
)
def test_a_choice_that_cannot_be_is_named(name, value):
    with pytest.raises(ConfigurationError, match=name):
        Options.read({name: value})


def test_secrets_do_not_show():
    assert "k-secret" not in repr(Options.read({"OH_API_KEY": "k-secret"}))
