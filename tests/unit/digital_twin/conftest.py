"""A provider that answers from a list, so that a test reads as a conversation."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from digital_twin.oh import OhClient

KEY = "oh-key-3f9a2b7c"


def answer(body: Any = None, status: int = 200, **headers: str) -> httpx.Response:
    """An answer with a JSON body."""
    return httpx.Response(
        status, json={} if body is None else body, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


Behaviour = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


@dataclass
class Provider:
    """Answers requests with what it was told, in order, and remembers them. Exceptions among the answers are raised."""

    answers: list[Behaviour] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        assert self.answers, f"one request too many: {request.method} {request.url.path}"
        given = self.answers.pop(0)
        if isinstance(given, Exception):
            raise given
        return given if isinstance(given, httpx.Response) else given(request)

    def will(self, *answers: Behaviour) -> "Provider":
        self.answers.extend(answers)
        return self

    def client(self, **options: Any) -> OhClient:
        options.setdefault("api_key", lambda: KEY)
        return OhClient(
            "https://api.oh.example/", transport=httpx.MockTransport(self), sleep=self.pauses.append, **options
        )

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.requests]

    @property
    def calls(self) -> list[str]:
        return [f"{request.method} {request.url.raw_path.decode()}" for request in self.requests]


@pytest.fixture
def provider() -> Iterator[Provider]:
    """The provider of a test; at the end every answer it was given must have been fetched."""
    scripted = Provider()
    yield scripted
    assert not scripted.answers, "fewer requests than expected"
