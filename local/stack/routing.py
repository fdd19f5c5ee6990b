"""Finding the route of a request, as API Gateway does: the most specific one wins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from local.stack.blueprint import RouteSpec


@dataclass(frozen=True)
class Match:
    """A route that fits a request, with the path's parameters, decoded."""

    route: RouteSpec
    parameters: dict[str, str]


class RouteTable:
    """All routes of an API.

    Args:
        routes: The routes, in any order.
        stage: The stage's name. Paths may start with it, as in a deployment, or not, as behind a custom domain.

    """

    def __init__(self, routes: Iterable[RouteSpec], stage: str) -> None:
        self._stage = f"/{stage}"
        templates: dict[str, list[RouteSpec]] = {}
        for route in routes:
            templates.setdefault(route.resource, []).append(route)
        split = [(tuple(resource.strip("/").split("/")), methods) for resource, methods in templates.items()]
        self._resources = sorted(split, key=lambda item: [_rank(segment) for segment in item[0]])

    def without_stage(self, path: str) -> str:
        """The path without the stage in front, if it is there."""
        if path == self._stage:
            return "/"
        return path.removeprefix(self._stage) if path.startswith(self._stage + "/") else path

    def find(self, method: str, path: str) -> Match | None:
        """The route that a request goes to: of the most specific resource that fits, or none.

        Args:
            method: The HTTP method.
            path: The path as sent, still percent-encoded, without the stage.

        """
        segments = path.removeprefix("/").split("/")
        for template, routes in self._resources:
            parameters = _fit(template, segments)
            if parameters is not None:
                answering = {route.method: route for route in routes}
                route = answering.get(method) or answering.get("ANY")
                return Match(route, parameters) if route else None
        return None


def _rank(segment: str) -> int:
    """Text goes before a parameter, a parameter before one that takes the rest."""
    if not segment.startswith("{"):
        return 0
    return 2 if segment.endswith("+}") else 1


def _fit(template: tuple[str, ...], segments: list[str]) -> dict[str, str] | None:
    parameters: dict[str, str] = {}
    for index, wanted in enumerate(template):
        if wanted.endswith("+}") and len(segments) > index:
            parameters[wanted[1:-2]] = unquote("/".join(segments[index:]))
            return parameters
        if index >= len(segments) or not segments[index]:
            return None
        if wanted.startswith("{"):
            parameters[wanted[1:-1]] = unquote(segments[index])
        elif wanted != unquote(segments[index]):
            return None
    return parameters if len(template) == len(segments) else None
