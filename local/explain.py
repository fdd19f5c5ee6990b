"""Says in one sentence why data did not fit a model."""

from __future__ import annotations

from pydantic import ValidationError

_SHOWN_PROBLEMS = 5


def explain(error: ValidationError) -> str:
    """Name the first problems of a validation, each with the place it is at."""
    problems = [
        f"{'.'.join(str(part) for part in item['loc']) or 'the body'}: {item['msg']}"
        for item in error.errors(include_url=False, include_input=False)[:_SHOWN_PROBLEMS]
    ]
    return "; ".join(problems)
