"""Trouble on demand at the AWS endpoint."""

import pytest

from local.stack.faults import Fault, FaultBox, identify


def environ(method="POST", path="/", query="", **headers):
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
    }


def signed(service):
    return f"AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host"


@pytest.mark.parametrize(
    ("request_environ", "expected"),
    [
        (
            environ(authorization=signed("dynamodb"), x_amz_target="DynamoDB_20120810.UpdateItem"),
            ("dynamodb", "UpdateItem"),
        ),
        (environ("PUT", "/bucket/results/1.png", authorization=signed("s3")), ("s3", "PutObject")),
        (
            environ("GET", "/bucket/1.png", "X-Amz-Credential=local/20260101/us-east-1/s3/aws4_request"),
            ("s3", "GetObject"),
        ),
        (environ("GET", "/bucket/1.png", "Signature=x&AWSAccessKeyId=y"), ("s3", "GetObject")),
        (environ("PUT", "/bucket/1.png", "uploadId=1&partNumber=1", authorization=signed("s3")), ("s3", "UploadPart")),
        (environ("GET", "/bucket", authorization=signed("s3")), ("s3", "ListObjectsV2")),
        (environ("POST", "/"), ("", "")),
    ],
)
def test_a_request_tells_its_service_and_operation(request_environ, expected):
    assert identify(request_environ) == expected


def test_a_fault_strikes_so_many_times():
    box = FaultBox()
    box.add(Fault("s3", "PutObject", times=2))

    struck = [box.strike("s3", "PutObject") is not None for _ in range(3)]

    assert struck == [True, True, False]
    assert not box


def test_a_fault_without_operation_strikes_the_whole_service_and_no_other():
    box = FaultBox()
    box.add(Fault("dynamodb"))

    assert box.strike("dynamodb", "GetItem") is not None
    assert box.strike("s3", "GetObject") is None
    box.clear()
    assert box.strike("dynamodb", "GetItem") is None


def test_the_failure_has_the_form_of_the_service():
    assert Fault("s3", status=503).body() == (
        "application/xml",
        b"<Error><Code>SlowDown</Code><Message>Fault injected by the embedded stack</Message></Error>",
    )
    assert b"InternalServerError" in Fault("dynamodb", status=500).body()[1]
    assert b"Own" in Fault("dynamodb", code="Own").body()[1]


@pytest.mark.parametrize(
    "request_body", [{}, {"service": 1}, {"service": "s3", "colour": "red"}, {"service": "s3", "times": []}]
)
def test_a_fault_that_cannot_be_read_is_refused(request_body):
    with pytest.raises(ValueError, match=r"."):
        Fault.parse(request_body)
