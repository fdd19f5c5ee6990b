"""`python -m local trulience-simulator`: hold a conversation with a webhook, from a keyboard or a script."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from types import FrameType
from typing import NoReturn, TextIO

from local.servers import LocalServer
from local.trulience_simulator.client import TrulienceClient, WebhookAnswer
from local.trulience_simulator.receiver import CALLBACK_PATH, create_app
from local.trulience_simulator.sessions import SpokenMessage, SpokenSessions

RECOMMENDED_SECONDS = 2.0
"""The platform's recommendation for an answer to a CHAT."""

HELP = "Say something, or: /login  /logout  /connect  /disconnect  /wait SECONDS  /help  (end: Ctrl-D)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--webhook-url", required=True, help="the webhook to talk to")
    parser.add_argument("--api-key", metavar="KEY", help="bearer token of the webhook (default: $TRULIENCE_API_KEY)")
    parser.add_argument("--session-events-url", help="where /connect and /disconnect go (default: beside the webhook)")
    parser.add_argument("--user-id", default="local-user", help="who talks (default: %(default)s)")
    parser.add_argument("--locale", default="en-US", help="the user's locale (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port of the callback endpoint; 0 takes any free one")
    parser.add_argument(
        "--callback-base-url", metavar="URL", help="how the webhook reaches the callback endpoint (default: 127.0.0.1)"
    )
    parser.add_argument(
        "--linger",
        type=float,
        default=3.0,
        metavar="SECONDS",
        help="how long to listen for late messages before the last LOGOUT of a script (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Talk until the input ends; give 0 when every event was answered well, 1 when not, 2 when it could not begin."""
    api_key = arguments.api_key or os.environ.get("TRULIENCE_API_KEY")
    if not api_key:
        print("trulience-simulator: give --api-key or set TRULIENCE_API_KEY", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _interrupt)
    sessions = SpokenSessions()
    try:
        server = LocalServer(create_app(sessions=sessions), port=arguments.port)
    except (OSError, OverflowError) as error:
        print(f"trulience-simulator: {error}", file=sys.stderr)
        return 2
    with (
        server,
        TrulienceClient(
            arguments.webhook_url,
            api_key,
            arguments.callback_base_url or server.base_url,
            sessions=sessions,
            session_events_url=arguments.session_events_url,
        ) as client,
    ):
        talk = Talk(client, user_id=arguments.user_id, locale=arguments.locale)
        print(f"Callback endpoint: {arguments.callback_base_url or server.base_url}{CALLBACK_PATH}")
        interactive = sys.stdin.isatty()
        if interactive:
            print(HELP)
        return talk.run(_lines(sys.stdin), linger=0.0 if interactive else arguments.linger)


class Talk:
    """One conversation: LOGIN, a CHAT for each line, LOGOUT; what is said on both sides is printed."""

    def __init__(
        self,
        client: TrulienceClient,
        *,
        user_id: str = "local-user",
        locale: str = "en-US",
        write: Callable[[str], None] | None = None,
    ) -> None:
        self._client = client
        self._user_id = user_id
        self._locale = locale
        self._write = write or (lambda text: print(text, flush=True))
        self._session_id: str | None = None
        self._failures = 0
        client.sessions.listen(self._late)

    def run(self, lines: Iterable[str], *, linger: float = 0.0) -> int:
        """Hold the conversation; `linger` seconds are left for late messages at the end. Gives 0 or 1."""
        try:
            self._login()
            for line in lines:
                if text := line.strip():
                    self._take(text)
            if self._session_id is not None:
                threading.Event().wait(linger)
        except KeyboardInterrupt:
            self._write("")
        finally:
            if self._session_id is not None:
                self._logout()
        return 1 if self._failures else 0

    def _take(self, text: str) -> None:
        command, _, argument = text.partition(" ")
        commands: dict[str, Callable[[], None]] = {
            "/login": self._login,
            "/logout": self._logout,
            "/connect": lambda: self._tell("connect", self._client.session_connect(self._current())),
            "/disconnect": lambda: self._tell("disconnect", self._client.session_disconnect(self._current())),
            "/wait": lambda: _wait(argument),
            "/help": lambda: self._write(HELP),
        }
        if command in commands:
            commands[command]()
        elif self._session_id is None:
            self._write("No session is open: /login opens one.")
        else:
            self._write(f"you     > {text}")
            self._tell("avatar", self._client.chat(self._session_id, text, userId=self._user_id))

    def _current(self) -> str:
        return self._session_id or "no-session"

    def _login(self) -> None:
        if self._session_id is not None:
            self._logout()
        answer = self._client.login(user_id=self._user_id, locale=self._locale)
        self._session_id = answer.session_id
        self._tell("login", answer)

    def _logout(self) -> None:
        if self._session_id is None:
            self._write("No session is open.")
            return
        session_id, self._session_id = self._session_id, None
        self._tell("logout", self._client.logout(session_id))

    def _tell(self, who: str, answer: WebhookAnswer) -> None:
        seconds = f"{answer.latency:.2f} s"
        if not answer.ok:
            self._failures += 1
            words = (answer.problem, *(answer.body.get(key) for key in ("error", "statusMessage", "message")))
            why = next((word for word in words if word), "no explanation")
            self._write(f"{who:8}> FAILED, status {answer.status}: {why}  [{seconds}]")
            return
        if who == "avatar":
            said = str(answer.body.get("reply", "")) or "(nothing yet; a late message may follow)"
            seconds += ", slower than recommended" if answer.latency > RECOMMENDED_SECONDS else ""
        else:
            said = str(answer.body.get("statusMessage", "OK"))
        self._write(f"{who:8}> {said}  [{seconds}]")

    def _late(self, message: SpokenMessage) -> None:
        self._write(f"late    > {message.message}")


def _wait(argument: str) -> None:
    """Listen for so many seconds, at most an hour; one when the number cannot be read."""
    try:
        seconds = float(argument)
    except ValueError:
        seconds = 1.0
    end = time.monotonic() + min(max(seconds, 0.0), 3600.0)
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, 0.5))


def _lines(stream: TextIO) -> Iterable[str]:
    """Give lines as they are typed; iterating over the stream would read ahead."""
    return iter(stream.readline, "")


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
