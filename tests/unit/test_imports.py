"""Imports point one way, and importing a module touches neither the environment nor AWS."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLACES = {"functions": ROOT / "functions", "layer": ROOT / "layers" / "client"}
OURS = {"avatar", "images", "common", "digital_twin", "local", "scripts"}

MAY_IMPORT = {
    "digital_twin": {"digital_twin"},
    "common": {"common", "digital_twin"},
    "avatar": {"avatar", "common", "digital_twin"},
    # A finished image may be told to an avatar's session.
    "images": {"images", "avatar", "common", "digital_twin"},
}
"""What of ours each package may import."""

NOT_IN_THE_LAYER = {"boto3", "botocore", "aws_lambda_powertools", "s3transfer"}
CONNECTS = ("boto3.", "botocore.session.", "httpx.Client", "httpx.get", "httpx.post", "socket.socket", "socket.create")
RUNTIME_API = "AWS_LAMBDA_RUNTIME_API"
"""The one variable that may be read at import: by the webhook, to register its extension while Lambda starts it."""


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of ours that is deployed, parsed, by its name."""
    found = {}
    for place in PLACES.values():
        for path in sorted(place.rglob("*.py")):
            parts = path.relative_to(place).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return found


@cache
def imports(module: str) -> frozenset[str]:
    """All modules (or members of them) that a module imports, anywhere in it, without those for types only."""
    found: set[str] = set()
    for node in _without_type_checking(modules()[module]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            assert node.module is not None
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def _without_type_checking(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            continue
        yield child
        yield from _without_type_checking(child)


def our_imports(module: str) -> set[str]:
    """The deployed modules that a module imports."""
    return {name for name in imports(module) if name in modules()}


def package(module: str) -> str:
    """The package at the root of a module's name."""
    return module.partition(".")[0]


def test_there_is_something_to_check() -> None:
    assert {package(name) for name in modules()} == set(MAY_IMPORT)


@pytest.mark.parametrize("module", modules())
def test_a_package_imports_only_those_below_it(module: str) -> None:
    used = {package(name) for name in imports(module)} & OURS

    assert used <= MAY_IMPORT[package(module)]


@pytest.mark.parametrize("module", [name for name in modules() if package(name) == "digital_twin"])
def test_the_layer_knows_nothing_of_aws(module: str) -> None:
    assert not {package(name) for name in imports(module)} & NOT_IN_THE_LAYER


def test_nobody_imports_a_handler() -> None:
    importers = {
        module: sorted(name for name in our_imports(module) if name.endswith("_handler")) for module in modules()
    }

    assert {module: names for module, names in importers.items() if names} == {}


@pytest.mark.parametrize("store", [name for name in modules() if name.endswith("_store")])
def test_a_store_imports_no_rules(store: str) -> None:
    """What a store imports of its own feature are models: modules that use no store, and no client."""
    for name in our_imports(store):
        if package(name) == package(store):
            assert not [used for used in our_imports(name) if used.endswith("_store")], name
            assert "common.aws" not in our_imports(name), name


def test_no_two_modules_import_each_other() -> None:
    finished: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path, module))
        if module not in finished:
            for name in sorted(our_imports(module) - {module}):
                # A package's own modules may be reached through its front door and the other way round.
                if not (path and name == package(module)) and not module.startswith(f"{name}."):
                    visit(name, (*path, module))
            finished.add(module)

    for module in modules():
        visit(module, ())


def run_at_import(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes that are carried out when a module is imported: all but the bodies of functions."""
    for child in ast.iter_child_nodes(tree):
        yield child
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            for part in (*child.decorator_list, child.args):
                yield part
                yield from run_at_import(part)
        elif not isinstance(child, ast.Lambda):
            yield from run_at_import(child)


def touches_outside(tree: ast.AST) -> list[str]:
    """What importing a module does to the environment, AWS or the network."""
    found = []
    for node in run_at_import(tree):
        text = ast.unparse(node) if isinstance(node, ast.expr) else ""
        reads_environment = isinstance(node, ast.Attribute | ast.Name) and text in ("os.environ", "environ")
        is_call = isinstance(node, ast.Call)
        called = ast.unparse(node.func) if is_call and isinstance(node, ast.Call) else ""
        makes_client = called.startswith(CONNECTS)
        if reads_environment or makes_client or called in ("os.getenv", "getenv"):
            found.append(f"line {getattr(node, 'lineno', '?')}: {text}")
    return found


@pytest.mark.parametrize("module", modules())
def test_importing_a_module_touches_nothing_outside(module: str) -> None:
    tree = modules()[module]
    if module == "avatar.webhook_handler":
        tree = _without_runtime_api(tree)

    assert touches_outside(tree) == []


def _without_runtime_api(tree: ast.Module) -> ast.Module:
    kept = [node for node in tree.body if not (isinstance(node, ast.If) and RUNTIME_API in ast.unparse(node.test))]
    return ast.Module(kept, [])


@pytest.mark.parametrize(
    "source",
    [
        "import os\nREGION = os.environ['AWS_REGION']",
        "import os\nTABLE = os.getenv('TABLE')",
        "import boto3\nCLIENT = boto3.client('s3')",
        "import boto3\nclass Store:\n    client = boto3.client('s3')",
        "import os\ndef read(name=os.environ['NAME']): ...",
        "import httpx\nCLIENT = httpx.Client()",
    ],
)
def test_what_touches_the_outside_is_recognised(source: str) -> None:
    assert touches_outside(ast.parse(source))


def test_what_waits_for_a_call_is_left_alone() -> None:
    assert (
        touches_outside(ast.parse("import os\ndef read():\n    return os.environ['NAME']\nlater = lambda: os.environ"))
        == []
    )
