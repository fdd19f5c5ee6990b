import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from scripts import service_data

DESCRIPTION = {
    "metadata": {"endpointPrefix": "states"},
    "documentation": "<p>Words.</p>",
    "operations": {"Start": {"input": {"shape": "StartInput"}, "documentation": "<p>Words.</p>"}},
    "shapes": {
        "StartInput": {
            "type": "structure",
            "members": {
                "name": {"shape": "Name", "documentation": "<p>Words.</p>"},
                "documentation": {"shape": "Name", "documentation": "<p>Words.</p>"},
            },
        },
        "Name": {"type": "string", "enum": ["documentation"]},
    },
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """botocore's descriptions, with one service that is used and one that is not."""
    for name in ("botocore/data/stepfunctions/2016-11-23", "botocore/data/ec2/2016-11-15", "boto3/data/ec2"):
        (tmp_path / name).mkdir(parents=True)
    data = tmp_path / "botocore" / "data"
    described = gzip.compress(json.dumps(DESCRIPTION).encode())
    (data / "stepfunctions" / "2016-11-23" / "service-2.json.gz").write_bytes(described)
    regions = {"endpoints": {"eu-west-1": {}}}
    listed = {"version": 3, "partitions": [{"partition": "aws", "services": {"states": regions, "ec2": regions}}]}
    (data / "endpoints.json").write_text(json.dumps(listed))
    return data


def described(data: Path) -> Any:
    return json.loads(gzip.decompress((data / "stepfunctions" / "2016-11-23" / "service-2.json.gz").read_bytes()))


def test_only_the_words_are_taken_out_of_a_description(data: Path) -> None:
    service_data.cut_down(data.parents[1], {"stepfunctions"})

    assert described(data) == {
        "metadata": {"endpointPrefix": "states"},
        "documentation": "",
        "operations": {"Start": {"input": {"shape": "StartInput"}, "documentation": ""}},
        "shapes": {
            "StartInput": {
                "type": "structure",
                "members": {
                    "name": {"shape": "Name", "documentation": ""},
                    "documentation": {"shape": "Name", "documentation": ""},
                },
            },
            "Name": {"type": "string", "enum": ["documentation"]},
        },
    }


def test_endpoints_are_kept_for_the_services_that_are_used(data: Path) -> None:
    service_data.cut_down(data.parents[1], {"stepfunctions"})

    listed = json.loads((data / "endpoints.json").read_text())
    assert listed == {
        "version": 3,
        "partitions": [{"partition": "aws", "services": {"states": {"endpoints": {"eu-west-1": {}}}}}],
    }


def test_services_that_are_not_used_are_gone(data: Path) -> None:
    service_data.cut_down(data.parents[1], {"stepfunctions"})

    assert not (data / "ec2").exists()
    assert not (data.parents[1] / "boto3" / "data" / "ec2").exists()


def test_the_same_input_gives_the_same_bytes(data: Path) -> None:
    path = data / "stepfunctions" / "2016-11-23" / "service-2.json.gz"
    service_data.cut_down(data.parents[1], {"stepfunctions"})
    first = path.read_bytes()
    service_data.cut_down(data.parents[1], {"stepfunctions"})

    assert path.read_bytes() == first
