"""Builds the client layer. Usage: python -m scripts.build_layer FOLDER (what `make build-ClientLayer` calls).

The folder then holds ``python/``: the pinned requirements as wheels of the target, cut down to what the functions use,
and the package ``digital_twin``, all with byte code.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from scripts import certificates, layer_checks, service_data
from scripts.build_target import ROOT, BuildTarget, from_environment
from scripts.bytecode import compile_tree, find_interpreter

LAYER = ROOT / "layers" / "client"

# Wheels built against an older C library load on a newer one; these are the ages that Amazon Linux 2023 (2.34) takes.
GLIBC_TAGS = ("manylinux2014", "manylinux_2_17", "manylinux_2_28")

# Installers' notes. Licences and names of what is shipped stay.
NEEDLESS_NOTES = ("RECORD", "INSTALLER", "REQUESTED", "WHEEL", "direct_url.json", "entry_points.txt", "top_level.txt")
# The pages that Powertools can serve about an API; ours is described by docs/openapi.yaml.
NEEDLESS_ASSETS = ("aws_lambda_powertools/event_handler/openapi/swagger_ui/*.js", "bin")


def install(target: BuildTarget, requirements: Path, folder: Path) -> None:
    """Installs pinned, hashed requirements into a folder.

    Raises:
        subprocess.CalledProcessError: pip failed: a hash differs, or a package has no wheel for the target.
    """
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    # All that is needed is pinned, so nothing is left to resolve; layer_checks.missing_requirements tells if not.
    command += ["--require-hashes", "--no-deps", "--no-compile", "--only-binary=:all:", "--target", str(folder)]
    if not target.native:
        command += [word for tag in GLIBC_TAGS for word in ("--platform", f"{tag}_{target.machine}")]
        command += ["--implementation", "cp", "--python-version", target.version]
        command += ["--abi", f"cp{target.version.replace('.', '')}", "--abi", "abi3", "--abi", "none"]
    subprocess.run([*command, "--requirement", str(requirements)], check=True)


def prune(folder: Path, services: set[str]) -> None:
    """Removes what the functions never read, above all the descriptions of the AWS services they do not call."""
    service_data.cut_down(folder, services)
    for pattern in NEEDLESS_NOTES:
        _remove(folder.glob(f"*.dist-info/{pattern}"))
    for pattern in NEEDLESS_ASSETS:
        _remove(folder.glob(pattern))
    _remove(path for path in folder.rglob("*") if path.name in ("__pycache__", "tests") and path.is_dir())


def _remove(paths: Iterable[Path]) -> None:
    for path in list(paths):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def add_certificates(folder: Path) -> None:
    """Lays the roots of the layer's certifi out for fast reading; certifi's own file stays for whoever wants it."""
    bundle = folder / certificates.BUNDLE
    certificates.write_hashed(bundle, folder / certificates.HASHED_FOLDER)
    certificates.write_aws_bundle(bundle, folder / certificates.AWS_BUNDLE)


def build(target: BuildTarget, folder: Path) -> Path:
    """Builds the layer into ``folder/python`` and returns that folder.

    Raises:
        subprocess.CalledProcessError: Installing, compiling or checking failed.
        layer_checks.LayerError: The layer lacks something or holds something it must not.
    """
    python = folder / "python"
    with tempfile.TemporaryDirectory(prefix="client-layer-") as scratch:
        staged = Path(scratch) / "python"
        install(target, LAYER / "requirements.txt", staged)
        shutil.copytree(LAYER / "digital_twin", staged / "digital_twin", ignore=shutil.ignore_patterns("__pycache__"))
        prune(staged, set(layer_checks.OPERATIONS))
        add_certificates(staged)
        layer_checks.check_requirements(staged, target)
        layer_checks.check_binaries(staged, target)
        layer_checks.check_operations(staged)
        layer_checks.check_certificates(staged)
        interpreter = find_interpreter(target.version)
        if interpreter and target.runs_here(target.version):
            layer_checks.check_imports(staged, interpreter)
        compile_tree(staged, version=target.version, runs_at="/opt/python")
        python.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(staged, python, dirs_exist_ok=True)
    return python


def report(python: Path) -> str:
    """One line on the layer's size, unpacked and zipped, and its largest parts."""
    files = [path for path in python.rglob("*") if path.is_file()]
    unpacked = sum(path.stat().st_size for path in files)
    parts: dict[str, int] = {}
    for path in files:
        part = path.relative_to(python).parts[0]
        parts[part] = parts.get(part, 0) + path.stat().st_size
    largest = ", ".join(f"{name} {_mb(size)}" for name, size in sorted(parts.items(), key=lambda item: -item[1])[:6])
    with tempfile.TemporaryFile() as archive:
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
            for path in files:
                zipped.write(path, path.relative_to(python.parent))
        packed = archive.seek(0, os.SEEK_END)
    compiled = sum(1 for path in files if path.suffix == ".pyc")
    return f"{_mb(unpacked)} unpacked, {_mb(packed)} zipped, {compiled} modules compiled; largest: {largest}"


def _mb(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB"


def main(arguments: list[str]) -> int:
    """Builds into the folder named by the first argument; returns the exit code."""
    target = from_environment()
    try:
        python = build(target, Path(arguments[0]))
    except (layer_checks.LayerError, subprocess.CalledProcessError) as error:
        print(f"The client layer was not built: {error}", file=sys.stderr)
        return 1
    print(f"Client layer for {target}: {report(python)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
