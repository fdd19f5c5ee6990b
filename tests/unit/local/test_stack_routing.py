"""The route of a request."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.stack.blueprint import RouteSpec
from local.stack.routing import RouteTable


def route(method, resource):
    return RouteSpec(method, resource, function=f"{method} {resource}", key_required=False)


TABLE = RouteTable(
    [
        route("ANY", "/{proxy+}"),
        route("GET", "/images/{job_id}"),
        route("GET", "/images/latest"),
        route("GET", "/images"),
        route("POST", "/images"),
        route("GET", "/images/{job_id}/content"),
        route("ANY", "/both"),
        route("GET", "/both"),
    ],
    "prod",
)


@pytest.mark.parametrize(
    ("method", "path", "function", "parameters"),
    [
        ("GET", "/images", "GET /images", {}),
        ("POST", "/images", "POST /images", {}),
        ("GET", "/images/latest", "GET /images/latest", {}),
        ("GET", "/images/42", "GET /images/{job_id}", {"job_id": "42"}),
        ("GET", "/images/a%2Fb%20c%25", "GET /images/{job_id}", {"job_id": "a/b c%"}),
        ("GET", "/images/42/content", "GET /images/{job_id}/content", {"job_id": "42"}),
        ("PUT", "/x/y%20z", "ANY /{proxy+}", {"proxy": "x/y z"}),
        ("GET", "/both", "GET /both", {}),
        ("PUT", "/both", "ANY /both", {}),
    ],
)
def test_the_most_specific_route_wins(method, path, function, parameters):
    match = TABLE.find(method, path)

    assert match is not None
    assert (match.route.function, match.parameters) == (function, parameters)


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/images"), ("PUT", "/images/42")])
def test_a_method_that_the_resource_lacks_is_unknown_even_where_a_wider_resource_has_it(method, path):
    assert TABLE.find(method, path) is None


def test_an_empty_segment_fills_no_parameter():
    assert RouteTable([route("GET", "/images/{job_id}")], "prod").find("GET", "/images/") is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/prod/images", "/images"), ("/images", "/images"), ("/prod", "/"), ("/production/x", "/production/x")],
)
def test_the_stage_may_stand_in_front(path, expected):
    assert TABLE.without_stage(path) == expected


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_a_parameter_is_decoded_exactly_once(text):
    table = RouteTable([route("GET", "/sessions/{session_id}")], "prod")

    match = table.find("GET", "/sessions/" + quote(text, safe=""))

    assert match is not None
    assert match.parameters == {"session_id": text}
