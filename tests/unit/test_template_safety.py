"""What the deployment guards: data at rest, secrets, logs, and who may do what."""

import json
from typing import Any

import pytest

from scripts.layer_checks import OPERATIONS
from tests.template_reading import ROOT, actions, deployed, of_type, references, statements

TABLES = of_type("AWS::DynamoDB::Table")
FUNCTION_ROLES = sorted(f"{name}Role" for name in of_type("AWS::Lambda::Function"))
OUTLIVE_THE_STACK = ("RoomsTable", "JobsTable", "ResultsBucket")

SERVICES = {
    "dynamodb": "dynamodb",
    "s3": "s3",
    "secretsmanager": "secretsmanager",
    "states": "stepfunctions",
    "sts": "sts",
}
"""boto3's names of the services, by their prefix in policies."""


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_encrypted_recoverable_and_billed_by_use(name: str) -> None:
    table = TABLES[name]

    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"


@pytest.mark.parametrize(
    ("name", "attribute"),
    [("SessionsTable", "expires_at"), ("JobsTable", "expires_at"), ("IdempotencyTable", "expiration")],
)
def test_what_should_be_forgotten_is(name: str, attribute: str) -> None:
    assert TABLES[name]["TimeToLiveSpecification"] == {"AttributeName": attribute, "Enabled": True}


def test_rooms_are_never_forgotten() -> None:
    assert "TimeToLiveSpecification" not in TABLES["RoomsTable"]


@pytest.mark.parametrize("name", OUTLIVE_THE_STACK)
def test_memories_and_paid_work_outlive_the_stack(name: str) -> None:
    assert deployed()[name]["DeletionPolicy"] == "Retain"
    assert deployed()[name]["UpdateReplacePolicy"] == "Retain"


def test_the_bucket_is_private_encrypted_and_emptied() -> None:
    bucket = deployed()["ResultsBucket"]["Properties"]
    rules = bucket["LifecycleConfiguration"]["Rules"]

    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert bucket["BucketEncryption"]
    assert any(rule.get("ExpirationInDays") == {"Ref": "JobRetentionDays"} for rule in rules)
    assert any("AbortIncompleteMultipartUpload" in rule for rule in rules)


def test_the_bucket_refuses_requests_without_tls() -> None:
    (statement,) = [
        entry
        for entry in deployed()["ResultsBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
        if entry["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    ]

    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert len(statement["Resource"]) == 2


@pytest.mark.parametrize("name", sorted(of_type("AWS::Lambda::Function")))
def test_a_functions_logs_are_kept_for_a_limited_time(name: str) -> None:
    group = of_type("AWS::Lambda::Function")[name]["LoggingConfig"]["LogGroup"]["Ref"]

    assert deployed()[group]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_every_log_group_has_a_retention() -> None:
    assert all(
        group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in of_type("AWS::Logs::LogGroup").values()
    )


def test_neither_the_api_nor_the_workflow_logs_what_passes_through() -> None:
    (stage,) = of_type("AWS::ApiGateway::Stage").values()
    (machine,) = of_type("AWS::StepFunctions::StateMachine").values()

    assert all(entry["DataTraceEnabled"] is False for entry in stage["MethodSettings"])
    assert all(entry["LoggingLevel"] == "OFF" for entry in stage["MethodSettings"])
    assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False
    written_down = json.loads(stage["AccessLogSetting"]["Format"])
    assert written_down["api_key_id"] == "$context.identity.apiKeyId"
    assert "$context.identity.apiKey" not in written_down.values()


def test_the_api_takes_modern_tls_only() -> None:
    api = deployed()["Api"]["Properties"]

    assert api["SecurityPolicy"].startswith("SecurityPolicy_TLS13_1_2")
    assert api["EndpointAccessMode"] == "STRICT"


def test_the_template_holds_no_secret() -> None:
    secret = deployed()["ApiSecret"]["Properties"]

    assert "SecretString" not in secret
    assert json.loads(secret["GenerateSecretString"]["SecretStringTemplate"]) == {
        "oh_api_key": "",
        "trulience_api_key": "",
    }
    assert all("Value" not in key for key in of_type("AWS::ApiGateway::ApiKey").values())


@pytest.mark.parametrize("file", ["template.yaml", "samconfig.toml", "layers/client/Makefile"])
def test_no_deployment_is_ever_an_embedded_stack(file: str) -> None:
    assert "EMBEDDED_STACK" not in (ROOT / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("role", [*FUNCTION_ROLES, "ResultLinkRole", "ImageJobStateMachineRole"])
def test_a_role_names_each_action_and_each_resource(role: str) -> None:
    for statement in statements(role):
        assert statement["Effect"] == "Allow"
        assert not any("*" in action for action in actions(statement)), statement
        if not all(action.startswith("logs:") for action in actions(statement)):
            resources = statement["Resource"]
            for resource in resources if isinstance(resources, list) else [resources]:
                assert resource != "*", statement
                assert isinstance(resource, dict), statement


def test_functions_share_no_role() -> None:
    roles = [json.dumps(function["Role"]) for function in of_type("AWS::Lambda::Function").values()]

    assert len(set(roles)) == len(roles)


def test_the_layer_is_checked_for_exactly_the_operations_the_policies_allow() -> None:
    allowed: dict[str, set[str]] = {}
    for role in [*FUNCTION_ROLES, "ResultLinkRole"]:
        for action in (action for statement in statements(role) for action in actions(statement)):
            service, _, operation = action.partition(":")
            allowed.setdefault(SERVICES[service], set()).add(operation)

    assert allowed == {service: set(operations) for service, operations in OPERATIONS.items()}


def test_links_are_signed_by_a_role_that_can_do_nothing_else() -> None:
    trust = deployed()["ResultLinkRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    (statement,) = statements("ResultLinkRole")

    assert {name for entry in trust for name in references(entry["Principal"])} == {
        "ImageResultsFunctionRole",
        "NotifyFunctionRole",
    }
    assert actions(statement) == ["s3:GetObject"]
    assert statement["Resource"]["Fn::Sub"].endswith("${ResultsBucket}/results/*")


def test_the_workflow_may_invoke_its_three_tasks_only() -> None:
    invoked: set[str] = set()
    for statement in statements("ImageJobStateMachineRole"):
        if "lambda:InvokeFunction" in actions(statement):
            invoked |= set(references(statement["Resource"]))

    assert invoked == {"CheckJobFunction", "StoreResultFunction", "NotifyFunction"}


def test_secrets_are_read_by_those_that_need_them() -> None:
    readers = {
        role
        for role in FUNCTION_ROLES
        for entry in statements(role)
        if "secretsmanager:GetSecretValue" in actions(entry)
    }
    given: dict[str, Any] = of_type("AWS::Lambda::Function")

    assert readers == {
        f"{name}Role" for name, function in given.items() if "SECRET_ARN" in function["Environment"]["Variables"]
    }
