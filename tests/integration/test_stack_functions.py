"""How the stack runs functions: their environment, their crashes, their timeouts, what the AWS endpoint adds."""

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.integration.stack_project import write_project
from tests.stack_fixture import launch


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return write_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def sample(project):
    stack = launch(project, GREETING="HELLO", LOCAL_CONCURRENCY="4", AWS_SESSION_TOKEN="not ours", PRIVATE="not theirs")
    yield stack
    stack.stop()


@pytest.fixture(autouse=True)
def _good_health(sample):
    yield
    sample.mend_aws()


def call(stack, **query):
    return httpx.post(f"{stack.api_url}/open/x", params=query, content=b"{}", timeout=20)


def test_a_function_sees_its_own_environment_and_nothing_of_ours(sample):
    variables = call(sample).json()["variables"]

    assert variables["GREETING"] == "HELLO"
    assert variables["VOLUME"] == "11"
    assert variables["UPSTREAM"] == f"{sample.oh_simulator_url}/v1"
    assert variables["EMBEDDED_STACK"] == "true"
    assert variables["AWS_ENDPOINT_URL"] == sample.aws_endpoint_url
    assert variables["AWS_LAMBDA_FUNCTION_NAME"] == "OpenFunction"
    assert not {"PRIVATE", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API", "HOME"} & set(variables)


def test_the_secret_holds_what_the_stack_announced(sample):
    arn = call(sample).json()["variables"]["SECRET_ARN"]

    value = json.loads(sample.aws("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])

    assert value["trulience_api_key"] == sample.trulience_api_key
    assert value["webhook_signing_secret"] == sample.webhook_signing_secret
    assert value["oh_api_key"]


def test_tables_have_their_indexes_and_expiry(sample):
    name = call(sample).json()["variables"]["THINGS_TABLE"]
    dynamodb = sample.aws("dynamodb")

    table = dynamodb.describe_table(TableName=name)["Table"]
    assert [index["IndexName"] for index in table["GlobalSecondaryIndexes"]] == ["by_owner"]
    expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}


def test_an_environment_keeps_its_state_and_serves_one_event_at_a_time(sample):
    first, second = call(sample).json(), call(sample).json()
    assert (second["pid"], second["calls"]) == (first["pid"], first["calls"] + 1)

    with ThreadPoolExecutor(3) as threads:
        answers = [future.result() for future in [threads.submit(call, sample, sleep="0.3") for _ in range(3)]]
    assert len({answer.json()["pid"] for answer in answers}) == 3


def test_beyond_the_concurrency_events_wait(sample):
    with ThreadPoolExecutor(8) as threads:
        answers = [future.result() for future in [threads.submit(call, sample, sleep="0.2") for _ in range(8)]]

    assert [answer.status_code for answer in answers] == [200] * 8
    assert sample.invocations()["OpenFunction"]["environments"] <= 4


def test_work_goes_on_after_the_answer(sample, tmp_path):
    path = tmp_path / "late.txt"

    assert call(sample, late=str(path)).status_code == 200
    assert not path.exists()

    deadline = time.monotonic() + 5
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert path.exists()


@pytest.mark.parametrize("trouble", [{"exit": "3"}, {"error": "boom"}])
def test_a_crash_is_a_502_and_the_next_request_is_fine(sample, trouble):
    response = call(sample, **trouble)

    assert (response.status_code, response.json()) == (502, {"message": "Internal server error"})
    assert call(sample).status_code == 200


def test_a_crash_leaves_other_events_alone(sample):
    with ThreadPoolExecutor(2) as threads:
        slow = threads.submit(call, sample, sleep="0.5")
        crashed = threads.submit(call, sample, exit="1")

        assert crashed.result().status_code == 502
        assert slow.result().status_code == 200


def test_a_function_that_overruns_its_timeout_is_ended(sample):
    url, headers = f"{sample.api_url}/guarded", {"X-API-Key": sample.partner_api_keys[0]}
    before = httpx.get(url, headers=headers).json()

    begin = time.monotonic()
    response = httpx.get(url, headers=headers, params={"sleep": "4"}, timeout=20)

    assert response.status_code == 502
    assert 0.9 < time.monotonic() - begin < 2.5
    assert before["left"] <= 1000
    after = httpx.get(url, headers=headers).json()
    assert after["pid"] != before["pid"]


def test_a_kill_from_outside_is_survived(sample):
    os.kill(call(sample).json()["pid"], signal.SIGKILL)

    assert [call(sample).status_code for _ in range(4)] == [200] * 4


def test_what_functions_print_goes_to_standard_error(sample):
    call(sample, print="a line of the function")

    deadline = time.monotonic() + 5
    while "a line of the function" not in sample.read_log() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert "a line of the function" in sample.read_log()


def invoke(stack, payload, **more):
    return stack.aws("lambda").invoke(FunctionName="WorkFunction", Payload=json.dumps(payload).encode(), **more)


def test_functions_can_be_invoked_at_the_aws_endpoint(sample):
    answer = invoke(sample, {"id": "1"})
    assert json.loads(answer["Payload"].read())["id"] == "1"
    assert "FunctionError" not in answer

    assert invoke(sample, {"id": "1"}, InvocationType="Event")["StatusCode"] == 202
    with pytest.raises(ClientError) as refused:
        sample.aws("lambda").invoke(FunctionName="NoSuchFunction")
    assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_an_error_of_a_function_is_told_as_lambda_tells_it(sample):
    answer = invoke(sample, {"tired": True})

    error = json.loads(answer["Payload"].read())
    assert answer["FunctionError"] == "Unhandled"
    assert (error["errorType"], error["errorMessage"]) == ("TooTired", "no")


def test_a_function_can_be_killed_in_the_middle(sample):
    assert sample.kill("WorkFunction") == "armed"

    answer = invoke(sample, {"id": "1", "sleep": 2})

    assert json.loads(answer["Payload"].read())["errorType"] == "Runtime.ExitError"
    assert "FunctionError" not in invoke(sample, {"id": "2"})


@pytest.mark.parametrize(
    ("given", "status", "error"),
    [
        ({"id": "from-machine"}, "SUCCEEDED", None),
        ({"id": "x", "tired": True}, "FAILED", "Tired"),
        ({"id": "x", "broken": True}, "FAILED", "Broken"),
    ],
)
def test_the_state_machine_runs_the_functions_and_catches_by_class(sample, given, status, error):
    states = sample.aws("stepfunctions")
    arn = states.start_execution(
        stateMachineArn=sample.state_machine_arn, name=status + str(error), input=json.dumps(given)
    )["executionArn"]

    deadline = time.monotonic() + 20
    while (execution := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.05)

    assert (execution["status"], execution.get("error")) == (status, error)


def test_aws_services_fail_on_demand(sample):
    storage = sample.aws("s3")
    sample.break_aws("s3", "GetObject", status=403, times=1)

    storage.put_object(Bucket=sample.bucket, Key="key", Body=b"content")
    with pytest.raises(ClientError) as refused:
        storage.get_object(Bucket=sample.bucket, Key="key")

    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    assert storage.get_object(Bucket=sample.bucket, Key="key")["Body"].read() == b"content"


def test_aws_services_are_late_on_demand(sample):
    sample.break_aws("s3", "HeadBucket", status=0, latency_seconds=0.4, times=1)

    begin = time.monotonic()
    sample.aws("s3").head_bucket(Bucket=sample.bucket)

    assert time.monotonic() - begin >= 0.4


def test_the_front_adds_little(sample):
    """Twenty milliseconds for a request that costs under one leaves room for a busy machine."""
    with httpx.Client(base_url=sample.api_url) as client:
        client.post("/open/x", content=b"{}")
        times = []
        for _ in range(50):
            begin = time.perf_counter()
            client.post("/open/x", content=b"{}")
            times.append(time.perf_counter() - begin)

    assert sorted(times)[25] < 0.02
