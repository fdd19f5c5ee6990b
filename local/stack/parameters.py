"""Template parameters: their defaults, overridden by environment variables of the same name in UPPER_SNAKE_CASE."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from local.stack.errors import ConfigurationError

UPSTREAM_PARAMETER = "OhApiBaseUrl"
"""The one parameter that may break the template's pattern here: an upstream on this machine is plain http."""


def variable_name(parameter: str) -> str:
    """The environment variable of a parameter: ``JOB_DEADLINE_SECONDS`` for ``JobDeadlineSeconds``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", parameter).upper()


def resolve_parameters(definitions: Mapping[str, Mapping[str, Any]], environ: Mapping[str, str]) -> dict[str, Any]:
    """The value of each parameter of a template.

    Args:
        definitions: The template's ``Parameters`` section.
        environ: Where overrides are looked up.

    Returns:
        Strings, as CloudFormation hands them on; a list of strings for a ``CommaDelimitedList``.

    Raises:
        ConfigurationError: A value breaks a constraint of the template, or a parameter has neither default nor value.
    """
    values: dict[str, Any] = {}
    for name, definition in definitions.items():
        variable = variable_name(name)
        if variable in environ:
            text = environ[variable]
            _check(name, variable, text, definition)
        elif "Default" in definition:
            text = _as_text(definition["Default"])
        else:
            raise ConfigurationError(f"The parameter {name} has no default: set {variable}.")
        is_list = definition.get("Type") == "CommaDelimitedList"
        values[name] = [part.strip() for part in text.split(",")] if is_list else text
    return values


def is_loopback_url(url: str) -> bool:
    """Tell whether a URL is http or https on this very machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme not in ("http", "https"):
        return False
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _check(name: str, variable: str, text: str, definition: Mapping[str, Any]) -> None:
    if name == UPSTREAM_PARAMETER and is_loopback_url(text):
        return
    reason = _broken_constraint(text, definition)
    if reason is not None:
        hint = definition.get("ConstraintDescription") or definition.get("Description") or ""
        raise ConfigurationError(
            f"{variable} (parameter {name}) cannot be used: it {reason}. {_one_line(hint)}".rstrip()
        )


def _broken_constraint(text: str, definition: Mapping[str, Any]) -> str | None:
    """What is wrong with a value, as the end of a sentence; None when nothing is."""
    allowed = definition.get("AllowedValues")
    if allowed is not None and text not in [_as_text(value) for value in allowed]:
        return "must be one of " + ", ".join(repr(_as_text(value)) for value in allowed)
    if definition.get("Type") == "Number":
        return _broken_number(text, definition)
    pattern = definition.get("AllowedPattern")
    if pattern is not None and re.fullmatch(pattern, text) is None:
        return f"does not match {pattern}"
    shortest, longest = definition.get("MinLength"), definition.get("MaxLength")
    if shortest is not None and len(text) < int(shortest):
        return f"must have at least {shortest} characters"
    if longest is not None and len(text) > int(longest):
        return f"must have at most {longest} characters"
    return None


def _broken_number(text: str, definition: Mapping[str, Any]) -> str | None:
    if re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)", text) is None:
        return "must be a number"
    least, most = definition.get("MinValue"), definition.get("MaxValue")
    if least is not None and float(text) < float(least):
        return f"must be at least {least}"
    if most is not None and float(text) > float(most):
        return f"must be at most {most}"
    return None


def _one_line(text: str) -> str:
    return " ".join(text.split())
