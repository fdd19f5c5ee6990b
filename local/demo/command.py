"""The demo's command: starts the stack, plays, and shows what happens."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import httpx
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from local.demo.play import PROMPT, DemoError, Latency, Picture, Play
from local.launcher import ROOT, RunningStack, StackRefusedError, launch
from local.servers import LocalServer
from local.trulience_simulator import SpokenSessions, TrulienceClient, create_app

RECOMMENDED_SECONDS = 2.0
"""Within which Trulience recommends that a CHAT is answered."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.add_argument("--output", type=Path, default=ROOT / "demo-output", help="directory for the picture and log")
    parser.add_argument("--character-id", default="1", help="the character to talk to (default: %(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Play the demo; gives 0 when everything happened, 1 when something did not."""
    console = Console(soft_wrap=True, highlight=False)
    output: Path = arguments.output.resolve()
    log = output / "stack.log"
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        output.mkdir(parents=True, exist_ok=True)
        console.print("Starting the embedded stack …")
        stack = launch(log_path=log)
        try:
            picture, latencies = _play(console, stack, arguments.character_id, output)
        finally:
            stack.stop()
    except StackRefusedError as error:
        console.print(
            f"\n[bold red]The demo failed.[/] The embedded stack did not start. It said:\n{escape(error.errors)}"
        )
        return 1
    except (DemoError, httpx.HTTPError, OSError, KeyError, ValueError) as error:
        reason = str(error) if isinstance(error, DemoError) else f"{type(error).__name__}: {error}"
        console.print(f"\n[bold red]The demo failed.[/] {escape(reason)}")
        console.print(f"What the stack reported: {escape(str(log))}")
        return 1
    except KeyboardInterrupt:
        console.print("\nStopped.")
        return 130
    _sum_up(console, picture, latencies)
    return 0


def _play(console: Console, stack: RunningStack, character_id: str, output: Path) -> tuple[Picture, list[Latency]]:
    def say(who: str, text: str) -> None:
        console.print(f"  [{'cyan' if who == 'avatar' else 'green'}]{who:>6}[/]  {escape(text)}")

    console.print(f"Serving {stack.api_url}")
    sessions = SpokenSessions()
    webhook_url = f"{stack.api_url}/avatars/{character_id}/webhook"
    headers = {"X-API-Key": stack.partner_api_keys[0]}
    with (
        LocalServer(create_app(sessions=sessions)) as receiver,
        TrulienceClient(webhook_url, stack.trulience_api_key, receiver.base_url, sessions=sessions) as avatar,
        httpx.Client(base_url=stack.api_url, headers=headers, timeout=35, trust_env=False) as partner,
    ):
        play = Play(avatar, partner, character_id, say)
        console.print("\n[bold]A conversation[/]")
        session_id = play.login()
        play.chat(session_id)
        console.print(f"\n[bold]An image job[/]  {escape(PROMPT)}")
        job_id = play.submit(session_id)
        console.print(f"  job {escape(job_id)}")
        with _progress(console) as show:
            play.wait(job_id, show)
        picture = play.download(job_id, output)
        console.print(f"  stored and fetched: {picture.content_type}, {picture.size} bytes, SHA-256 {picture.sha256}")
        play.hear(session_id)
        play.logout(session_id)
        console.print("\nThe conversation is closed.")
        return picture, play.latencies


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[str, float], None]]:
    """Show a job's state while it runs: moving on a terminal, one line per change elsewhere."""
    if not console.is_terminal:
        seen: list[str] = []

        def show(status: str, seconds: float) -> None:
            if seen[-1:] != [status]:
                seen.append(status)
                console.print(f"  {status} after {seconds:.1f} s")

        yield show
        return
    columns = SpinnerColumn(), TextColumn("  {task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("queued")
        yield lambda status, _seconds: progress.update(task, description=status)


def _sum_up(console: Console, picture: Picture, latencies: list[Latency]) -> None:
    table = Table(title="Latency of each reply", title_justify="left")
    table.add_column("Reply")
    table.add_column("ms", justify="right")
    for latency in latencies:
        slow = latency.step.startswith("CHAT") and latency.seconds > RECOMMENDED_SECONDS
        table.add_row(latency.step, f"{latency.seconds * 1000:.0f}" + (" (slow)" if slow else ""))
    console.print()
    console.print(table)
    console.print(f"\nThe picture: {escape(str(picture.path))}")


def _interrupt(_number: int, _frame: Any) -> NoReturn:
    raise KeyboardInterrupt
