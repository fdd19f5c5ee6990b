"""The partners' guide: its examples do what it says."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.image_jobs import Partner, Provider, Received, Receiver
from tests.stack_fixture import RunningStack

GUIDE = (Path(__file__).parents[2] / "docs" / "image-jobs.md").read_text(encoding="utf-8")
MAKE_PICTURE, VERIFY = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
CURL, OPENSSL = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)


@pytest.fixture
def provider(embedded_stack: RunningStack) -> Iterator[Provider]:
    provider = Provider(embedded_stack)
    provider.reset()
    yield provider
    provider.reset()


@pytest.fixture
def run(embedded_stack: RunningStack, tmp_path: Path) -> Callable[..., str]:
    """Runs an example in a directory of its own; gives what it printed."""

    def start(*command: str, **variables: str) -> str:
        partner = {"API_URL": embedded_stack.api_url, "API_KEY": embedded_stack.partner_api_keys[0]}
        environment = {**os.environ, **partner, **variables}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return start


def test_the_python_example_makes_a_picture(provider: Provider, run: Callable[..., str], tmp_path: Path) -> None:
    printed = run(sys.executable, "-c", MAKE_PICTURE)
    picture = (tmp_path / "picture.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert printed.split() == [provider.jobs()[0]["job_id"], "image/png", str(len(picture))]


def test_the_python_example_pays_once_through_trouble(provider: Provider, run: Callable[..., str]) -> None:
    # More failures than the deployment itself repeats, so that the example has to.
    provider.fault("images", *[{"status": 503, "retry_after": 1}] * 4)
    run(sys.executable, "-c", MAKE_PICTURE)
    assert len(provider.jobs()) == 1


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_the_curl_example_makes_a_picture(provider: Provider, run: Callable[..., str], tmp_path: Path) -> None:
    example = CURL.replace("order-A-17", f"guide-{time.time_ns()}")
    printed = run("sh", "-e", "-c", example)
    assert printed.strip() == f"completed: {provider.jobs()[0]['job_id']}"
    assert (tmp_path / "picture").read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def delivery(embedded_stack: RunningStack, provider: Provider) -> Received:
    """A callback as a partner receives it."""
    provider.set(jobs={"outcome": "failed"})
    with Receiver.serve() as receiver:
        Partner(embedded_stack).begin(callback_url=receiver.url)
        return receiver.wait(1)[0]


@pytest.fixture
def verify() -> Callable[..., bool]:
    example: dict[str, Any] = {}
    exec(compile(VERIFY, "image-jobs.md", "exec"), example)
    checked: Callable[..., bool] = example["verify"]
    return checked


def test_the_examples_verify_a_callback_and_nothing_else(
    embedded_stack: RunningStack,
    delivery: Received,
    verify: Callable[..., bool],
    run: Callable[..., str],
    tmp_path: Path,
) -> None:
    secret, headers, body = embedded_stack.webhook_signing_secret, delivery.headers, delivery.body
    assert verify(secret, headers, body)
    assert verify(secret, {**headers, "webhook-signature": f"v1,AAAA {headers['webhook-signature']}"}, body)
    assert not verify(secret, headers, body + b" ")
    assert not verify("whsec_" + "A" * 44, headers, body)
    for name, value in (
        ("webhook-id", "msg_other"),
        ("webhook-timestamp", str(int(time.time()) - 301)),
        ("webhook-timestamp", "soon"),
        ("webhook-signature", headers["webhook-signature"].replace("v1,", "v2,")),
        ("webhook-signature", "v1,ü"),
    ):
        assert not verify(secret, {**headers, name: value}, body)

    (tmp_path / "body").write_bytes(body)
    names = {"WEBHOOK_SECRET": secret, "WEBHOOK_ID": headers["webhook-id"]}
    printed = run("sh", "-e", "-c", OPENSSL, **names, WEBHOOK_TIMESTAMP=headers["webhook-timestamp"])
    assert f"v1,{printed.strip()}" == headers["webhook-signature"]


def test_the_guide_knows_every_code_a_job_fails_with() -> None:
    root = Path(__file__).parents[2]
    texts = [path.read_text() for path in (root / "functions" / "images").glob("*.py")]
    texts.append((root / "statemachines" / "image_job.asl.json").read_text())
    codes = set(
        re.findall(r'(?:_failed\(|ResultRefusedError\(|_refused\(|return |code=)\s*"([a-z]+_[a-z_]+)"', " ".join(texts))
    )
    codes |= set(re.findall(r'"code": "([a-z_]+)"', texts[-1])) - {"none"}
    missing = {code for code in codes if f"`{code}`" not in GUIDE}
    # Codes of refused requests stand in the API's description.
    described = (root / "docs" / "openapi.yaml").read_text(encoding="utf-8")
    assert {code for code in missing if f"code: {code}" not in described} == set()
