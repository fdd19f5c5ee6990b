import importlib.util
import struct
import sys
from pathlib import Path

import pytest

from scripts import bytecode
from scripts.compile_functions import function_folders, main

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
UNCHECKED_HASH = 0b01


def test_this_python_is_found_for_its_own_version() -> None:
    assert bytecode.find_interpreter(HERE) == sys.executable


def test_a_stand_in_that_fails_is_no_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = tmp_path / "python3.99"
    stand_in.write_text("#!/bin/sh\nexit 127\n")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert bytecode.find_interpreter("3.99") is None


def test_compiled_files_are_marked_unchecked_and_name_their_place_in_lambda(tmp_path: Path) -> None:
    (tmp_path / "answer.py").write_text("def answer():\n    return 42\n")

    assert bytecode.compile_tree(tmp_path, version=HERE, runs_at="/var/task") == 1

    compiled = Path(importlib.util.cache_from_source(str(tmp_path / "answer.py"))).read_bytes()
    assert struct.unpack("<I", compiled[4:8])[0] == UNCHECKED_HASH
    assert b"/var/task/answer.py" in compiled
    assert str(tmp_path).encode() not in compiled


def test_without_the_targets_python_the_build_goes_on_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "answer.py").write_text("ANSWER = 42\n")

    assert bytecode.compile_tree(tmp_path, version="3.99", runs_at="/var/task") == 0

    assert "WITHOUT byte code" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.pyc"))


def test_every_built_function_is_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAYER_BUILD", "native")
    for folder in ("FirstFunction", "SecondFunction", "ClientLayer"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "module.py").write_text("VALUE = 1\n")

    assert main([str(tmp_path)]) == 0

    assert [folder.name for folder in function_folders(tmp_path)] == ["FirstFunction", "SecondFunction"]
    assert len(list(tmp_path.rglob("*Function/**/*.pyc"))) == 2
    assert not list((tmp_path / "ClientLayer").rglob("*.pyc"))
    assert "FirstFunction: 1 modules" in capsys.readouterr().err


def test_a_missing_build_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 1
    assert "sam build" in capsys.readouterr().err
