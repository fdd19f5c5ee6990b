"""Template parameters, overridden by the environment and held to the template's constraints."""

import pytest

from local.stack.errors import ConfigurationError
from local.stack.parameters import is_loopback_url, resolve_parameters, variable_name

DEFINITIONS = {
    "JobDeadlineSeconds": {"Type": "Number", "Default": 300, "MinValue": 10, "MaxValue": 900},
    "Greeting": {"Type": "String", "Default": "Hello!", "MinLength": 1, "MaxLength": 20},
    "LogLevel": {"Type": "String", "Default": "INFO", "AllowedValues": ["DEBUG", "INFO"]},
    "LogRetentionDays": {"Type": "Number", "Default": 30, "AllowedValues": [1, 30]},
    "OhApiBaseUrl": {"Type": "String", "Default": "https://api.oh.xyz", "AllowedPattern": "https://[a-z.]+"},
    "Stage": {
        "Type": "String",
        "Default": "prod",
        "AllowedPattern": "[a-z]+",
        "ConstraintDescription": "Lower-case letters.",
    },
    "Subnets": {"Type": "CommaDelimitedList", "Default": "a, b"},
}


def test_defaults_are_text_and_lists():
    values = resolve_parameters(DEFINITIONS, {})

    assert values["JobDeadlineSeconds"] == "300"
    assert values["Subnets"] == ["a", "b"]


def test_a_variable_overrides_its_parameter():
    values = resolve_parameters(DEFINITIONS, {"JOB_DEADLINE_SECONDS": "12", "GREETING": "Hi", "UNRELATED": "x"})

    assert (values["JobDeadlineSeconds"], values["Greeting"]) == ("12", "Hi")


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("JOB_DEADLINE_SECONDS", "5", "at least 10"),
        ("JOB_DEADLINE_SECONDS", "901", "at most 900"),
        ("JOB_DEADLINE_SECONDS", "soon", "must be a number"),
        ("JOB_DEADLINE_SECONDS", "", "must be a number"),
        ("GREETING", "", "at least 1"),
        ("GREETING", "x" * 21, "at most 20"),
        ("LOG_LEVEL", "debug", "one of 'DEBUG', 'INFO'"),
        ("LOG_RETENTION_DAYS", "2", "one of '1', '30'"),
        ("STAGE", "PROD", "Lower-case letters."),
        ("OH_API_BASE_URL", "http://example.com", "does not match"),
    ],
)
def test_a_broken_constraint_is_refused_with_both_names_and_the_reason(variable, value, words):
    with pytest.raises(ConfigurationError) as refused:
        resolve_parameters(DEFINITIONS, {variable: value})

    message = str(refused.value)
    assert variable in message
    assert words in message
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000", "http://localhost:1", "http://[::1]:80/x"])
def test_an_upstream_on_this_machine_may_be_plain_http(url):
    assert resolve_parameters(DEFINITIONS, {"OH_API_BASE_URL": url})["OhApiBaseUrl"] == url


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "http://127.0.0.1.example.com", "http://[bad", "http://10.0.0.1"])
def test_other_addresses_are_not_loopback(url):
    assert not is_loopback_url(url)


def test_a_parameter_without_default_must_be_given():
    with pytest.raises(ConfigurationError, match="set ALARM_EMAIL"):
        resolve_parameters({"AlarmEmail": {"Type": "String"}}, {})


@pytest.mark.parametrize(
    ("parameter", "variable"),
    [("OhApiBaseUrl", "OH_API_BASE_URL"), ("Stage", "STAGE"), ("MaxResultBytes", "MAX_RESULT_BYTES")],
)
def test_variable_names(parameter, variable):
    assert variable_name(parameter) == variable
