"""The pinned requirements: what is tested is what is deployed."""

import re

from tests.template_reading import ROOT

LAYER = ROOT / "layers" / "client"
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)


def pins(text: str) -> set[tuple[str, str]]:
    """Names and versions of a compiled requirements file."""
    return set(PIN.findall(text))


def test_the_layers_versions_are_those_of_development() -> None:
    layer = pins((LAYER / "requirements.txt").read_text(encoding="utf-8"))

    assert layer
    assert layer <= pins((ROOT / "requirements-dev.txt").read_text(encoding="utf-8"))


def test_everything_the_layer_asks_for_is_pinned() -> None:
    wanted = pins((LAYER / "requirements.in").read_text(encoding="utf-8"))

    assert wanted <= pins((LAYER / "requirements.txt").read_text(encoding="utf-8"))


def test_every_package_of_the_layer_is_pinned_by_its_hash() -> None:
    blocks = re.split(r"\n(?=[a-z0-9])", (LAYER / "requirements.txt").read_text(encoding="utf-8"))

    assert all("--hash=sha256:" in block for block in blocks if PIN.match(block))


def test_no_package_index_is_named() -> None:
    for file in (LAYER / "requirements.txt", ROOT / "requirements-dev.txt"):
        assert "index-url" not in file.read_text(encoding="utf-8")
