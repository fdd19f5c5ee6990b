"""Integration tests: the embedded stack and its parts as they really run."""

from tests.stack_fixture import embedded_stack, start_stack

__all__ = ["embedded_stack", "start_stack"]
