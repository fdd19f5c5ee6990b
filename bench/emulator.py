"""A function under AWS's own runtime client and AWS's runtime interface emulator, without Docker.

The emulator's binary lies in the SAM CLI's package. It takes one event at a time: a second one at once ends it.

The function sees what it would see in Lambda: its code, its layer, the runtime client. Of what is installed for
development it sees nothing, as libraries look around: httpx imports click and rich where they are installed, botocore
awscrt, which together add a third to a start.
"""

import importlib.util
import json
import os
import platform
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import samcli

RUNTIME_CLIENT = ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py")
"""The modules of AWS's runtime client, which Lambda brings along."""

_ARCHITECTURES = {"aarch64": "arm64"}
_START_SECONDS = 10


def emulator_binary() -> Path:
    """Where the emulator of this machine's processor lies."""
    machine = platform.machine()
    name = f"aws-lambda-rie-{_ARCHITECTURES.get(machine, machine)}"
    return Path(samcli.__file__).parent / "local" / "rapid" / name


def link_installed(names: Iterable[str], folder: Path) -> Path:
    """Makes some of the installed top-level modules, and no others, importable from a folder; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"{name} is not installed")
        found = Path(spec.origin)
        found = found.parent if found.name == "__init__.py" else found
        (folder / found.name).symlink_to(found)
    return folder


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Emulator:
    """One execution environment of a function.

    Args:
        handler: The entry point, such as ``avatar.webhook_handler.lambda_handler``.
        path: Folders that modules are imported from, the first one first; the runtime client is in one of them.
        variables: The function's environment variables.
    """

    def __init__(self, handler: str, path: list[Path], variables: Mapping[str, str]) -> None:
        self._handler = handler
        self._path = path
        self._variables = variables

    def __enter__(self) -> "Emulator":
        invoke, runtime = _free_port(), _free_port()
        self._url = f"http://127.0.0.1:{invoke}/2015-03-31/functions/function/invocations"
        self._log = tempfile.TemporaryFile("w+b")
        self._process = subprocess.Popen(
            [
                str(emulator_binary()),
                *("--runtime-interface-emulator-address", f"127.0.0.1:{invoke}"),
                *("--runtime-api-address", f"127.0.0.1:{runtime}"),
                # -S: without the packages of this interpreter.
                *(sys.executable, "-S", "-m", "awslambdaric", self._handler),
            ],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join(map(str, self._path)),
                "PYTHONDONTWRITEBYTECODE": "1",
                "AWS_LAMBDA_FUNCTION_NAME": "bench",
                "AWS_LAMBDA_FUNCTION_TIMEOUT": "60",
                **self._variables,
            },
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", invoke)) == 0:
                    return self
            time.sleep(0.02)
        self.__exit__(None, None, None)
        raise RuntimeError("the runtime interface emulator did not start")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=10)
        self._log.close()

    def invoke(self, event: Mapping[str, Any]) -> tuple[Any, float]:
        """Sends an event; returns the function's answer and the milliseconds it took, seen from outside."""
        body = json.dumps(event).encode()
        request = urllib.request.Request(self._url, data=body, method="POST")
        started = time.perf_counter()
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.loads(response.read())
        return answer, (time.perf_counter() - started) * 1000

    def init_milliseconds(self) -> float | None:
        """How long the first start took, by the emulator's report."""
        for line in self.log().splitlines():
            found = re.search(r"INIT REPORT\(durationMs: ([\d.]+)\)", line)
            if found:
                return float(found[1])
        return None

    def resident_megabytes(self) -> float:
        """Memory of the function's process at its height, in MB (10^6 bytes)."""
        return max((_peak_bytes(child) / 1e6 for child in self._children()), default=0.0)

    def cpu_milliseconds(self) -> float:
        """How long the function's process was being computed, by the threads that still live."""
        threads = [thread for child in self._children() for thread in Path(f"/proc/{child}/task").glob("*/schedstat")]
        return sum(int(thread.read_text().split()[0]) / 1e6 for thread in threads)

    def _children(self) -> list[str]:
        threads = Path(f"/proc/{self._process.pid}/task").glob("*/children")
        return [child for thread in threads for child in thread.read_text().split()]

    def log(self) -> str:
        """All that emulator and function have printed."""
        self._log.flush()
        position = self._log.tell()
        self._log.seek(0)
        text = self._log.read().decode("utf-8", "replace")
        self._log.seek(position)
        return text


def _peak_bytes(process: str) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) * 1024 if found else 0
