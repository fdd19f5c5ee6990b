"""The embedded stack as fixtures, for the integration and the end-to-end tests.

A conftest imports the fixtures it wants from here. `embedded_stack` is one stack for the whole run; `start_stack` gives
a test a stack of its own, with environment variables of its choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.launcher import ROOT, RunningStack, StackRefusedError, launch

__all__ = ["ROOT", "RunningStack", "StackRefusedError", "embedded_stack", "launch", "shared_stack", "start_stack"]

_SHARED = pytest.StashKey[RunningStack]()


def shared_stack(config: pytest.Config) -> RunningStack:
    """The one stack of a test run, started when first asked for and ended with the run."""
    if _SHARED not in config.stash:
        stack = launch()
        config.stash[_SHARED] = stack
        config.add_cleanup(lambda: (stack.stop(), None)[1])
    return config.stash[_SHARED]


@pytest.fixture(scope="session")
def embedded_stack(request: pytest.FixtureRequest) -> RunningStack:
    """One stack for all tests of the run, with the template's own parameters and the simulators."""
    return shared_stack(request.config)


@pytest.fixture
def start_stack() -> Iterator[Callable[..., RunningStack]]:
    """Starts stacks for one test, as `launch` does, and ends them after it."""
    running: list[RunningStack] = []

    def start(project: Path = ROOT, **variables: str) -> RunningStack:
        running.append(launch(project, **variables))
        return running[-1]

    yield start
    for stack in running:
        stack.stop()
