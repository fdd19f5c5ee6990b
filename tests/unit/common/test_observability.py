"""Metrics as one line each, and what logs say of errors."""

import json
import threading

import pytest
from botocore.exceptions import ClientError

from common.observability import describe, emit
from common.settings import SettingsError


def test_metrics_are_one_line_with_their_dimensions(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"RepliesLate": 1}, milliseconds={"UpstreamLatency": 12.5}, dimensions={"character": "c1"})
    [line] = capsys.readouterr().out.splitlines()
    entry = json.loads(line)
    described = entry["_aws"]["CloudWatchMetrics"][0]
    assert described["Namespace"] == "Tests"
    assert "character" in described["Dimensions"][0]
    assert {(metric["Name"], metric["Unit"]) for metric in described["Metrics"]} == {
        ("RepliesLate", "Count"),
        ("UpstreamLatency", "Milliseconds"),
    }
    assert (entry["character"], entry["RepliesLate"], entry["UpstreamLatency"]) == ("c1", [1.0], [12.5])


def test_lines_of_several_threads_stay_apart(capsys: pytest.CaptureFixture[str]) -> None:
    threads = [threading.Thread(target=emit, args=({"Count": number},)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = capsys.readouterr().out.splitlines()
    assert sorted(json.loads(line)["Count"][0] for line in lines) == list(range(20))


def _fail() -> None:
    raise ValueError("the user's words")


def test_an_error_is_described_by_kind_and_place() -> None:
    with pytest.raises(ValueError, match="words") as failure:
        _fail()
    described = describe(failure.value)
    assert described["error_type"] == "ValueError"
    assert "_fail" in str(described["error_at"])
    assert "words" not in str(described)


def test_the_cause_is_named_by_kind_and_by_awss_code() -> None:
    refused = ClientError({"Error": {"Code": "ThrottlingException", "Message": "the user's words"}}, "UpdateItem")
    failure = RuntimeError("the table does not answer")
    failure.__cause__ = refused
    described = describe(failure)
    assert described["cause_type"] == "ClientError"
    assert described["aws_error_code"] == "ThrottlingException"
    assert "words" not in str(described)


def test_an_operator_reads_which_setting_is_wrong() -> None:
    assert (
        describe(SettingsError("The setting GREETING cannot be used."))["error"]
        == "The setting GREETING cannot be used."
    )
