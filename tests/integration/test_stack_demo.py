"""The demo, as a newcomer runs it."""

import os
import subprocess
import sys

import pytest

from tests.stack_fixture import ROOT


def play(output, **variables):
    return subprocess.run(
        [sys.executable, "-m", "local", "demo", "--output", str(output)],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=110,
    )


@pytest.mark.slow
def test_the_demo_plays_to_its_end_and_leaves_the_picture(tmp_path):
    demo = play(tmp_path / "out")

    assert demo.returncode == 0, demo.stdout + demo.stderr
    (picture,) = (tmp_path / "out").glob("*.png")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert str(picture) in demo.stdout.replace("\n", "")
    for step in ("LOGIN", "CHAT 1", "CHAT 2", "CHAT 3", "POST /images", "LOGOUT"):
        assert step in demo.stdout


def test_the_demo_fails_with_a_sentence_when_the_upstream_is_down(tmp_path):
    demo = play(tmp_path / "out", OH_API_BASE_URL="http://127.0.0.1:9", OH_API_KEY="none")

    assert demo.returncode == 1
    assert "The demo failed." in demo.stdout
    assert "Traceback" not in demo.stdout + demo.stderr


def test_the_commands_are_listed():
    listing = subprocess.run(
        [sys.executable, "-m", "local", "--help"], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    ).stdout

    assert all(name in listing for name in ("stack", "demo", "oh-simulator", "trulience-simulator"))
