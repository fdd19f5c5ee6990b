"""Adds byte code to the functions that `sam build` has built.

Usage: ``python -m scripts.compile_functions [BUILD FOLDER]``.
"""

import sys
from pathlib import Path

from scripts.build_target import ROOT, from_environment
from scripts.bytecode import compile_tree


def function_folders(build: Path) -> list[Path]:
    """The code folders of a build: functions that share their code share one."""
    return sorted(folder for folder in build.glob("*Function") if folder.is_dir())


def main(arguments: list[str]) -> int:
    """Compiles each folder; returns the exit code."""
    build = Path(arguments[0]) if arguments else ROOT / ".aws-sam" / "build"
    target = from_environment()
    folders = function_folders(build)
    if not folders:
        print(f"No built function in {build}: run `sam build` first.", file=sys.stderr)
        return 1
    for folder in folders:
        count = compile_tree(folder, version=target.version, runs_at="/var/task")
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        print(f"{folder.name}: {count} modules compiled for {target}, {size / 1024:.0f} KB", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
