"""Starts and warm invocations of the webhook function, under AWS's runtime client and interface emulator.

The function runs from a build of this machine's kind: the pruned layer and byte code, as a deployment has them. AWS and
the OH API answer at once, over plain HTTP on this machine, so that the figures are the function's own. The runs of the
compared functions are interleaved: times drift, ratios within one run hold. `cpu_ms` (start and first invocation)
leaves out what the function waited for, other processes of this machine included.

It is compared with a function that does nothing (`empty`), with AWS's quick start (`hello`; `traced` has the tracer as
well, which the webhook's goal of 1.4 counts in) and with everything the bundle uses imported and built at once
(`eager`, whose start and first invocation together the webhook should halve).
"""

import json
import os
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.emulator import RUNTIME_CLIENT, Emulator, link_installed
from bench.instant import BEARER, InstantWorld
from local.stack import template
from local.stack.blueprint import Blueprint
from local.stack.function_environments import environment_spec
from local.stack.parameters import resolve_parameters
from scripts.build_layer import LAYER, build, install
from scripts.build_target import ROOT, build_target
from scripts.bytecode import compile_tree

STARTS = 10
WARM_INVOCATIONS = 200
WARM_UP = 10
_FUNCTION = "AvatarWebhookFunction"


@dataclass
class _Subject:
    """A function to start, and what came out."""

    handler: str
    variables: Mapping[str, str]
    event: Callable[[], Mapping[str, Any]]
    path: list[Path]
    init: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)


def run() -> Iterator[dict[str, Any]]:
    """Builds, starts each function ten times in turn, then invokes each warm."""
    world = InstantWorld()
    world.start()
    scratch = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        task, layer, uncut = _build(scratch)
        runtime = link_installed(RUNTIME_CLIENT, scratch / "runtime")
        tracer = link_installed(("aws_xray_sdk", "wrapt"), scratch / "tracer")
        path = [task, layer, runtime]
        variables = _variables(world.url)
        subjects = {
            "empty": _Subject("hello.empty.lambda_handler", variables, _chat, path),
            "hello": _Subject("hello.app.lambda_handler", variables, _chat, path),
            "traced": _Subject("hello.traced.lambda_handler", variables, _chat, [*path, tracer]),
            "eager": _Subject("hello.eager.lambda_handler", variables, _chat, [task, uncut, runtime, tracer]),
            "webhook": _Subject("avatar.webhook_handler.lambda_handler", variables, _chat, path),
        }
        for _ in range(STARTS):
            # In another order each time: what one leaves behind must not always burden the same next one.
            for subject in random.sample(list(subjects.values()), len(subjects)):
                _start(subject)
        for subject in subjects.values():
            world.calls.clear()
            _warm(subject)
        calls = {name: round(count / (WARM_UP + WARM_INVOCATIONS), 2) for name, count in world.calls.items()}
        yield from _report(subjects)
        yield {"benchmark": "calls_per_warm_chat", **calls}
    finally:
        world.stop()
        shutil.rmtree(scratch, ignore_errors=True)


def _build(scratch: Path) -> tuple[Path, Path, Path]:
    """Builds functions and layer for this machine; returns their folders, and one with the packages as they come."""
    target = build_target({"LAYER_BUILD": "native"})
    layer = build(target, scratch / "layer")
    uncut = scratch / "uncut"
    install(target, LAYER / "requirements.txt", uncut)
    task = scratch / "task"
    shutil.copytree(ROOT / "functions", task, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "bench" / "hello", task / "hello", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in (uncut, task):
        compile_tree(folder, version=target.version, runs_at="/var/task")
    return task, layer, uncut


def _variables(url: str) -> dict[str, str]:
    """The webhook function's environment, from the template, with AWS and the OH API at `url`."""
    # The transformation asks for a region, whatever it may be.
    os.environ.setdefault("AWS_DEFAULT_REGION", template.REGION)
    source = template.load(ROOT / "template.yaml")
    parameters = resolve_parameters(source["Parameters"], {})
    parameters["OhApiBaseUrl"] = url
    blueprint = Blueprint(template.transform(source, parameters, ROOT), parameters)
    function = next(function for function in blueprint.functions() if function.name.endswith(_FUNCTION))
    spec = environment_spec(function, ROOT, url, quiet=True)
    return {name: value for name, value in spec.variables.items() if name not in ("PATH", "PYTHONPATH", "_HANDLER")}


def _chat() -> dict[str, Any]:
    """A CHAT as API Gateway hands it over, received now."""
    event: dict[str, Any] = json.loads((ROOT / "events" / "avatar" / "webhook_chat.json").read_text(encoding="utf-8"))
    event["requestContext"]["requestTimeEpoch"] = int(time.time() * 1000)
    headers = {**event["headers"], "Authorization": f"Bearer {BEARER}"}
    event["headers"] = headers
    event["multiValueHeaders"] = {name: [value] for name, value in headers.items()}
    return event


def _start(subject: _Subject) -> None:
    with Emulator(subject.handler, subject.path, subject.variables) as emulator:
        answer, took = emulator.invoke(subject.event())
        if answer.get("statusCode") != 200:
            raise RuntimeError(f"{subject.handler} answered {answer}: {emulator.log()[-2000:]}")
        subject.init.append(emulator.init_milliseconds() or float("nan"))
        subject.first.append(took)
        subject.cpu.append(emulator.cpu_milliseconds())
        subject.memory.append(emulator.resident_megabytes())


def _warm(subject: _Subject) -> None:
    with Emulator(subject.handler, subject.path, subject.variables) as emulator:
        for _ in range(WARM_UP):
            emulator.invoke(subject.event())
        subject.warm = [emulator.invoke(subject.event())[1] for _ in range(WARM_INVOCATIONS)]


def _report(subjects: Mapping[str, _Subject]) -> Iterator[dict[str, Any]]:
    init = {name: statistics.median(subject.init) for name, subject in subjects.items()}
    first = {name: statistics.median(subject.first) for name, subject in subjects.items()}
    cpu = {name: statistics.median(subject.cpu) for name, subject in subjects.items()}
    warm = {name: statistics.median(subject.warm) for name, subject in subjects.items()}
    for name, subject in subjects.items():
        yield {
            "benchmark": "cold_start",
            "function": name,
            "starts": STARTS,
            "init_ms": round(init[name], 1),
            "init_ratio_to_hello": round(init[name] / init["hello"], 2),
            "init_ratio_to_traced": round(init[name] / init["traced"], 2),
            "init_and_first_invoke_ms": round(first[name], 1),
            "init_and_first_invoke_ratio_to_eager": round(first[name] / first["eager"], 2),
            "cpu_ms": round(cpu[name], 1),
            "cpu_ratio_to_traced": round(cpu[name] / cpu["traced"], 2),
            "peak_memory_mb": round(statistics.median(subject.memory), 1),
            "warm_p50_ms": round(warm[name], 2),
            "warm_above_empty_ms": round(warm[name] - warm["empty"], 2),
        }
