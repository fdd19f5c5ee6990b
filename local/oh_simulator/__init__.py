"""A simulator of the OH API: it stands in for the provider, which cannot be reached from a developer's machine."""

from local.oh_simulator.app import create_app, simulator_of
from local.oh_simulator.command import add_arguments, run
from local.oh_simulator.simulator import DEFAULT_API_KEY, Simulator
from local.oh_simulator.switches import Fault, Switches

__all__ = [
    "DEFAULT_API_KEY",
    "Fault",
    "Simulator",
    "Switches",
    "add_arguments",
    "create_app",
    "run",
    "simulator_of",
]
