"""Settings: complete, typed, and when they are not, a sentence that names the parameter and says why."""

from typing import Any

import pytest

from common import settings
from common.settings import SessionsSettings, Settings, SettingsError, WebhookSettings
from tests.template_reading import written
from tests.unit.common.conftest import MODELS

WEBHOOK = {
    "SESSIONS_TABLE": "sessions",
    "ROOMS_TABLE": "rooms",
    "SESSION_TTL_SECONDS": "7200",
    "CALLBACK_HOSTS": "trulience.com",
    "CHAT_DEADLINE_SECONDS": "1.6",
    "GREETING": '{"default": "Hello.", "de": "Hallo."}',
    "GREETING_RETURNING": "Welcome back.",
    "APOLOGY_REPLY": "Sorry.",
    "MODERATED_REPLY": "No.",
    "FILLER_REPLY": "",
}


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in WEBHOOK.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_settings_are_read_by_type(webhook: pytest.MonkeyPatch) -> None:
    read = settings.read(WebhookSettings)
    assert (read.sessions_table, read.session_ttl_seconds, read.chat_deadline_seconds) == ("sessions", 7200, 1.6)
    assert read.callback_hosts == ("trulience.com",)
    assert read.greeting.for_locale("de-AT") == "Hallo."
    assert read.filler_reply.for_locale("de") == ""
    assert read.embedded_stack is False


def test_settings_are_read_once(webhook: pytest.MonkeyPatch) -> None:
    first = settings.read(WebhookSettings)
    webhook.setenv("SESSIONS_TABLE", "other")
    assert settings.read(WebhookSettings) is first


@pytest.mark.parametrize("name", sorted(WEBHOOK))
def test_a_missing_setting_is_named(webhook: pytest.MonkeyPatch, name: str) -> None:
    webhook.delenv(name)
    parameter = "".join(word.capitalize() for word in name.split("_"))
    with pytest.raises(SettingsError, match=rf"The setting {name} \(parameter {parameter}\) is missing\."):
        settings.read(WebhookSettings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SESSIONS_TABLE", ""),
        ("ROOMS_TABLE", ""),
        ("CALLBACK_HOSTS", ""),
        ("CALLBACK_HOSTS", " , ,"),
        ("SESSION_TTL_SECONDS", ""),
        ("SESSION_TTL_SECONDS", "0"),
        ("SESSION_TTL_SECONDS", "soon"),
        ("SESSION_TTL_SECONDS", "1.5"),
        ("CHAT_DEADLINE_SECONDS", "0.2"),
        ("CHAT_DEADLINE_SECONDS", "11"),
        ("CHAT_DEADLINE_SECONDS", "nan"),
        ("GREETING", '{"de": "Hallo."}'),
        ("APOLOGY_REPLY", '{"default": "Sorry."'),
        ("MODERATED_REPLY", '{"default": 5}'),
        ("EMBEDDED_STACK", "perhaps"),
    ],
)
def test_an_unusable_setting_is_named_with_the_reason(webhook: pytest.MonkeyPatch, name: str, value: str) -> None:
    webhook.setenv(name, value)
    with pytest.raises(SettingsError, match=rf"The setting {name} .* cannot be used: .+"):
        settings.read(WebhookSettings)


def test_every_trouble_is_told_at_once(webhook: pytest.MonkeyPatch) -> None:
    webhook.delenv("ROOMS_TABLE")
    webhook.setenv("GREETING", "{")
    with pytest.raises(SettingsError) as failure:
        settings.read(WebhookSettings)
    assert "RoomsTable" in str(failure.value)
    assert "Greeting" in str(failure.value)


def test_hosts_are_read_as_people_write_them(webhook: pytest.MonkeyPatch) -> None:
    webhook.setenv("CALLBACK_HOSTS", " Trulience.com. , eu.example ,")
    assert settings.read(SessionsSettings).callback_hosts == ("trulience.com", "eu.example")


def _variables_of_functions() -> set[str]:
    template: dict[str, Any] = written()
    names = set(template["Globals"]["Function"]["Environment"]["Variables"])
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            names |= set(resource["Properties"].get("Environment", {}).get("Variables", {}))
    return names


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_the_template_sets_each_variable_a_model_needs(model: type[Settings]) -> None:
    needed = {name.upper() for name, field in model.model_fields.items() if field.is_required()}
    assert needed <= _variables_of_functions()


def test_no_template_sets_what_is_for_the_embedded_stack_alone() -> None:
    assert "EMBEDDED_STACK" not in _variables_of_functions()
