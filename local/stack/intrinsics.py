"""CloudFormation's intrinsic functions, as far as a template of this kind needs them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from local.stack.errors import ConfigurationError

NO_VALUE = object()
"""What ``AWS::NoValue`` resolves to; the key or list item that holds it disappears."""

_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]+)\}")


class Resolver:
    """Resolves values of a template.

    Args:
        parameters: Values of the parameters and of the pseudo parameters (``AWS::Region`` …).
        conditions: The template's ``Conditions``, unresolved.
        mappings: The template's ``Mappings``.
        reference: Gives what ``Ref`` of a resource is; raises `KeyError` for an unknown one.
        attribute: Gives what ``Fn::GetAtt`` of a resource is; raises `KeyError` for an unknown one.

    """

    def __init__(
        self,
        parameters: Mapping[str, Any],
        conditions: Mapping[str, Any],
        mappings: Mapping[str, Any],
        reference: Callable[[str], Any],
        attribute: Callable[[str, str], Any],
    ) -> None:
        self._parameters = parameters
        self._conditions = conditions
        self._mappings = mappings
        self._reference = reference
        self._attribute = attribute
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Condition": self.condition,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::Select": lambda argument: self.resolve(argument[1])[int(self.resolve(argument[0]))],
            "Fn::Split": lambda argument: self.resolve(argument[1]).split(self.resolve(argument[0])),
            "Fn::FindInMap": self._find_in_map,
            "Fn::If": lambda argument: self.resolve(argument[1 if self.condition(argument[0]) else 2]),
            "Fn::Equals": lambda argument: _text(self.resolve(argument[0])) == _text(self.resolve(argument[1])),
            "Fn::Not": lambda argument: not self._truth(argument[0]),
            "Fn::And": lambda argument: all(self._truth(part) for part in argument),
            "Fn::Or": lambda argument: any(self._truth(part) for part in argument),
        }

    def resolve(self, value: Any) -> Any:
        """A copy of a value with every intrinsic function in it carried out.

        Raises:
            ConfigurationError: It names something that does not exist, or uses a function that is not known here.
        """
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name in self._functions and (name != "Condition" or isinstance(argument, str)):
                return self._functions[name](argument)
            if str(name).startswith("Fn::"):
                raise ConfigurationError(f"The template uses {name}, which the embedded stack does not know.")
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}

    def condition(self, name: str) -> bool:
        """Whether a named condition of the template holds."""
        if name not in self._conditions:
            raise ConfigurationError(f"The template has no condition {name}.")
        return self._truth(self._conditions[name])

    def _truth(self, value: Any) -> bool:
        return bool(self.resolve(value))

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self._parameters:
            return self._parameters[name]
        try:
            return self._reference(name)
        except KeyError:
            raise ConfigurationError(f"The template refers to {name}, which it does not define.") from None

    def _get_att(self, argument: Any) -> Any:
        logical_id, _, attribute = (
            argument.partition(".") if isinstance(argument, str) else (argument[0], "", argument[1])
        )
        try:
            return self._attribute(logical_id, attribute)
        except KeyError:
            raise ConfigurationError(
                f"The embedded stack does not know the attribute {attribute} of {logical_id}."
            ) from None

    def _sub(self, argument: Any) -> str:
        text, variables = (argument, {}) if isinstance(argument, str) else argument

        def replace(match: re.Match[str]) -> str:
            literal, name = match.groups()
            name = name.strip()
            if literal:
                return "${" + name + "}"
            if name in variables:
                return _text(self.resolve(variables[name]))
            return _text(self._get_att(name) if "." in name else self._ref(name))

        return _PLACEHOLDER.sub(replace, text)

    def _join(self, argument: Any) -> str:
        separator, parts = argument
        return str(separator).join(_text(part) for part in self.resolve(parts))

    def _find_in_map(self, argument: Any) -> Any:
        name, first, second = (_text(self.resolve(part)) for part in argument[:3])
        try:
            return self._mappings[name][first][second]
        except KeyError:
            raise ConfigurationError(f"The template's mapping {name} has no entry {first}, {second}.") from None


def _text(value: Any) -> str:
    """A value as CloudFormation writes it into a string."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(_text(item) for item in value)
    return str(value)
