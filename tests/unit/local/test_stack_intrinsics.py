"""CloudFormation's intrinsic functions."""

import pytest

from local.stack.errors import ConfigurationError
from local.stack.intrinsics import Resolver

NAMES = {"Table": "table-1"}
ATTRIBUTES = {("Table", "Arn"): "arn:table-1", ("Table", "Stream.Arn"): "arn:stream"}


@pytest.fixture
def resolver():
    return Resolver(
        {"Stage": "prod", "Count": "0", "Hosts": ["a", "b"]},
        {
            "IsProd": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]},
            "HasNone": {"Fn::Equals": [{"Ref": "Count"}, 0]},
            "Both": {"Fn::And": [{"Condition": "IsProd"}, {"Condition": "HasNone"}]},
            "Neither": {"Fn::Not": [{"Fn::Or": [{"Condition": "IsProd"}, {"Condition": "HasNone"}]}]},
        },
        {"Sizes": {"prod": {"memory": 512}}},
        lambda name: NAMES[name],
        lambda name, attribute: ATTRIBUTES[name, attribute],
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "Stage"}, "prod"),
        ({"Ref": "Table"}, "table-1"),
        ({"Fn::GetAtt": ["Table", "Arn"]}, "arn:table-1"),
        ({"Fn::GetAtt": "Table.Stream.Arn"}, "arn:stream"),
        ({"Fn::Sub": "${Stage}/${Table}/${Table.Arn}/${!Kept}"}, "prod/table-1/arn:table-1/${Kept}"),
        ({"Fn::Sub": ["${Own}-${Stage}", {"Own": {"Ref": "Count"}}]}, "0-prod"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Stage"}]]}, "a-prod"),
        ({"Fn::Join": [",", {"Ref": "Hosts"}]}, "a,b"),
        ({"Fn::Select": ["1", {"Ref": "Hosts"}]}, "b"),
        ({"Fn::Select": [0, {"Fn::Split": ["/", "x/y"]}]}, "x"),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Stage"}, "memory"]}, 512),
        ({"Fn::If": ["IsProd", "yes", "no"]}, "yes"),
        ({"Fn::If": ["Both", 1, 2]}, 1),
        ({"Fn::If": ["Neither", 1, 2]}, 2),
        ({"a": {"Ref": "AWS::NoValue"}, "b": [1, {"Ref": "AWS::NoValue"}]}, {"b": [1]}),
        ({"Condition": {"Bool": {"x": "y"}}}, {"Condition": {"Bool": {"x": "y"}}}),
        (["text", 1, True, None], ["text", 1, True, None]),
    ],
)
def test_values_resolve(resolver, value, expected):
    assert resolver.resolve(value) == expected


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"Ref": "Missing"}, "Missing"),
        ({"Fn::GetAtt": ["Table", "Colour"]}, "Colour"),
        ({"Fn::If": ["NoSuch", 1, 2]}, "NoSuch"),
        ({"Fn::Cidr": ["10.0.0.0/16", 1, 8]}, "Fn::Cidr"),
        ({"Fn::FindInMap": ["Sizes", "dev", "memory"]}, "dev"),
    ],
)
def test_what_does_not_exist_is_named(resolver, value, words):
    with pytest.raises(ConfigurationError, match=words):
        resolver.resolve(value)
