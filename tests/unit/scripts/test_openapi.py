"""The description of the API is what the models and the template say, and its examples keep to it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from samcli.yamlhelper import yaml_parse

from scripts import generate_openapi
from scripts.openapi_answers import SENTENCES

ROOT = Path(__file__).parents[3]
DESCRIPTION: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text(encoding="utf-8"))
METHODS = {"get", "head", "post", "put", "patch", "delete"}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DESCRIPTION["paths"].items():
        for method, operation in item.items():
            yield path, method, operation
            for callback in operation.get("callbacks", {}).values():
                for there, called in callback.items():
                    yield there, "callback", called["post"]


def contents() -> Iterator[tuple[str, dict[str, Any], Any]]:
    for path, method, operation in operations():
        bodies = {"request": operation.get("requestBody", {}), **operation["responses"]}
        for where, body in bodies.items():
            for content in body.get("content", {}).values():
                for name, example in content.get("examples", {}).items():
                    yield f"{method} {path} {where} {name}", content["schema"], example["value"]


def test_the_file_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert generate_openapi.main(["--check"]) == 0, capsys.readouterr().err


def test_a_file_that_is_not_is_told_from_one_that_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate_openapi, "TARGET", tmp_path / "openapi.yaml")
    assert generate_openapi.main(["--check"]) == 1
    assert "make openapi" in capsys.readouterr().err
    assert generate_openapi.main([]) == 0
    assert generate_openapi.main(["--check"]) == 0


def test_it_describes_exactly_the_routes_of_the_template() -> None:
    template = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    routes = {
        (event["Properties"]["Path"], event["Properties"]["Method"].lower())
        for resource in template["Resources"].values()
        for event in resource.get("Properties", {}).get("Events", {}).values()
        if event["Type"] == "Api"
    }
    described = {(path, method) for path, method, _ in operations() if method in METHODS}
    assert described == routes


@pytest.mark.parametrize(
    ("schema", "example"), [(s, e) for _, s, e in contents()], ids=[name for name, _, _ in contents()]
)
def test_every_example_is_one(schema: dict[str, Any], example: Any) -> None:
    whole = {**schema, "components": DESCRIPTION["components"]}
    jsonschema.Draft202012Validator(whole).validate(example)


def test_names_of_operations_are_their_own() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names))


def test_every_reference_leads_somewhere() -> None:
    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            yield from ([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
            value = list(value.values())
        if isinstance(value, list):
            for entry in value:
                yield from references(entry)

    for reference in references(DESCRIPTION):
        assert reference.removeprefix("#/components/schemas/") in DESCRIPTION["components"]["schemas"], reference


def test_every_code_of_an_image_route_has_its_sentence() -> None:
    sources = [*(ROOT / "functions" / "images").glob("*.py"), ROOT / "functions" / "common" / "errors.py"]
    raised = {code for source in sources for code in re.findall(r'code="(\w+)"', source.read_text())}
    # Codes of failed jobs, which GET shows with status 200.
    of_jobs = {"internal_error", "timeout"}
    assert raised - of_jobs <= set(SENTENCES)
