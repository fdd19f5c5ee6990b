import gzip
import json
import sys
from pathlib import Path

import pytest
from botocore.loaders import Loader

from scripts import build_layer, layer_checks
from scripts.build_target import BuildTarget

ARM = BuildTarget("python3.13", "arm64")


def package(python: Path, name: str, version: str = "1.0", requires: tuple[str, ...] = ()) -> None:
    folder = python / f"{name}-{version}.dist-info"
    folder.mkdir(parents=True)
    lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {line}" for line in requires)]
    (folder / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", *lines, "", "text"]))


def elf(path: Path, machine: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x7fELF" + bytes(14) + machine.to_bytes(2, "little"))


def test_a_complete_layer_passes(tmp_path: Path) -> None:
    package(tmp_path, "httpx", requires=("anyio",))
    package(tmp_path, "anyio", "4.0")

    layer_checks.check_requirements(tmp_path, ARM)


@pytest.mark.parametrize("requirement", ["anyio", "anyio>=5; python_version >= '3.12'", "AnyIO[trio]~=5.0"])
def test_a_missing_or_wrong_requirement_is_told(tmp_path: Path, requirement: str) -> None:
    package(tmp_path, "httpx", requires=(requirement,))
    if ">=5" in requirement or "~=" in requirement:
        package(tmp_path, "anyio", "4.0")

    with pytest.raises(layer_checks.LayerError, match="httpx needs"):
        layer_checks.check_requirements(tmp_path, ARM)


def test_requirements_for_others_are_not_missed(tmp_path: Path) -> None:
    package(
        tmp_path,
        "httpx",
        requires=("colorama; sys_platform == 'win32'", "old; python_version < '3.12'", "h2; extra == 'http2'"),
    )

    assert layer_checks.missing_requirements(tmp_path, ARM) == []


def test_modules_of_the_target_pass(tmp_path: Path) -> None:
    elf(tmp_path / "core" / "_core.cpython-313-aarch64-linux-gnu.so", 0xB7)
    elf(tmp_path / "core" / "stable.abi3.so", 0xB7)

    layer_checks.check_binaries(tmp_path, ARM)


@pytest.mark.parametrize(
    ("name", "machine"),
    [("_core.cpython-313-aarch64-linux-gnu.so", 0x3E), ("_core.cpython-311-aarch64-linux-gnu.so", 0xB7)],
    ids=["other processor", "other Python"],
)
def test_modules_of_another_target_are_told(tmp_path: Path, name: str, machine: int) -> None:
    elf(tmp_path / name, machine)

    with pytest.raises(layer_checks.LayerError, match="is not for"):
        layer_checks.check_binaries(tmp_path, ARM)


def test_an_operation_that_was_cut_away_is_told(tmp_path: Path) -> None:
    (tmp_path / "boto3").mkdir()
    (tmp_path / "boto3" / "__init__.py").write_text("raise ImportError('no description of dynamodb')")

    with pytest.raises(layer_checks.LayerError, match="no description of dynamodb"):
        layer_checks.check_operations(tmp_path)


def test_a_package_that_cannot_be_imported_is_told(tmp_path: Path) -> None:
    with pytest.raises(layer_checks.LayerError, match="No module named 'digital_twin'"):
        layer_checks.check_imports(tmp_path, sys.executable)


@pytest.mark.parametrize("service", layer_checks.OPERATIONS)
def test_the_operations_are_ones_that_boto3_knows(service: str) -> None:
    described = Loader().load_service_model(service, "service-2")

    assert set(layer_checks.OPERATIONS[service]) <= set(described["operations"])


def test_pruning_leaves_what_is_used(tmp_path: Path) -> None:
    kept = [
        "botocore/data/endpoints.json",
        "botocore/data/dynamodb/2012-08-10/service-2.json.gz",
        "botocore/data/dynamodb/2012-08-10/paginators-1.json",
        "boto3/data/dynamodb/resources-1.json",
        "httpx-0.28.1.dist-info/METADATA",
        "httpx-0.28.1.dist-info/licenses/LICENSE.md",
        "httpx/__init__.py",
    ]
    cut = [
        "botocore/data/dynamodb/2012-08-10/examples-1.json",
        "botocore/data/ec2/2016-11-15/service-2.json.gz",
        "boto3/data/ec2/resources-1.json",
        "httpx-0.28.1.dist-info/RECORD",
        "httpx/__pycache__/__init__.cpython-311.pyc",
        "h11/tests/test_h11.py",
        "bin/httpx",
    ]
    for name in kept + cut:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    described = gzip.compress(json.dumps({"metadata": {"endpointPrefix": "dynamodb"}}).encode())
    (tmp_path / "botocore/data/dynamodb/2012-08-10/service-2.json.gz").write_bytes(described)
    (tmp_path / "botocore/data/endpoints.json").write_text('{"partitions": []}')

    build_layer.prune(tmp_path, {"dynamodb"})

    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == sorted(kept)


def test_the_report_gives_sizes(tmp_path: Path) -> None:
    (tmp_path / "python" / "httpx").mkdir(parents=True)
    (tmp_path / "python" / "httpx" / "data").write_bytes(bytes(2_500_000))

    report = build_layer.report(tmp_path / "python")

    assert report.startswith("2.5 MB unpacked, 0.0 MB zipped, 0 modules compiled; largest: httpx 2.5 MB")
