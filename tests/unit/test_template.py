"""The deployment as described: parameters, functions, routes, and what they need of each other."""

import json
import re
from typing import Any

import pytest

from common import settings
from scripts import build_target
from tests.template_reading import ROOT, TEMPLATE, defaults, deployed, of_type, references, written

PARAMETERS = written()["Parameters"]
FUNCTIONS = of_type("AWS::Lambda::Function")

SETTINGS: dict[str, tuple[type[settings.Settings], ...]] = {
    "AvatarWebhookFunction": (settings.WebhookSettings, settings.UpstreamSettings),
    "AvatarSessionsFunction": (settings.SessionsSettings,),
    "ImageSubmissionFunction": (settings.SubmissionSettings, settings.UpstreamSettings),
    "ImageResultsFunction": (settings.ResultsSettings,),
    "CheckJobFunction": (settings.CheckSettings, settings.UpstreamSettings),
    "StoreResultFunction": (settings.StoreSettings,),
    "NotifyFunction": (settings.NotifySettings, settings.UpstreamSettings),
}
"""What each function reads from its environment."""

DOCUMENTED_DEFAULTS = {
    "Stage": "prod",
    "OhApiBaseUrl": "https://api.oh.xyz",
    "ChatDeadlineSeconds": "1.6",
    "JobDeadlineSeconds": "300",
    "SessionTtlSeconds": "7200",
    "JobRetentionDays": "30",
    "ResultLinkSeconds": "900",
    "MaxResultBytes": "52428800",
    "CallbackHosts": "trulience.com",
    "ResultHosts": "amazonaws.com",
    "FillerReply": "",
    "PartnerRateLimit": "10",
    "PartnerBurstLimit": "20",
    "PartnerMonthlyQuota": "100000",
    "LogLevel": "INFO",
    "LogRetentionDays": "30",
    "AlarmEmail": "",
    "LambdaArchitecture": "arm64",
    "LambdaRuntime": "python3.13",
    "WebhookProvisionedConcurrency": "0",
    "Tracing": "Disabled",
}

WITHOUT_KEY = {
    ("/avatars/{character_id}/webhook", "post"),
    ("/avatars/{character_id}/session-events", "post"),
}
"""Trulience sends a bearer token in place of a key."""

ROUTES = WITHOUT_KEY | {
    ("/avatars/{character_id}/sessions", "get"),
    ("/sessions/{session_id}", "get"),
    ("/sessions/{session_id}", "delete"),
    ("/sessions/{session_id}/messages", "post"),
    ("/images", "post"),
    ("/images", "get"),
    ("/images", "head"),
    ("/images/{job_id}", "get"),
    ("/images/{job_id}", "head"),
    ("/images/{job_id}/content", "get"),
    ("/images/{job_id}/content", "head"),
    ("/images/{job_id}/notifications", "post"),
}


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    """The API's operations by path and method."""
    paths = deployed()["Api"]["Properties"]["Body"]["paths"]
    return {(path, method): entry for path, methods in paths.items() for method, entry in methods.items()}


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_says_what_it_is_and_refuses_nonsense(name: str) -> None:
    parameter = PARAMETERS[name]

    assert len(parameter["Description"]) > 20
    assert "Default" in parameter
    if "AllowedValues" in parameter or "AllowedPattern" in parameter:
        return
    bounds = ("MinValue", "MaxValue") if parameter["Type"] == "Number" else ("MaxLength",)
    assert all(bound in parameter for bound in bounds)


def test_defaults_are_the_documented_ones() -> None:
    actual = defaults()

    assert {name: actual[name] for name in DOCUMENTED_DEFAULTS} == DOCUMENTED_DEFAULTS


def test_every_parameter_is_shown_in_one_group() -> None:
    groups = written()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [name for group in groups for name in group["Parameters"]]

    assert sorted(shown) == sorted(PARAMETERS)


def test_every_parameter_is_used() -> None:
    used = set(references([written()["Resources"], written()["Globals"], written()["Conditions"]]))

    assert set(PARAMETERS) <= used


@pytest.mark.parametrize("name", SETTINGS)
def test_a_function_gets_the_settings_it_reads_and_no_others(name: str) -> None:
    given = set(FUNCTIONS[name]["Environment"]["Variables"])
    read = {field.upper() for model in SETTINGS[name] for field in model.model_fields} - {"EMBEDDED_STACK"}

    assert {variable for variable in given if not variable.startswith(("POWERTOOLS_", "PYDANTIC_"))} == read


@pytest.mark.parametrize("name", SETTINGS)
def test_the_default_settings_are_valid(name: str) -> None:
    parameters = defaults()
    values = {
        variable.lower(): parameters.get(value["Ref"], "a-resource")
        if isinstance(value, dict) and "Ref" in value
        else "x"
        for variable, value in FUNCTIONS[name]["Environment"]["Variables"].items()
    }

    for model in SETTINGS[name]:
        model.model_validate(values)


def test_all_functions_are_known_here() -> None:
    assert set(FUNCTIONS) == set(SETTINGS)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_function_is_the_handler_of_its_module_on_the_chosen_runtime(name: str) -> None:
    function = FUNCTIONS[name]
    module, _, handler = function["Handler"].rpartition(".")

    assert handler == "lambda_handler"
    assert module.endswith("_handler")
    assert function["Runtime"] == {"Ref": "LambdaRuntime"}
    assert function["Architectures"] == [{"Ref": "LambdaArchitecture"}]
    assert function["Description"]


@pytest.mark.parametrize("name", sorted(set(SETTINGS) - {"AvatarWebhookFunction"}))
def test_a_function_behind_the_api_answers_before_the_api_gives_up(name: str) -> None:
    behind_api = any(name in json.dumps(operation) for operation in operations().values())

    assert FUNCTIONS[name]["Timeout"] <= (29 if behind_api else 120)


def test_the_webhook_outlives_its_latest_late_reply() -> None:
    longest_deadline = PARAMETERS["ChatDeadlineSeconds"]["MaxValue"]
    late_seconds = 25

    assert FUNCTIONS["AvatarWebhookFunction"]["Timeout"] >= longest_deadline + late_seconds + 5


def test_the_webhooks_published_version_follows_every_parameter_it_was_made_from() -> None:
    function = FUNCTIONS["AvatarWebhookFunction"]
    # Its layer and code publish a version by themselves; its role and log group are not part of a version's behaviour.
    outside = {"ClientLayer", "AvatarWebhookFunctionRole", "AvatarWebhookLogGroup", "AWS::StackName"}
    configured = {name for name in references(function) if not name.startswith("ClientLayer")} - outside
    (version,) = of_type("AWS::Lambda::Version").values()

    assert set(references(version["Description"])) == {"WebhookSettings"}
    content = deployed()["WebhookSettings"]["Properties"]["Content"]
    assert configured | {"Tracing"} == set(references(content))


def test_warm_environments_are_off_until_asked_for() -> None:
    (alias,) = of_type("AWS::Lambda::Alias").values()

    assert alias["ProvisionedConcurrencyConfig"]["Fn::If"][0] == "HasProvisionedConcurrency"
    assert alias["ProvisionedConcurrencyConfig"]["Fn::If"][2] == {"Ref": "AWS::NoValue"}


def test_the_api_has_the_documented_routes() -> None:
    assert set(operations()) == ROUTES


def test_every_route_but_trulience_s_needs_a_key() -> None:
    keyless = {route for route, operation in operations().items() if {"api_key": []} not in operation["security"]}

    assert keyless == WITHOUT_KEY


def test_routes_without_a_key_are_throttled_by_the_stage() -> None:
    (stage,) = of_type("AWS::ApiGateway::Stage").values()
    throttled = {
        (entry["ResourcePath"].replace("~1", "/").replace("//", "/"), entry["HttpMethod"].lower())
        for entry in stage["MethodSettings"]
        if "ThrottlingRateLimit" in entry and "ThrottlingBurstLimit" in entry
    }

    assert throttled == WITHOUT_KEY


def test_partner_keys_are_throttled_and_counted() -> None:
    (plan,) = of_type("AWS::ApiGateway::UsagePlan").values()

    assert plan["Throttle"] == {"RateLimit": {"Ref": "PartnerRateLimit"}, "BurstLimit": {"Ref": "PartnerBurstLimit"}}
    assert plan["Quota"] == {"Limit": {"Ref": "PartnerMonthlyQuota"}, "Period": "MONTH"}
    assert len(plan["ApiStages"]) == 1


def test_the_workflow_is_given_every_name_its_definition_uses() -> None:
    machine = written()["Resources"]["ImageJobStateMachine"]["Properties"]
    definition = (ROOT / machine["DefinitionUri"]).read_text(encoding="utf-8")

    assert set(re.findall(r"\$\{(\w+)\}", definition)) == set(machine["DefinitionSubstitutions"])


def test_no_resource_waits_for_itself() -> None:
    resources = deployed()
    needs = {
        name: set(references([entry.get("Properties", {}), [{"Ref": needed} for needed in _depends_on(entry)]]))
        & set(resources)
        for name, entry in resources.items()
    }
    made: set[str] = set()
    while ready := {name for name in set(needs) - made if needs[name] <= made}:
        made |= ready

    assert set(needs) - made == set()


def _depends_on(entry: dict[str, Any]) -> list[str]:
    named = entry.get("DependsOn", [])
    return [named] if isinstance(named, str) else named


def test_alarms_watch_metrics_that_the_functions_write() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "functions").rglob("*.py"))
    alarms = json.dumps(of_type("AWS::CloudWatch::Alarm"))
    own = set(re.findall(r"SUM\((\w+)\)", alarms)) | {
        alarm["MetricName"]
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
        if isinstance(alarm.get("Namespace"), dict)
    }

    assert len(own) == 2
    assert {name for name in own if f'"{name}"' not in code} == set()


def test_the_build_targets_the_templates_defaults() -> None:
    assert PARAMETERS["LambdaRuntime"]["Default"] == build_target.DEFAULT_RUNTIME
    assert PARAMETERS["LambdaArchitecture"]["Default"] == build_target.DEFAULT_ARCHITECTURE


def test_every_resource_says_what_it_is_for() -> None:
    lines = TEMPLATE.read_text(encoding="utf-8").splitlines()
    start, end = lines.index("Resources:"), lines.index("Outputs:")
    silent = [
        lines[number].strip(" :")
        for number in range(start, end)
        if re.fullmatch(r"  \w+:", lines[number]) and not lines[number - 1].startswith("  # ")
    ]

    assert silent == []


def test_outputs_are_described() -> None:
    assert all(output["Description"] for output in written()["Outputs"].values())
