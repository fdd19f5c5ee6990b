"""Faults that only a real connection shows, and the simulators as commands of their own."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from local.oh_simulator import create_app
from local.servers import AbortConnection, LocalServer
from local.trulience_simulator import SpokenSessions, TrulienceClient
from local.trulience_simulator import create_app as create_callback_app

ROOT = Path(__file__).parents[2]
KEY = {"X-API-Key": "secret-key"}
COMMAND = (
    "import argparse, sys; from local.{name} import add_arguments, run; "
    "parser = argparse.ArgumentParser(); add_arguments(parser); sys.exit(run(parser.parse_args()))"
)


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer(create_app(api_keys=["secret-key"])) as server:
        yield server


@pytest.fixture
def client(server: LocalServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.base_url, headers=KEY, timeout=10, trust_env=False) as client:
        yield client


def switch(client: httpx.Client, **switches: Any) -> None:
    client.patch("/_simulator/switches", json=switches).raise_for_status()


def create_room(client: httpx.Client, **more: Any) -> httpx.Response:
    return client.post("/api/v1/rooms", json={"character_id": "1021", "user_id": "ann"}, **more)


def start(name: str, *arguments: str, stdin: int | None = subprocess.DEVNULL) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND.format(name=name), *arguments],
        cwd=ROOT,
        stdin=stdin,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_connections_are_kept(server: LocalServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.connect()
    port = connection.sock.getsockname()[1]
    for body in ("", "not read by a 401"):
        connection.request("POST", "/api/v1/text", body=body)
        assert connection.getresponse().read()
    assert connection.sock is not None
    assert connection.sock.getsockname()[1] == port
    connection.close()


def test_a_reset_is_seen_as_one(client: httpx.Client) -> None:
    switch(client, operations={"rooms": {"faults": [{"kind": "reset"}]}})

    with pytest.raises(httpx.ReadError):
        create_room(client)
    assert create_room(client).status_code == 201


def test_a_hang_is_a_timeout_and_ends_with_its_client(client: httpx.Client) -> None:
    switch(client, operations={"rooms": {"faults": [{"kind": "hang", "after_processing": True}]}})

    with pytest.raises(httpx.ReadTimeout):
        create_room(client, timeout=0.2)
    assert len(client.get("/_simulator/rooms").json()["rooms"]) == 1
    time.sleep(0.5)
    assert client.post("/_simulator/release").json() == {"released": 0}


@pytest.mark.parametrize("part", ["headers", "body"])
def test_dripping_outlasts_a_read_timeout_that_each_byte_renews(client: httpx.Client, part: str) -> None:
    switch(client, operations={"rooms": {"faults": [{"kind": "drip", "part": part, "byte_seconds": 0.01}]}})
    begin = time.monotonic()
    answer = create_room(client, timeout=0.3)

    assert answer.status_code == 201
    assert time.monotonic() - begin > 0.3


@pytest.mark.parametrize("content_length", [True, False])
def test_a_cut_download_is_noticed(client: httpx.Client, content_length: bool) -> None:
    switch(client, jobs={"seconds_to_complete": 0}, results={"cut_downloads": 1, "content_length": content_length})
    job = client.post("/api/v1/images", json={"character_id": "1", "prompt": "a heron"}).json()
    link = client.get(f"/api/v1/jobs/{job['job_id']}/status").json()["url"]

    with pytest.raises(httpx.RemoteProtocolError):
        client.get(link)
    assert client.get(link).content.startswith(b"\x89PNG")


def test_a_server_that_stops_closes_its_connections() -> None:
    server = LocalServer(create_app()).start()
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as idle:
        time.sleep(0.1)
        server.stop()
        assert idle.recv(1) == b""
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", server.port), timeout=1)


def test_a_bug_in_an_application_is_a_500_and_the_server_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(environ: Any, start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/abort":
            raise AbortConnection(reset=False)
        raise RuntimeError("a bug")

    with LocalServer(broken) as server:
        assert httpx.get(server.base_url, trust_env=False).status_code == 500
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(server.base_url + "/abort", trust_env=False)
    assert "a bug" in capsys.readouterr().err


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_oh_simulator_says_when_it_serves_and_ends_cleanly(stop: signal.Signals, tmp_path: Path) -> None:
    switches = tmp_path / "switches.json"
    switches.write_text('{"dialect": {"envelope": "data"}}')
    process = start("oh_simulator", "--api-key", "secret-key", "--switches", str(switches))
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        answer = httpx.get(ready["base_url"] + "/api/v1/customer-library", headers=KEY, trust_env=False)
        page = httpx.get(ready["console_url"], trust_env=False)
        process.send_signal(stop)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.communicate()

    assert ready["ready"] is True
    assert list(answer.json()) == ["data"]
    assert page.headers["Content-Type"].startswith("text/html")


def test_the_oh_simulator_refuses_to_start_with_a_sentence(tmp_path: Path) -> None:
    switches = tmp_path / "switches.json"
    switches.write_text('{"colour": "red"}')
    finished = subprocess.run(
        [sys.executable, "-c", COMMAND.format(name="oh_simulator"), "--switches", str(switches)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (finished.returncode, finished.stdout) == (2, "")
    assert "colour" in finished.stderr


def test_the_trulience_simulator_talks_to_a_webhook_and_hears_late_messages() -> None:
    logins: list[dict[str, Any]] = []

    def webhook(environ: Any, start_response: Any) -> Any:
        event = json.loads(environ["wsgi.input"].read())
        if event["action"] == "LOGIN":
            logins.append(event)
        elif event["action"] == "CHAT":
            message = {"sessionId": event["sessionId"], "message": "a late word"}
            token = {"Authorization": f"Bearer {logins[-1]['authToken']}"}
            httpx.post(logins[-1]["callbackUrl"], json=message, headers=token, trust_env=False).raise_for_status()
        body = json.dumps({"status": "OK", "reply": "", "statusMessage": "Welcome"}).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    with LocalServer(webhook) as server:
        address = f"{server.base_url}/avatars/1021/webhook"
        process = start(
            "trulience_simulator", "--webhook-url", address, "--api-key", "k", "--linger", "0", stdin=subprocess.PIPE
        )
        output, _ = process.communicate("Hello\n", timeout=30)

    assert process.returncode == 0
    assert "late    > a late word" in output
    assert output.count("[0.") == 3


def test_the_two_halves_of_trulience_know_each_others_sessions() -> None:
    sessions = SpokenSessions()
    with LocalServer(create_callback_app(sessions=sessions)) as callbacks:
        seen: list[dict[str, Any]] = []

        def webhook(request: httpx.Request) -> httpx.Response:
            seen.append(json.loads(request.content))
            return httpx.Response(200, json={"status": "OK"})

        transport = httpx.MockTransport(webhook)
        with TrulienceClient(
            "http://x/webhook", "k", callbacks.base_url, sessions=sessions, transport=transport
        ) as trulience:
            session_id = trulience.login().session_id
            token = {"Authorization": f"Bearer {seen[0]['authToken']}"}
            body = {"sessionId": session_id, "message": "hello"}
            answer = httpx.post(seen[0]["callbackUrl"], json=body, headers=token, trust_env=False)
            message = trulience.wait_for_message(session_id, 5)

    assert urlsplit(seen[0]["callbackUrl"]).path == "/tglisten"
    assert answer.status_code == 200
    assert message is not None
    assert message.message == "hello"
