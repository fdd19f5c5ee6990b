"""How fast a CHAT is answered over HTTP, by an instant OH API and by one that is far too slow."""

import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from bench.wait import wait_until
from local.launcher import RunningStack, launch

TURNS = 300
SLOW_CHATS = 8
SLOW_SECONDS = 4.0


def run() -> Iterator[dict[str, Any]]:
    """Measures warm CHATs one after the other, then eight slow ones at once."""
    stack = launch(LOCAL_LOG="quiet", LOCAL_WARM=str(SLOW_CHATS))
    try:
        yield {"benchmark": "embedded_stack_start", "seconds": round(stack.seconds_to_start, 1)}
        yield _warm(stack)
        yield _slow(stack)
    finally:
        stack.stop()


def _warm(stack: RunningStack) -> dict[str, Any]:
    _latency(stack, 0)
    with _client(stack) as api:
        _login(stack, api, "bench-warm")
        upstream_before = len(_text_requests(stack))
        took = sorted(_chat(api, "bench-warm") for _ in range(TURNS))
        asked = len(_text_requests(stack)) - upstream_before
    return {
        "benchmark": "chat_warm",
        "turns": TURNS,
        "p50_ms": round(statistics.median(took), 1),
        "p90_ms": round(took[int(TURNS * 0.9)], 1),
        "p99_ms": round(took[int(TURNS * 0.99)], 1),
        "upstream_calls_per_turn": round(asked / TURNS, 2),
    }


def _slow(stack: RunningStack) -> dict[str, Any]:
    deadline_ms = 1600.0
    with _client(stack) as api:
        sessions = [f"bench-slow-{number}" for number in range(SLOW_CHATS)]
        for session in sessions:
            _login(stack, api, session)
        with ThreadPoolExecutor(SLOW_CHATS) as pool:
            list(pool.map(lambda session: _chat(api, session), sessions))
            _latency(stack, SLOW_SECONDS)
            took = sorted(pool.map(lambda session: _chat(api, session), sessions))
        wait_until(lambda: _spoken(stack, sessions) >= SLOW_CHATS, 30)
        _latency(stack, 0)
    return {
        "benchmark": "chat_slow_upstream",
        "chats_at_once": SLOW_CHATS,
        "upstream_seconds": SLOW_SECONDS,
        "deadline_ms": deadline_ms,
        "slowest_answer_ms": round(took[-1], 1),
        "over_deadline_ms": round(max(0.0, took[-1] - deadline_ms), 1),
        "spoken_late": _spoken(stack, sessions),
    }


def _client(stack: RunningStack) -> httpx.Client:
    return httpx.Client(
        base_url=f"{stack.api_url}/avatars/7",
        headers={"Authorization": f"Bearer {stack.trulience_api_key}"},
        timeout=30,
    )


def _login(stack: RunningStack, api: httpx.Client, session_id: str) -> None:
    token = f"token-of-{session_id}"
    httpx.post(
        f"{stack.trulience_simulator_url}/_simulator/sessions", json={"session_id": session_id, "auth_token": token}
    ).raise_for_status()
    event = {
        "action": "LOGIN",
        "sessionId": session_id,
        "userId": f"user-of-{session_id}",
        "authToken": token,
        "callbackUrl": f"{stack.trulience_simulator_url}/tglisten",
        "locale": "en-US",
    }
    api.post("/webhook", json=event).raise_for_status()


def _chat(api: httpx.Client, session_id: str) -> float:
    """Sends a CHAT; returns the milliseconds until its answer."""
    event = {"action": "CHAT", "sessionId": session_id, "message": "What do you see from your window?"}
    began = time.perf_counter()
    api.post("/webhook", json=event).raise_for_status()
    return (time.perf_counter() - began) * 1000


def _latency(stack: RunningStack, seconds: float) -> None:
    httpx.patch(
        f"{stack.oh_simulator_url}/_simulator/switches", json={"operations": {"text": {"latency_seconds": seconds}}}
    ).raise_for_status()


def _text_requests(stack: RunningStack) -> list[Any]:
    answer = (
        httpx.get(f"{stack.oh_simulator_url}/_simulator/requests", params={"limit": 10_000}).raise_for_status().json()
    )
    requests = answer["requests"] if isinstance(answer, dict) else answer
    return [request for request in requests if request["path"].endswith("/text")]


def _spoken(stack: RunningStack, sessions: list[str]) -> int:
    """How many late replies arrived for these sessions."""
    answer = httpx.get(f"{stack.trulience_simulator_url}/_simulator/messages").raise_for_status().json()
    messages = answer["messages"] if isinstance(answer, dict) else answer
    return sum(1 for message in messages if message["session_id"] in sessions)
