"""Writes docs/openapi.yaml from the models the functions themselves read and write.

``python -m scripts.generate_openapi`` writes the file; ``--check`` fails where it is not what would be written.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "openapi.yaml"
# The functions' own places in a deployment; here they are directories.
sys.path[:0] = [str(ROOT / "functions"), str(ROOT / "layers" / "client")]

from avatar.models import MessageDelivery, MessageRequest, SessionPage, SessionView  # noqa: E402
from digital_twin.trulience import (  # noqa: E402
    ChatAnswer,
    ChatEvent,
    ErrorAnswer,
    LoginAnswer,
    LoginEvent,
    LogoutAnswer,
    LogoutEvent,
    SessionWebhookEvent,
)
from images.job import ImageRequest  # noqa: E402
from images.job_view import ImageEvent, JobList, JobView  # noqa: E402
from scripts import openapi_avatars, openapi_images  # noqa: E402
from scripts.openapi_answers import ERROR_SCHEMAS  # noqa: E402

Json = dict[str, Any]

TAKEN: tuple[type[BaseModel], ...] = (
    ImageRequest,
    LoginEvent,
    ChatEvent,
    LogoutEvent,
    SessionWebhookEvent,
    MessageRequest,
)
GIVEN: tuple[type[BaseModel], ...] = (
    JobView,
    ImageEvent,
    LoginAnswer,
    ChatAnswer,
    LogoutAnswer,
    ErrorAnswer,
    MessageDelivery,
)
GIVEN_WITH_NULL: tuple[type[BaseModel], ...] = (SessionView, SessionPage, JobList)
"""Answers that write null for what is not there; the others leave it out."""


_PREFIX = "#/components/schemas/"


def schemas() -> Json:
    """All schemas by name: a model that only shows a thing is called after the thing."""
    definitions = _definitions(TAKEN + GIVEN_WITH_NULL)
    definitions.update({name: _without_null(schema) for name, schema in _definitions(GIVEN).items()})
    for name in ("LoginEvent", "ChatEvent", "LogoutEvent"):
        # The word that tells one from the others has a default in Python, but none on the wire.
        definitions[name]["required"] = ["action", *definitions[name]["required"]]
        definitions[name]["properties"]["action"].pop("default", None)
    named = {_name(name): _tidy(schema) for name, schema in definitions.items()}
    return dict(sorted({**named, **ERROR_SCHEMAS}.items()))


def _name(model: str) -> str:
    return model.removesuffix("View")


def _tidy(schema: Any) -> Any:
    """A schema without the titles that repeat its members' names, and with the names used here."""
    if isinstance(schema, list):
        return [_tidy(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: _tidy(value) for key, value in schema.items() if key != "title" or isinstance(value, dict)}
    if "$ref" in out:
        out["$ref"] = _PREFIX + _name(out["$ref"].removeprefix(_PREFIX))
    return out


def _definitions(models: tuple[type[BaseModel], ...]) -> Json:
    # "validation": a default stands for a member that may be missing, which is what answers do with it too.
    _, whole = models_json_schema(
        [(model, "validation") for model in models], by_alias=True, ref_template=_PREFIX + "{model}"
    )
    definitions: Json = whole["$defs"]
    return definitions


def _without_null(schema: Any) -> Any:
    """A schema in which what may be null may only be missing."""
    if isinstance(schema, list):
        return [_without_null(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    out = {name: _without_null(entry) for name, entry in schema.items()}
    if "anyOf" in out and {"type": "null"} in out["anyOf"]:
        rest = [entry for entry in out.pop("anyOf") if entry != {"type": "null"}]
        out = {**rest[0], **out} if len(rest) == 1 else {"anyOf": rest, **out}
        if out.get("default", ...) is None:
            del out["default"]
    return out


def description() -> Json:
    """The whole description."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "OH Digital Twin bundle",
            "version": "1.0.0",
            "description": (
                "Image jobs and avatar sessions of one deployment. Times are ISO 8601 in UTC. "
                "docs/image-jobs.md leads through an image job and shows how to verify a callback."
            ),
        },
        "servers": [
            {
                "url": "https://{api}.execute-api.{region}.amazonaws.com/{stage}",
                "description": "A deployment; the stack's output ApiUrl.",
                "variables": {
                    "api": {"default": "a1b2c3d4e5"},
                    "region": {"default": "us-east-1"},
                    "stage": {"default": "prod"},
                },
            }
        ],
        "security": [{"PartnerKey": []}],
        "tags": [
            {"name": "images", "description": "Image jobs: submit, follow, fetch, be told."},
            {"name": "avatars", "description": "Conversations: Trulience's webhooks, and sessions for partners."},
        ],
        "paths": {**openapi_images.paths(), **openapi_avatars.paths()},
        "components": {
            "schemas": schemas(),
            "securitySchemes": {
                "PartnerKey": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-API-Key",
                    "description": "A partner's key of this deployment.",
                },
                "TrulienceBearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The REST Agent API Key of the avatar's dashboard.",
                },
            },
        },
    }


class _Dumper(yaml.SafeDumper):
    """Writes what is used twice in full each time: anchors are hard to read, and not every tool follows them."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the base class's signature
        return True


def text() -> str:
    """The file's text."""
    body = yaml.dump(description(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return f"# Written by `make openapi` from the models in functions/ and layers/. Do not edit.\n{body}"


def main(arguments: list[str]) -> int:
    """Writes or checks the file; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only tell whether the file is up to date")
    wanted = text()
    if not parser.parse_args(arguments).check:
        TARGET.write_text(wanted, encoding="utf-8")
        return 0
    if TARGET.exists() and TARGET.read_text(encoding="utf-8") == wanted:
        return 0
    print("docs/openapi.yaml is not what the models say: run `make openapi`.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
