"""The stack's life: how fast it is up, how it ends, what it refuses."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.integration.stack_project import write_project
from tests.stack_fixture import StackRefusedError, launch


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return write_project(tmp_path_factory.mktemp("project"))


def descendants(pid):
    """Process ids of everything that a process started, directly or not."""
    listing = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    children = {}
    for line in listing.splitlines():
        child, parent = map(int, line.split())
        children.setdefault(parent, []).append(child)
    found, waiting = [], [pid]
    while waiting:
        mine = children.get(waiting.pop(), [])
        found += mine
        waiting += mine
    return found


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def is_listening(url):
    parts = urlsplit(url)
    with socket.socket() as client:
        return client.connect_ex((parts.hostname, parts.port)) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_and_leaves_nothing_behind(project, number):
    stack = launch(project)
    everyone = descendants(stack.process.pid)
    urls = [stack.api_url, stack.aws_endpoint_url, stack.oh_simulator_url, stack.trulience_simulator_url]
    assert len(everyone) >= 5
    assert all(is_listening(url) for url in urls)

    exit_code = stack.stop(number)

    assert exit_code == 0
    assert [pid for pid in everyone if alive(pid)] == []
    assert not any(is_listening(url) for url in urls)


def test_nobody_survives_when_it_is_killed(project):
    stack = launch(project)
    everyone = descendants(stack.process.pid)

    stack.stop(signal.SIGKILL)

    deadline = time.monotonic() + 10
    while any(alive(pid) for pid in everyone) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [pid for pid in everyone if alive(pid)] == []


def test_it_can_be_ended_while_it_starts(project):
    process = subprocess.Popen(
        [sys.executable, "-m", "local", "stack", "--project", str(project)],
        env={**os.environ, "LOCAL_PORT": "0"},
        cwd=Path(__file__).resolve().parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(1.0)
    everyone = descendants(process.pid)
    process.send_signal(signal.SIGTERM)

    output, _ = process.communicate(timeout=30)

    assert (process.returncode, output) == (0, b"")
    assert [pid for pid in everyone if alive(pid)] == []


def test_two_run_at_once_and_know_nothing_of_each_other(start_stack, project):
    one, two = start_stack(project), start_stack(project)
    one.aws("s3").put_object(Bucket=one.bucket, Key="only-here", Body=b"1")

    assert one.api_url != two.api_url
    assert httpx.post(f"{one.api_url}/open/x").status_code == httpx.post(f"{two.api_url}/open/x").status_code == 200
    assert two.aws("s3").list_objects_v2(Bucket=two.bucket)["KeyCount"] == 0
    refused = httpx.get(f"{two.api_url}/guarded", headers={"X-API-Key": one.partner_api_keys[0]})
    assert refused.status_code == 403


def test_only_the_announcement_goes_to_standard_output(project):
    stack = launch(project)
    httpx.post(f"{stack.api_url}/open/x", params={"print": "noise"})
    stack.process.send_signal(signal.SIGTERM)

    rest = stack.process.stdout.read()
    stack.stop()

    assert rest == ""


def test_another_upstream_takes_the_simulators_place(start_stack, project):
    stack = start_stack(project, OH_API_BASE_URL="http://127.0.0.1:9", OH_API_KEY="theirs")

    variables = httpx.post(f"{stack.api_url}/open/x").json()["variables"]

    assert variables["UPSTREAM"] == "http://127.0.0.1:9/v1"
    assert stack.announcement["oh_simulator_url"] is None


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"OH_API_BASE_URL": "http://example.com"}, "OH_API_BASE_URL"),
        ({"LOCAL_CONCURRENCY": "none"}, "LOCAL_CONCURRENCY=none"),
    ],
)
def test_a_choice_that_cannot_be_is_refused_with_a_sentence(project, variables, words):
    with pytest.raises(StackRefusedError) as refused:
        launch(project, **variables)

    assert refused.value.exit_code == 2
    assert words in refused.value.errors
    assert "Traceback" not in refused.value.errors


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"JOB_DEADLINE_SECONDS": "5"}, "JobDeadlineSeconds"),
        ({"GREETING": '{"en": '}, "GREETING"),
        ({"IMAGE_READY_MESSAGE": '{"en": 1}'}, "IMAGE_READY_MESSAGE"),
    ],
)
def test_settings_of_the_real_functions_are_checked_at_the_start(variables, words):
    with pytest.raises(StackRefusedError) as refused:
        launch(**variables)

    assert refused.value.exit_code == 2
    assert words in refused.value.errors
    assert "Traceback" not in refused.value.errors


def test_a_port_that_is_taken_is_named(project):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(StackRefusedError) as refused:
            launch(project, LOCAL_PORT=port)

    assert refused.value.exit_code == 1
    assert port in refused.value.errors


def test_a_function_that_does_not_load_is_told(tmp_path):
    project = write_project(tmp_path)
    (project / "functions" / "sample" / "handler.py").write_text("import no_such_module\n", encoding="utf-8")

    with pytest.raises(StackRefusedError) as refused:
        launch(project)

    assert refused.value.exit_code == 1
    assert "no_such_module" in refused.value.errors
