"""``python -m local``: what stands in for the outside world on a developer's machine."""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import Any

_COMMANDS = {
    "stack": ("local.stack.command", "the whole deployment on this machine"),
    "demo": ("local.demo", "a conversation and an image job through the embedded stack"),
    "oh-simulator": ("local.oh_simulator", "a stand-in for the OH API"),
    "trulience-simulator": ("local.trulience_simulator", "a stand-in for Trulience"),
}


def main(arguments: list[str]) -> int:
    """Run one command; gives the exit code. A command's own modules are imported only when it is the one asked for."""
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, (module_name, summary) in _COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        if name == next(iter(arguments), None):
            module: Any = importlib.import_module(module_name)
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    chosen = parser.parse_args(arguments)
    return int(chosen.run(chosen) or 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
