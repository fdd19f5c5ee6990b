"""Deploys the real template to an emulator of AWS and tries it. Usage: python -m scripts.deploy_check MINISTACK.

It checks what the embedded stack cannot: that `sam build` and `sam deploy` work, that the built layer and functions
load, and that each function's role allows what the function does (the emulator refuses the rest).
"""

import base64
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import httpx

from local.oh_simulator.app import create_app
from local.servers import LocalServer
from scripts.build_target import ROOT, build_target
from scripts.deploy_smoke import CheckFailed, Deployment, smoke_test

STACK = "deploy-check"
REGION = "us-east-1"
START_SECONDS = 60
SAM_SECONDS = 300

# Loopback addresses are for the embedded stack only, and no template allows them. Here too the provider is a simulator
# on this machine, so the one function that downloads from it is told so after the deployment.
DOWNLOADING_FUNCTION = "StoreResultFunction"


# Parts of log lines that tell of no trouble.
QUIET = ('"level":"INFO"', "CloudWatchMetrics", "START RequestId", "END RequestId", "REPORT RequestId", "INIT_START")


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def emulator_environment(port: int, temporary: Path) -> dict[str, str]:
    """The environment of the emulator and of all that calls it; nothing in it leads to a real account."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        # Enforce the policies of the functions' roles.
        "AUTH": "true",
        # It leaves unpacked layers behind: somewhere that is deleted afterwards.
        "TMPDIR": str(temporary),
        "LAYER_BUILD": "native",
        "SAM_CLI_TELEMETRY": "0",
    }


@contextmanager
def running_emulator(command: str, environment: Mapping[str, str], log: Path) -> Iterator[None]:
    """The emulator, serving; it and what it started are ended afterwards.

    Raises:
        CheckFailed: It does not serve within a minute.
    """
    with log.open("w", encoding="utf-8") as sink:
        process = subprocess.Popen(
            [command], env=dict(environment), stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True
        )
        try:
            _await_health(environment["AWS_ENDPOINT_URL"], process)
            yield
        finally:
            _end_group(process)


def _await_health(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"{url}/_ministack/health", timeout=2).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise CheckFailed(f"The emulator does not serve within {START_SECONDS} s.")


def _end_group(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            # Its functions' workers are in its group.
            os.killpg(process.pid, number)
            process.wait(timeout=10)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def sam(environment: Mapping[str, str], *arguments: str) -> None:
    """Runs one command of the SAM CLI with samconfig.toml's environment for the emulator.

    Raises:
        CheckFailed: It failed; what it said is in the message.
    """
    command = [str(Path(sys.executable).parent / "sam"), *arguments]
    command += ["--config-file", str(ROOT / "samconfig.toml"), "--config-env", "ministack"]
    started = time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, env=dict(environment), capture_output=True, text=True, timeout=SAM_SECONDS, check=False
    )
    if done.returncode:
        raise CheckFailed(f"`sam {arguments[0]}` failed:\n{(done.stdout + done.stderr)[-4000:]}")
    print(f"sam {arguments[0]}: {time.monotonic() - started:.0f} s", file=sys.stderr)


def deploy(environment: Mapping[str, str], parameters: Mapping[str, str], build: Path) -> dict[str, str]:
    """Builds and deploys; gives the stack's outputs."""
    overrides = [f"{name}={value}" for name, value in parameters.items()]
    sam(environment, "build", "--build-dir", str(build), "--parameter-overrides", *overrides)
    template = str(build / "template.yaml")
    try:
        sam(environment, "deploy", "--no-progressbar", "--template-file", template, "--parameter-overrides", *overrides)
    except CheckFailed as error:
        raise CheckFailed(f"{error}\n" + "\n".join(_refusals(environment))) from error
    (stack,) = client(environment, "cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def _refusals(environment: Mapping[str, str]) -> Iterator[str]:
    """Why resources could not be made."""
    for event in client(environment, "cloudformation").describe_stack_events(StackName=STACK)["StackEvents"]:
        if event["ResourceStatus"].endswith("_FAILED"):
            yield f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"


def _complaints(environment: Mapping[str, str]) -> Iterator[str]:
    """The warnings and errors that the functions logged."""
    logs = client(environment, "logs")
    for group in logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{STACK}")["logGroups"]:
        lines = [event["message"] for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]]
        # A traceback comes as one event a line.
        told = [line.rstrip()[:2000] for line in lines if not any(quiet in line for quiet in QUIET)]
        if told:
            yield f"{group['logGroupName']}:"
            yield from told[-40:]


def client(environment: Mapping[str, str], service: str) -> Any:
    """A client of one of the emulator's services."""
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=REGION,
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )


def fill_in(environment: Mapping[str, str], outputs: Mapping[str, str], oh_api_key: str) -> Deployment:
    """What an operator does after a deployment: fills in the secret, reads the first partner's key."""
    manager = client(environment, "secretsmanager")
    values = json.loads(manager.get_secret_value(SecretId=outputs["SecretName"])["SecretString"])
    # The emulator overlooks ExcludePunctuation, so its signing secret is none.
    signing_secret = base64.b64encode(secrets.token_bytes(32)).decode()
    values |= {"oh_api_key": oh_api_key, "trulience_api_key": secrets.token_urlsafe()}
    values |= {"webhook_signing_secret": f"whsec_{signing_secret}"}
    manager.put_secret_value(SecretId=outputs["SecretName"], SecretString=json.dumps(values))
    gateway = client(environment, "apigateway")
    key = gateway.get_api_key(apiKey=outputs["PartnerApiKeyId"], includeValue=True)["value"]
    return Deployment(
        api_url=f"{environment['AWS_ENDPOINT_URL']}/restapis/{outputs['ApiId']}/prod/_user_request_",
        trulience_api_key=values["trulience_api_key"],
        partner_api_key=key,
        invoke=lambda logical_id, event: invoke(environment, logical_id, event),
    )


def function_name(environment: Mapping[str, str], logical_id: str) -> str:
    """The name that a function was deployed under."""
    stacks = client(environment, "cloudformation")
    resource = stacks.describe_stack_resource(StackName=STACK, LogicalResourceId=logical_id)
    return str(resource["StackResourceDetail"]["PhysicalResourceId"])


def invoke(environment: Mapping[str, str], logical_id: str, event: dict[str, Any]) -> dict[str, Any]:
    """A function's answer to an event."""
    answer = client(environment, "lambda").invoke(
        FunctionName=function_name(environment, logical_id), Payload=json.dumps(event).encode()
    )
    decoded: dict[str, Any] = json.loads(answer["Payload"].read())
    return decoded


def allow_loopback(environment: Mapping[str, str]) -> None:
    """Lets the function that downloads results take them from this machine."""
    functions = client(environment, "lambda")
    name = function_name(environment, DOWNLOADING_FUNCTION)
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": {**variables, "EMBEDDED_STACK": "true"}}
    )


def allow_http(environment: Mapping[str, str], bucket: str) -> None:
    """Takes the bucket's policy away, which lets nobody in without TLS: the emulator speaks none, and enforces it."""
    client(environment, "s3").delete_bucket_policy(Bucket=bucket)


def check(ministack: str, folder: Path) -> None:
    """The whole check, in a folder of its own.

    Raises:
        CheckFailed: Something did not happen; the message says what.
    """
    environment = emulator_environment(free_port(), folder)
    target = build_target({"LAYER_BUILD": "native"})
    oh_api_key = secrets.token_urlsafe()
    with (
        LocalServer(create_app(api_keys=[oh_api_key])) as simulator,
        running_emulator(ministack, environment, folder / "emulator.log"),
    ):
        parameters = {
            "OhApiBaseUrl": simulator.base_url,
            "CallbackHosts": "localhost",
            "LambdaRuntime": target.runtime,
            "LambdaArchitecture": target.architecture,
        }
        outputs = deploy(environment, parameters, folder / "build")
        deployment = fill_in(environment, outputs, oh_api_key)
        allow_loopback(environment)
        allow_http(environment, outputs["ResultsBucketName"])
        try:
            smoke_test(deployment)
        except CheckFailed as error:
            raise CheckFailed(f"{error}\nWhat the functions logged:\n" + "\n".join(_complaints(environment))) from error


def main(arguments: list[str]) -> int:
    """Runs the check with the emulator named by the first argument; returns the exit code."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="deploy-check-", ignore_cleanup_errors=True) as name:
        try:
            check(arguments[0], Path(name))
        except (CheckFailed, httpx.TransportError, subprocess.SubprocessError) as error:
            log = Path(name) / "emulator.log"
            tail = log.read_text(encoding="utf-8", errors="replace")[-6000:] if log.exists() else ""
            print(f"{tail}\n\nThe deploy check failed: {error}", file=sys.stderr)
            return 1
    print(f"The template deploys and works ({time.monotonic() - started:.0f} s).")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
