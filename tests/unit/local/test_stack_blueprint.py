"""What the stack reads from the project's own template."""

import json
import re
from pathlib import Path

import pytest

from local.stack import template
from local.stack.blueprint import Blueprint
from local.stack.errors import ConfigurationError
from local.stack.parameters import resolve_parameters

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def build(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", template.REGION)

    def build(**variables):
        source = template.load(ROOT / "template.yaml")
        parameters = resolve_parameters(source["Parameters"], variables)
        return Blueprint(template.transform(source, parameters, ROOT), parameters)

    return build


def test_every_handler_of_the_template_exists(build):
    for function in build().functions():
        module = function.handler.rpartition(".")[0]
        assert (ROOT / "functions" / (module.replace(".", "/") + ".py")).is_file(), function.handler


def test_the_webhook_needs_no_key_and_the_partner_routes_do(build):
    required = {(route.method, route.resource): route.key_required for route in build().routes()}

    assert required["POST", "/avatars/{character_id}/webhook"] is False
    assert required["POST", "/images"] is True
    assert required["GET", "/images/{job_id}"] is True


def test_each_route_leads_to_a_function_of_the_template(build):
    blueprint = build()

    assert {route.function for route in blueprint.routes()} <= {function.name for function in blueprint.functions()}


def test_a_published_version_still_leads_to_its_function(build):
    blueprint = build(WEBHOOK_PROVISIONED_CONCURRENCY="2")

    functions = {route.function for route in blueprint.routes() if route.resource.endswith("/webhook")}
    assert functions <= {function.name for function in blueprint.functions()}


def test_a_parameter_reaches_the_functions_that_use_it(build):
    settings = [function.environment for function in build(JOB_DEADLINE_SECONDS="12").functions()]

    assert {
        environment["JOB_DEADLINE_SECONDS"] for environment in settings if "JOB_DEADLINE_SECONDS" in environment
    } == {"12"}


def test_every_variable_of_a_function_is_text_without_unresolved_references(build):
    for function in build().functions():
        for name, value in function.environment.items():
            assert isinstance(value, str)
            assert "${" not in value, f"{function.name}: {name}"


def test_tables_keep_keys_indexes_and_expiry(build):
    tables = {table["TableName"].rpartition("-")[2]: table for table in build().tables()}

    assert [key["AttributeName"] for key in tables["SessionsTable"]["KeySchema"]] == ["session_id", "character_id"]
    assert tables["JobsTable"]["GlobalSecondaryIndexes"][0]["IndexName"] == "by_partner"
    assert tables["IdempotencyTable"]["TimeToLiveSpecification"]["AttributeName"] == "expiration"
    assert "TimeToLiveSpecification" not in tables["RoomsTable"]


def test_the_definition_is_json_with_every_name_filled_in(build):
    (machine,) = build().machines()

    assert json.loads(machine.definition)["StartAt"]
    assert not re.search(r"\$\{[A-Za-z]+\}", machine.definition)


def test_a_secret_has_the_arn_it_was_created_with(build):
    blueprint = build()
    ((logical_id, _),) = blueprint.secrets()
    blueprint.names.created(logical_id, "arn:created")

    assert {function.environment.get("SECRET_ARN", "arn:created") for function in blueprint.functions()} == {
        "arn:created"
    }


def test_a_template_that_is_missing_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"template\.yaml cannot be read"):
        template.load(tmp_path / "template.yaml")


def test_a_template_that_is_not_valid_is_refused(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", template.REGION)
    source = {"Resources": {"F": {"Type": "AWS::Serverless::Function", "Properties": {"Runtime": "python3.13"}}}}

    with pytest.raises(ConfigurationError, match="Handler"):
        template.transform(source, {}, ROOT)
