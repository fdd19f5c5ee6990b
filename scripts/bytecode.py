"""Byte code for Lambda: compiled ahead by the target's own Python, as Lambda's code folders are read-only.

Importing from source costs a cold start two and a half times the time. The files carry a hash in place of a time stamp
and are marked unchecked: time stamps change when an archive is made and unpacked.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_SHOW_VERSION = "import sys; print(f'{sys.version_info.major}.{sys.version_info.minor}')"


def find_interpreter(version: str) -> str | None:
    """A Python of this minor version (``3.13``) on this machine, or None."""
    for candidate in _candidates(version):
        try:
            shown = subprocess.run(
                [candidate, "-c", _SHOW_VERSION], capture_output=True, text=True, timeout=20, check=True
            )
        except (OSError, subprocess.SubprocessError):
            continue
        if shown.stdout.strip() == version:
            return candidate
    return None


def _candidates(version: str) -> Iterator[str]:
    yield sys.executable
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield on_path
    homes = (os.environ.get("PYENV_ROOT", "~/.pyenv") + "/versions", "~/.local/share/uv/python")
    for home in homes:
        for found in sorted(Path(home).expanduser().glob(f"*{version}*/bin/python{version}")):
            yield str(found)


def compile_tree(tree: Path, *, version: str, runs_at: str) -> int:
    """Compiles every module of a folder.

    Args:
        tree: The folder.
        version: The Python version it will run on.
        runs_at: Where the folder will lie in Lambda, for tracebacks.

    Returns:
        How many files were compiled: 0, with a warning, where this machine has no such Python.

    Raises:
        subprocess.CalledProcessError: A module does not compile.
    """
    interpreter = find_interpreter(version)
    if interpreter is None:
        print(
            f"WARNING: no Python {version} on this machine, so {tree} ships WITHOUT byte code: cold starts will take "
            f"about two and a half times as long. Install Python {version} and build again.",
            file=sys.stderr,
        )
        return 0
    options = ["-q", "-f", "--invalidation-mode", "unchecked-hash", "-s", str(tree), "-p", runs_at]
    subprocess.run(
        [interpreter, "-m", "compileall", *options, str(tree)],
        check=True,
        # Sets are compiled in the order of their hashes: a fixed seed gives the same bytes each time.
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    return sum(1 for _ in tree.rglob("*.pyc"))
