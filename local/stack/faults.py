"""Trouble on demand at the AWS endpoint: chosen operations fail or answer late, a given number of times."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_CREDENTIAL = re.compile(r"Credential=[^/]+/\d{8}/[^/]+/([a-z0-9-]+)/")
_CODES = {
    "dynamodb": {400: "ProvisionedThroughputExceededException", 500: "InternalServerError", 503: "ServiceUnavailable"},
    "s3": {403: "AccessDenied", 500: "InternalError", 503: "SlowDown"},
    "states": {400: "ThrottlingException", 500: "InternalFailure", 503: "ServiceUnavailable"},
}


@dataclass
class Fault:
    """One kind of trouble.

    Attributes:
        service: The service's name in request signatures: ``s3``, ``dynamodb``, ``states``, ``secretsmanager`` ….
        operation: ``PutObject``, ``UpdateItem`` …; None means every operation of the service.
        status: HTTP status of the failure; 0 lets the request through (for latency alone).
        times: How many requests are still to be hit; None means all until the fault is removed.
        latency_seconds: How long the answer is held back.
        code: The error code; None takes the usual one for the status.

    """

    service: str
    operation: str | None = None
    status: int = 503
    times: int | None = None
    latency_seconds: float = 0.0
    code: str | None = None

    @classmethod
    def parse(cls, request: Mapping[str, Any]) -> Fault:
        """A fault from its JSON form.

        Raises:
            ValueError: A field is unknown, missing or of the wrong type; the message names it.
        """
        unknown = set(request) - set(cls.__dataclass_fields__)
        if unknown:
            raise ValueError(f"unknown fields: {', '.join(sorted(unknown))}")
        if not isinstance(request.get("service"), str):
            raise ValueError("service is missing")  # noqa: TRY004 - callers handle one kind of error
        try:
            times = request.get("times")
            return cls(
                service=request["service"],
                operation=request.get("operation"),
                status=int(request.get("status", 503)),
                times=None if times is None else int(times),
                latency_seconds=float(request.get("latency_seconds", 0.0)),
                code=request.get("code"),
            )
        except TypeError as error:
            raise ValueError(str(error)) from error

    def body(self) -> tuple[str, bytes]:
        """Content type and body of the failure, in the service's own form."""
        code = self.code or _CODES.get(self.service, {}).get(self.status, "ServiceUnavailable")
        message = "Fault injected by the embedded stack"
        if self.service == "s3":
            return "application/xml", f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
        return "application/x-amz-json-1.0", json.dumps({"__type": code, "message": message}).encode()


class FaultBox:
    """The faults that are switched on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Switch a fault on."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Switch all off."""
        with self._lock:
            self._faults.clear()

    def listing(self) -> list[dict[str, Any]]:
        """Those that are on, with the number of times left."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def strike(self, service: str, operation: str) -> Fault | None:
        """The fault that hits a request, counted; None when the request is to be served."""
        with self._lock:
            for fault in self._faults:
                if fault.service == service and fault.operation in (None, operation):
                    if fault.times is not None:
                        fault.times -= 1
                        if fault.times <= 0:
                            self._faults.remove(fault)
                    return fault
        return None

    def __bool__(self) -> bool:
        return bool(self._faults)


def identify(environ: WSGIEnvironment) -> tuple[str, str]:
    """The service and the operation that a signed request asks for; empty strings where that cannot be told."""
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    credential = environ.get("HTTP_AUTHORIZATION") or "Credential=" + query.get("X-Amz-Credential", [""])[0]
    found = _CREDENTIAL.search(credential)
    service = found[1] if found else ("s3" if "Signature" in query else "")
    if service == "s3":
        return service, _s3_operation(environ["REQUEST_METHOD"], environ["PATH_INFO"], query)
    return service, environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]


def _s3_operation(method: str, path: str, query: Mapping[str, list[str]]) -> str:
    has_key = "/" in path.strip("/")
    if "uploads" in query and method == "POST":
        return "CreateMultipartUpload"
    if "uploadId" in query:
        return {"PUT": "UploadPart", "POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload"}.get(
            method, ""
        )
    verbs = {"PUT": "Put", "GET": "Get", "HEAD": "Head", "DELETE": "Delete"}
    if not has_key:
        return "ListObjectsV2" if method == "GET" else f"{verbs.get(method, method)}Bucket"
    if method == "PUT" and "tagging" in query:
        return "PutObjectTagging"
    return f"{verbs.get(method, method)}Object"
