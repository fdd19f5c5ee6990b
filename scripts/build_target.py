"""What the functions and the layer are built for: a Python and a processor."""

import os
import platform
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# The template's own defaults; a unit test holds the two together.
DEFAULT_RUNTIME = "python3.13"
DEFAULT_ARCHITECTURE = "arm64"

_PARAMETERS = {"LambdaRuntime": "LAMBDA_RUNTIME", "LambdaArchitecture": "LAMBDA_ARCHITECTURE"}
_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}


@dataclass(frozen=True)
class BuildTarget:
    """A Lambda runtime to build for.

    Args:
        runtime: Lambda's name of it, such as ``python3.13``.
        architecture: ``arm64`` or ``x86_64``.
        native: Build with whatever this machine's pip gives, for an emulator that runs functions on this machine.
    """

    runtime: str
    architecture: str
    native: bool = False

    @property
    def version(self) -> str:
        """The Python version, such as ``3.13``."""
        return self.runtime.removeprefix("python")

    @property
    def machine(self) -> str:
        """The processor as wheels and `platform.machine` call it."""
        return _MACHINES[self.architecture]

    def runs_here(self, interpreter_version: str) -> bool:
        """Tells whether compiled modules of this target load in this machine's Python of the given version."""
        return self.native or (self.version == interpreter_version and self.machine == platform.machine())

    def __str__(self) -> str:
        return f"{self.runtime} on {self.architecture}" + (" (native)" if self.native else "")


def build_target(environ: Mapping[str, str], samconfig: Path = ROOT / "samconfig.toml") -> BuildTarget:
    """The target of this build.

    ``LAYER_BUILD=native`` means this very machine. Otherwise ``LAMBDA_RUNTIME`` and ``LAMBDA_ARCHITECTURE`` decide,
    then the deployment's ``parameter_overrides`` in samconfig.toml (environment ``CONFIG_ENV``), then the template's
    defaults.

    Raises:
        ValueError: The runtime or the architecture is not one of Lambda's.
    """
    if environ.get("LAYER_BUILD", "cross") == "native":
        here = f"python{sys.version_info.major}.{sys.version_info.minor}"
        architectures = {machine: name for name, machine in _MACHINES.items()}
        return BuildTarget(here, architectures.get(platform.machine(), DEFAULT_ARCHITECTURE), native=True)
    overrides = _overrides(samconfig, environ.get("CONFIG_ENV") or "default")
    runtime = environ.get("LAMBDA_RUNTIME") or overrides.get("LambdaRuntime") or DEFAULT_RUNTIME
    architecture = environ.get("LAMBDA_ARCHITECTURE") or overrides.get("LambdaArchitecture") or DEFAULT_ARCHITECTURE
    if not runtime.startswith("python3.") or architecture not in _MACHINES:
        raise ValueError(f"Cannot build for {runtime} on {architecture}: LambdaRuntime or LambdaArchitecture is wrong.")
    return BuildTarget(runtime, architecture)


def _overrides(samconfig: Path, environment: str) -> dict[str, str]:
    """Parameter overrides of a deployment: SAM takes a list of ``Name=value``, one such string, or a table."""
    if not samconfig.exists():
        return {}
    document = tomllib.loads(samconfig.read_text(encoding="utf-8")).get(environment, {})
    found: dict[str, str] = {}
    for command in ("global", "deploy"):
        value = document.get(command, {}).get("parameters", {}).get("parameter_overrides", [])
        if isinstance(value, dict):
            pairs = [(str(name), str(entry)) for name, entry in value.items()]
        else:
            words = value.split() if isinstance(value, str) else [str(word) for word in value]
            pairs = [(word.partition("=")[0], word.partition("=")[2].strip('"')) for word in words if "=" in word]
        found.update((name, entry) for name, entry in pairs if name in _PARAMETERS)
    return found


def from_environment() -> BuildTarget:
    """The target of this build, by this process's environment."""
    return build_target(os.environ)
